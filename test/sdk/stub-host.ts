/** What a stubbed upstream answers: an errno, or a response. */
export type StubResponse =
  | { readonly errno: number }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array | string;
      /** Longest piece one read delivers; the default fills the buffer. */
      readonly pieceBytes?: number;
      /** Instead of the end of the body. */
      readonly endErrno?: number;
      /** As bls-runtime does: header reads fail once the body was read. */
      readonly headersOnlyBeforeBody?: boolean;
    };

export interface StubRequest {
  readonly url: string;
  /** The option text as the guest wrote it. */
  readonly options: string;
}

export interface StubInit {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
  /** Answers of `blockless_memory`; empty when not given. */
  readonly blocklessStdin?: string;
  readonly blocklessEnv?: string;
  readonly http?: (request: StubRequest) => StubResponse;
  /** Answer of `cgi_list_read`; without it `cgi_list_exec` fails. */
  readonly cgiList?: string;
  /** What an extension prints, given the command text and all its input; or the errno of `cgi_open`. */
  readonly cgi?: (command: string, input: string) => StubOutput | number;
  /** Open responses beyond this are refused with errno 12. */
  readonly maxOpen?: number;
  /** Longest piece one `fd_write` takes and one `fd_read` gives. */
  readonly pipeBytes?: number;
}

export interface StubOutput {
  readonly stdout: Uint8Array | string;
  readonly stderr?: string;
  /** Instead of the end of stdout. */
  readonly endErrno?: number;
}

interface OpenCommand {
  readonly command: string;
  input: string;
  output: StubOutput | null;
  readonly at: { stdout: number; stderr: number };
}

export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

