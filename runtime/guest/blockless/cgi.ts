import type { CgiCommand, CgiStream } from '../../core/services.ts';
import type { Host, HostModule } from '../host.ts';
import { MemoryFault } from '../memory.ts';
import { MAX_COMMAND_BYTES, parseCgiCommand, settingForAlias } from './cgi-command.ts';

/** Errnos of `blockless_cgi`, as bls-runtime's `blockless_cgi.witx` numbers them. */
const BLOCKLESS_CGI_ERRNO = {
  success: 0,
  invalidHandle: 1,
  runtimeError: 2,
  invalidParameter: 3,
  invalidExtension: 4,
} as const;

const ERRNO = BLOCKLESS_CGI_ERRNO;
/** Lists and processes one execution may hold open; guests often forget to close them. */
const MAX_OPEN = 64;
/** Bytes on their way to a process at a time; a guest's memory may be far larger than what should wait there. */
const WRITE_BYTES = 131_072;

/** What a handle stands for: the rest of a list, or a process of this execution on the front thread. */
type Open = { readonly list: Uint8Array; at: number } | { readonly child: number };

/**
 * `blockless_cgi`: the operator's extensions, which are programs on the host. Signatures and errnos after bls-runtime's
 * `blockless_cgi.witx`; memory that is not there is errno 3. Handles count from 1, lists and processes alike. Out words
 * are written only when the errno is 0. The processes belong to the front thread and end with the execution.
 */
