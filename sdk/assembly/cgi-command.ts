import { cgi_close, cgi_open, cgi_stderr_read, cgi_stdin_write, cgi_stdout_read } from "./blockless";
import { ByteBuffer } from "./bytes";
import { CgiError, OUTPUT_TOO_LARGE, cgiError } from "./cgi-error";
import { frameIsWhole, frameLength, frameStart } from "./cgi-frame";
import { parse } from "./json-parser";
import { JSONResult } from "./json-result";
import { JSONValue } from "./json-value";
import { decode, encode } from "./text";

// @ts-ignore: decorator
@inline const CHUNK: i32 = 4096;
// @ts-ignore: decorator
@inline const DEFAULT_MAX_BYTES: i32 = 1 << 20;
// @ts-ignore: decorator
@inline const STDERR_BYTES: i32 = 65536;

// Handle, then counts.
const scratch = memory.data(8, 4);

/** What an extension answered, or why it did not. */
@final
export class CgiResult {
  constructor(
    /** Set when it could not be run, or printed more than allowed; `stdout` has what came. */
    readonly error: CgiError | null,
    /** Its answer: all it printed, or the body where it framed it as `LENGTH\r\nBODY\r\n`. */
    readonly stdout: string,
    /** What it printed on stderr; empty when the answer was framed, since it may still be running. */
    readonly stderr: string
  ) {}

  get ok(): bool {
    return this.error === null;
  }

  /** The answer, parsed. */
  json(): JSONResult {
    return parse(this.stdout);
  }
}

/** An extension to be run. Every method but `run` and `runRaw` changes it and returns it. */
@final
export class CgiCommand {
  private args: JSONValue = JSONValue.array();
  private envs: JSONValue = JSONValue.array();
  private limit: i32 = DEFAULT_MAX_BYTES;

  constructor(private readonly alias: string) {}

  /** Adds an argument. */
  arg(text: string): CgiCommand {
    this.args.push(text);
    return this;
  }

  /** Sets an environment variable; the node leaves out those that would steer how programs run. */
  env(name: string, value: string): CgiCommand {
    // bls-runtime reads the latter two, everybody else writes the former.
    this.envs.push(
      JSONValue.object().set("name", name).set("value", value).set("env_name", name).set("env_val", value)
    );
    return this;
  }

  /** More output than this is cut there and reported as `output_too_large`; default 1 MiB. */
  maxBytes(count: i32): CgiCommand {
    this.limit = max(count, 0);
    return this;
  }

  /** Sends the request as `LENGTH\r\nREQUEST\r\n`, the length in bytes, and waits for the answer. */
  run(request: string): CgiResult {
    const body = encode(request);
    const head = encode(body.byteLength.toString() + "\r\n");
    const framed = new ByteBuffer(head.byteLength + body.byteLength + 2);
    append(framed, head);
    append(framed, body);
    append(framed, encode("\r\n"));
    return this.exchange(framed);
  }

  /** Sends the text as it is, and waits for the answer. */
  runRaw(input: string): CgiResult {
    const body = encode(input);
    const raw = new ByteBuffer(body.byteLength);
    append(raw, body);
    return this.exchange(raw);
  }

  private exchange(input: ByteBuffer): CgiResult {
    const command = encode(this.json());
    let errno = cgi_open(changetype<usize>(command), command.byteLength, scratch);
    if (errno != 0) return new CgiResult(cgiError(errno, this.alias), "", "");
    const handle = load<i32>(scratch);
    // One that answers without reading its input may be gone already: what it printed counts.
    const view = input.view();
    if (view.length > 0) cgi_stdin_write(handle, view.dataStart, view.length, scratch + 4);
    const output = new ByteBuffer(CHUNK);
    let start = 0;
    let whole = false;
    while (true) {
      const pointer = output.reserve(CHUNK);
      errno = cgi_stdout_read(handle, pointer, output.free, scratch + 4);
      if (errno != 0) break;
      const read = load<i32>(scratch, 4);
      if (read <= 0) break;
      output.commit(min(read, output.free));
      if (start == 0) start = frameStart(output.view());
      whole = frameIsWhole(output.view(), start);
      if (whole) break;
      if (output.length > this.limit) {
        errno = OUTPUT_TOO_LARGE;
        break;
      }
    }
    const problems = errno == 0 && !whole ? readStderr(handle) : "";
    cgi_close(handle);
    let answer = output.view();
    if (whole) answer = answer.subarray(start, start + frameLength(answer, start));
    if (answer.length > this.limit) {
      errno = OUTPUT_TOO_LARGE;
      answer = answer.subarray(0, this.limit);
    }
    return new CgiResult(errno == 0 ? null : cgiError(errno, this.alias), decode(answer), problems);
  }

  private json(): string {
    const command = JSONValue.object().set("command", this.alias);
    if (this.args.length > 0) command.set("args", this.args);
    if (this.envs.length > 0) command.set("envs", this.envs);
    return command.stringify();
  }
}

/** To its end; what lies beyond 64 KiB is dropped. */
function readStderr(handle: i32): string {
  const output = new ByteBuffer(256);
  while (output.length < STDERR_BYTES) {
    const pointer = output.reserve(256);
    if (cgi_stderr_read(handle, pointer, output.free, scratch + 4) != 0) break;
    const read = load<i32>(scratch, 4);
    if (read <= 0) break;
    output.commit(min(read, output.free));
  }
  return decode(output.view());
}

function append(target: ByteBuffer, bytes: ArrayBuffer): void {
  const length = bytes.byteLength;
  memory.copy(target.reserve(length), changetype<usize>(bytes), length);
  target.commit(length);
}