interface OpenResponse {
  readonly headers: Map<string, string>;
  readonly body: Uint8Array;
  readonly answer: Exclude<StubResponse, { errno: number }>;
  at: number;
  bodyRead: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const toBytes = (data: Uint8Array | string): Uint8Array => (typeof data === 'string' ? encoder.encode(data) : data);

/** Hand-written host functions, each as small as its contract allows, over the memory the instance exports. */
export function createStubHost(init: StubInit, memory: () => WebAssembly.Memory) {
  const stdin = toBytes(init.stdin ?? '');
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const requests: StubRequest[] = [];
  const open = new Map<number, OpenResponse>();
  const commands = new Map<number, OpenCommand>();
  let stdinAt = 0;
  let lastHandle = 0;
  const pipeBytes = init.pipeBytes ?? Number.POSITIVE_INFINITY;
  const view = () => new DataView(memory().buffer);
  const bytes = (pointer: number, length: number) => new Uint8Array(memory().buffer, pointer >>> 0, length >>> 0);
  const text = (pointer: number, length: number) => decoder.decode(bytes(pointer, length));
  const setU32 = (pointer: number, value: number) => view().setUint32(pointer >>> 0, value, true);
  /** Writes as much as fits and how much that was. */
  const fill = (pointer: number, capacity: number, data: Uint8Array, out: number): number => {
    const part = data.subarray(0, capacity);
    bytes(pointer, part.length).set(part);
    setU32(out, part.length);
    return 0;
  };
  const tableSizes = (strings: readonly string[], count: number, size: number): number => {
    setU32(count, strings.length);
    setU32(
      size,
      strings.reduce((sum, string) => sum + toBytes(string).length + 1, 0),
    );
    return 0;
  };
  const table = (strings: readonly string[], pointers: number, characters: number): number => {
    let at = characters;
    strings.forEach((string, index) => {
      const data = toBytes(`${string}\0`);
      setU32(pointers + 4 * index, at);
      bytes(at, data.length).set(data);
      at += data.length;
    });
    return 0;
  };
  const args = ['program.wasm', ...(init.args ?? [])];
  const environ = Object.entries(init.env ?? {}).map(([name, value]) => `${name}=${value}`);

  const imports = {
    wasi_snapshot_preview1: {
      args_sizes_get: (count: number, size: number) => tableSizes(args, count, size),
      args_get: (pointers: number, characters: number) => table(args, pointers, characters),
      environ_sizes_get: (count: number, size: number) => tableSizes(environ, count, size),
      environ_get: (pointers: number, characters: number) => table(environ, pointers, characters),
      clock_time_get: (_clock: number, _precision: bigint, out: number) => {
        view().setBigUint64(out, 1_700_000_000_123_456_789n, true);
        return 0;
      },
      random_get: (pointer: number, length: number) => {
        crypto.getRandomValues(bytes(pointer, length));
        return 0;
      },
      fd_read: (fd: number, iovs: number, _count: number, out: number) => {
        if (fd !== 0) return 8;
        const capacity = Math.min(view().getUint32(iovs + 4, true), pipeBytes);
        const part = stdin.subarray(stdinAt, stdinAt + capacity);
        stdinAt += part.length;
        return fill(view().getUint32(iovs, true), capacity, part, out);
      },
      fd_write: (fd: number, iovs: number, _count: number, out: number) => {
        if (fd !== 1 && fd !== 2) return 8;
        const length = Math.min(view().getUint32(iovs + 4, true), pipeBytes);
        (fd === 1 ? stdout : stderr).push(bytes(view().getUint32(iovs, true), length).slice());
        setU32(out, length);
        return 0;
      },
      proc_exit: (code: number) => {
        throw new Exit(code);
      },
    },
    blockless_memory: {
      memory_read: (pointer: number, capacity: number, out: number) =>
        fill(pointer, capacity, toBytes(init.blocklessStdin ?? ''), out),
      env_var_read: (pointer: number, capacity: number, out: number) =>
        fill(pointer, capacity, toBytes(init.blocklessEnv ?? '{"": ""}'), out),
    },
    blockless_http: {
      http_req: (url: number, urlLength: number, opts: number, optsLength: number, handle: number, status: number) => {
        if (open.size >= (init.maxOpen ?? 64)) return 12;
        const request = { url: text(url, urlLength), options: text(opts, optsLength) };
        requests.push(request);
        const answer = init.http?.(request) ?? { errno: 11 };
        if ('errno' in answer) return answer.errno;
        const headers = new Map(Object.entries(answer.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
        open.set(++lastHandle, { headers, body: toBytes(answer.body ?? ''), answer, at: 0, bodyRead: false });
        setU32(handle, lastHandle);
        setU32(status, answer.status);
        return 0;
      },
      http_read_header: (handle: number, name: number, length: number, buffer: number, cap: number, out: number) => {
        const response = open.get(handle);
        if (response === undefined) return 1;
        if (response.bodyRead && response.answer.headersOnlyBeforeBody === true) return 11;
        const value = response.headers.get(text(name, length).toLowerCase());
        return value === undefined ? 4 : fill(buffer, cap, toBytes(value), out);
      },
      http_read_body: (handle: number, buffer: number, capacity: number, out: number) => {
        const response = open.get(handle);
        if (response === undefined) return 1;
        response.bodyRead = true;
        const size = Math.min(capacity >>> 0, response.answer.pieceBytes ?? Number.POSITIVE_INFINITY);
        const part = response.body.subarray(response.at, response.at + size);
        if (part.length === 0 && response.answer.endErrno !== undefined) return response.answer.endErrno;
        response.at += part.length;
        return fill(buffer, capacity, part, out);
      },
      http_close: (handle: number) => (open.delete(handle) ? 0 : 1),
    },
    blockless_cgi: {
      cgi_list_exec: (out: number) => {
        if (init.cgiList === undefined) return 4;
        commands.set(++lastHandle, {
          command: '',
          input: '',
          output: { stdout: init.cgiList },
          at: { stdout: 0, stderr: 0 },
        });
        setU32(out, lastHandle);
        return 0;
      },
      cgi_list_read: (handle: number, buffer: number, capacity: number, out: number) =>
        readCommand('stdout', handle, buffer, capacity, out),
      cgi_open: (pointer: number, length: number, out: number) => {
        const command = text(pointer, length);
        const answer = init.cgi?.(command, '') ?? 4;
        if (typeof answer === 'number') return answer;
        commands.set(++lastHandle, { command, input: '', output: null, at: { stdout: 0, stderr: 0 } });
        setU32(out, lastHandle);
        return 0;
      },
      cgi_stdin_write: (handle: number, pointer: number, length: number, out: number) => {
        const entry = commands.get(handle);
        if (entry === undefined) return 1;
        entry.input += text(pointer, length);
        setU32(out, length);
        return 0;
      },
      cgi_stdout_read: (handle: number, buffer: number, capacity: number, out: number) =>
        readCommand('stdout', handle, buffer, capacity, out),
      cgi_stderr_read: (handle: number, buffer: number, capacity: number, out: number) =>
        readCommand('stderr', handle, buffer, capacity, out),
      cgi_close: (handle: number) => (commands.delete(handle) ? 0 : 1),
    },
  };
  const readCommand = (
    stream: 'stdout' | 'stderr',
    handle: number,
    buffer: number,
    capacity: number,
    out: number,
  ): number => {
    const entry = commands.get(handle);
    if (entry === undefined) return 1;
    const answer = entry.output ?? init.cgi?.(entry.command, entry.input) ?? 0;
    if (typeof answer === 'number') return 2;
    entry.output = answer;
    const size = Math.min(capacity >>> 0, pipeBytes);
    const part = toBytes(answer[stream] ?? '').subarray(entry.at[stream], entry.at[stream] + size);
    if (part.length === 0 && stream === 'stdout' && answer.endErrno !== undefined) return answer.endErrno;
    entry.at[stream] += part.length;
    return fill(buffer, capacity, part, out);
  };
  const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  return {
    imports,
    requests,
    stdout: () => joined(stdout),
    stderr: () => joined(stderr),
    openHandles: () => open.size + commands.size,
  };
}