export function createBlocklessCgi(host: Host): HostModule {
  const { memory } = host;
  const open = new Map<number, Open>();
  let lastHandle = 0;

  function add(entry: Open, handlePointer: number): number {
    memory.setU32(handlePointer, lastHandle + 1);
    open.set(++lastHandle, entry);
    host.handles.take();
    return ERRNO.success;
  }

  function childOf(handle: number): number | undefined {
    const entry = open.get(handle);
    return entry !== undefined && 'child' in entry ? entry.child : undefined;
  }

  /**
   * `cgi_list_exec(out_handle: *u32) → errno`
   *
   * Opens the list of extensions. Errnos: 2 too many handles are open, 3 out word.
   */
  async function list(handlePointer: number): Promise<number> {
    memory.bytes(handlePointer, 4);
    if (open.size >= MAX_OPEN || host.handles.full) return ERRNO.runtimeError;
    return add({ list: await host.ask('cgi.list', null), at: 0 }, handlePointer);
  }

  /**
   * `cgi_list_read(handle, buf, cap, out_n: *u32) → errno`
   *
   * The next piece of `[{"fileName":…,"alias":…,"md5":…,"description":…}]`; 0 bytes is the end. Errnos: 1 handle, 3
   * memory.
   */
  function readList(handle: number, buffer: number, capacity: number, countPointer: number): number {
    const entry = open.get(handle);
    if (entry === undefined || !('list' in entry)) return ERRNO.invalidHandle;
    const target = memory.bytes(buffer, capacity);
    memory.bytes(countPointer, 4);
    const piece = entry.list.subarray(entry.at, entry.at + target.length);
    target.set(piece);
    memory.setU32(countPointer, piece.length);
    entry.at += piece.length;
    return ERRNO.success;
  }

  /**
   * `cgi_open(cmd_ptr, cmd_len, out_handle: *u32) → errno`
   *
   * Starts an extension by alias, without a shell; no list has to be read first. Errnos: 2 it could not be started, or
   * too many run, 3 not a command or memory, 4 no extension has this alias.
   */
  async function start(commandPointer: number, commandLength: number, handlePointer: number): Promise<number> {
    memory.bytes(handlePointer, 4);
    if (commandLength >>> 0 > MAX_COMMAND_BYTES) return ERRNO.invalidParameter;
    const command = parseCgiCommand(readText(commandPointer, commandLength));
    if (command === null) return ERRNO.invalidParameter;
    if (open.size >= MAX_OPEN || host.handles.full) return ERRNO.runtimeError;
    const answer = await host.ask('cgi.open', command);
    if (answer === 'unknown') {
      host.log(`cgi_open: no extension has the alias ${quote(command.alias)}; ${settingForAlias(command.alias)}`);
      return ERRNO.invalidExtension;
    }
    return answer === 'failed' ? ERRNO.runtimeError : add({ child: answer }, handlePointer);
  }

  /** What is not UTF-8 is no command either. */
  function readText(pointer: number, length: number): string {
    try {
      return memory.text(pointer, length);
    } catch (error) {
      if (error instanceof TypeError) return '';
      throw error;
    }
  }

  /**
   * `cgi_stdout_read(handle, buf, cap, out_n: *u32) → errno`, and `cgi_stderr_read`
   *
   * Waits for the first byte, then until the buffer is full, the stream ends or is quiet for a moment, since guests read
   * an answer in one call. 0 bytes is the end. Errnos: 1 handle, 3 memory.
   */
  async function read(
    stream: CgiStream,
    handle: number,
    buffer: number,
    capacity: number,
    countPointer: number,
  ): Promise<number> {
    const child = childOf(handle);
    if (child === undefined) return ERRNO.invalidHandle;
    const wanted = memory.bytes(buffer, capacity).length;
    memory.bytes(countPointer, 4);
    const bytes = wanted === 0 ? new Uint8Array(0) : await host.ask('cgi.read', [child, stream, wanted]);
    if (bytes === null) return ERRNO.invalidHandle;
    host.traffic.bytesIn += bytes.length;
    memory.write(buffer, bytes);
    memory.setU32(countPointer, bytes.length);
    return ERRNO.success;
  }

  /**
   * `cgi_stdin_write(handle, buf, len, out_n: *u32) → errno`
   *
   * Waits until the process took every byte: guests ignore the count. Errnos: 1 handle, 2 it takes no more, 3 memory.
   */
  async function write(handle: number, buffer: number, length: number, countPointer: number): Promise<number> {
    const child = childOf(handle);
    if (child === undefined) return ERRNO.invalidHandle;
    const wanted = memory.bytes(buffer, length).length;
    memory.bytes(countPointer, 4);
    for (let at = 0; at < wanted; at += WRITE_BYTES) {
      const piece = memory.bytes((buffer >>> 0) + at, Math.min(wanted - at, WRITE_BYTES)).slice();
      if (!(await host.ask('cgi.write', [child, piece]))) return ERRNO.runtimeError;
      host.traffic.bytesOut += piece.length;
    }
    memory.setU32(countPointer, wanted);
    return ERRNO.success;
  }

  /** `cgi_close(handle) → errno`: frees a list, ends a process; 1 when there is none, or no longer. */
  async function close(handle: number): Promise<number> {
    const child = childOf(handle);
    if (!open.delete(handle)) return ERRNO.invalidHandle;
    host.handles.give();
    if (child !== undefined) await host.ask('cgi.close', child);
    return ERRNO.success;
  }

  /** Without extensions nothing was read of a call yet; what it asked to start says which setting is missing. */
  function whatAllows(name: string, args: readonly number[]): string {
    const command = name === 'cgi_open' ? commandOf(args) : null;
    if (command === null) return 'no extension is configured; set extensions.dir or extensions.NAME.command';
    return `there is no extension ${quote(command.alias)}; ${settingForAlias(command.alias)}`;
  }

  function commandOf([pointer = 0, length = 0]: readonly number[]): CgiCommand | null {
    if (length >>> 0 > MAX_COMMAND_BYTES) return null;
    try {
      return parseCgiCommand(readText(pointer, length));
    } catch (error) {
      if (error instanceof MemoryFault) return null;
      throw error;
    }
  }

  return {
    whatAllows,
    calls: {
      cgi_list_exec: list,
      cgi_list_read: readList,
      cgi_open: start,
      cgi_stdout_read: (...args: [number, number, number, number]) => read('stdout', ...args),
      cgi_stderr_read: (...args: [number, number, number, number]) => read('stderr', ...args),
      cgi_stdin_write: write,
      cgi_close: close,
    },
    faultErrno: ERRNO.invalidParameter,
    internalErrno: ERRNO.runtimeError,
  };
}

/** A guest's word in a log: quoted, and short. */
function quote(alias: string): string {
  return JSON.stringify(alias.length > 80 ? `${alias.slice(0, 80)}…` : alias);
}
