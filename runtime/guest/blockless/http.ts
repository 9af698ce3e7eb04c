import { hasMoreValuesThan } from '../../core/json-size.ts';
import type { Host, HostModule } from '../host.ts';
import { OutboundError } from '../outbound/errors.ts';
import type { OutboundResponse } from '../outbound/fetch.ts';
import { BLOCKLESS_HTTP_ERRNO, FAILURE_ERRNO } from './http-errno.ts';
import { parseHttpOptions } from './http-options.ts';
import { incompleteTailLength, isUtf8Text } from './utf8-tail.ts';

export { BLOCKLESS_HTTP_ERRNO } from './http-errno.ts';

const ERRNO = BLOCKLESS_HTTP_ERRNO;
/** Responses one execution may hold open; guests often forget to close them. */
const MAX_OPEN = 64;
/** The old SDK reads in steps of this size and decodes each on its own (see `read`). */
const SDK_STEP = 1024;
const COPY_BYTES = 65_536;
/** Longest string, in bytes, unless bodies may be longer: parsed, it takes many times that of the heap all guests share. */
const MAX_TEXT = 8_388_608;

/** JSON values in the options of a request; headers, the most of it, are text. */
const MAX_OPTION_VALUES = 10_000;

interface OpenResponse {
  readonly response: OutboundResponse;
  readonly isText: boolean;
  /** Bytes that were read but left for the next `http_read_body`. */
  held: Uint8Array;
}

/**
 * `blockless_http`: HTTP for guests. Signatures and errnos after bls-runtime's `blockless_http.witx`; a string outside
 * memory, not UTF-8 or too long is errno 5, a buffer outside memory 2. Out words are written only when the errno is 0.
 */
export function createBlocklessHttp(host: Host): HostModule {
  const { memory } = host;
  const open = new Map<number, OpenResponse>();
  let lastHandle = 0;

  function closeAll(): void {
    for (const { response } of open.values()) response.cancel();
    open.clear();
  }

  function text(pointer: number, length: number): string | null {
    if (length >>> 0 > Math.max(MAX_TEXT, host.context.limits.bodyBytes)) return null;
    try {
      return memory.text(pointer, length);
    } catch (error) {
      if (memory.revoked) throw error;
      return null;
    }
  }

  /** The errno of a failed request or read, and a line for the operator saying what to do. */
  function failed(error: unknown): number {
    if (!(error instanceof OutboundError)) throw error;
    if (error.kind !== 'cancelled' && !error.told) host.log(`http_req: ${error.message}`);
    return FAILURE_ERRNO[error.kind];
  }

  /**
   * `http_req(url_ptr, url_len, opts_ptr, opts_len, out_handle: *u32, out_status: *u32) → errno`
   *
   * Sends a request and waits for the head of the response; 4xx and 5xx are responses like any other. Handles count from
   * 1. Errnos: 2 out words, 5 strings, 7 method, 9 URL, 10 options, 11 transport or time, 12 too many open, 14 denied,
   * 15 headers.
   */
  async function request(
    urlPointer: number,
    urlLength: number,
    optionsPointer: number,
    optionsLength: number,
    handlePointer: number,
    statusPointer: number,
  ): Promise<number> {
    const url = text(urlPointer, urlLength);
    const optionsText = text(optionsPointer, optionsLength);
    if (url === null || optionsText === null) return ERRNO.utf8;
    if (hasMoreValuesThan(MAX_OPTION_VALUES, memory.bytes(optionsPointer, optionsLength))) return ERRNO.requestError;
    // Nothing may be sent whose outcome cannot be told.
    memory.bytes(handlePointer, 4);
    memory.bytes(statusPointer, 4);
    const options = parseHttpOptions(optionsText);
    if (typeof options === 'number') return options;
    if (open.size >= MAX_OPEN || host.handles.full) return ERRNO.tooManySessions;

    const { permissions, limits } = host.context;
    const { signal, outbound } = host;
    let response: OutboundResponse;
    host.traffic.bytesOut += options.body?.length ?? 0;
    try {
      response = await outbound.request({ ...options, url, permissions, signal, maxBodyBytes: limits.bodyBytes });
    } catch (error) {
      return failed(error);
    }
    try {
      memory.setU32(handlePointer, lastHandle + 1);
      memory.setU32(statusPointer, response.status);
    } catch (error) {
      response.cancel();
      throw error;
    }
    if (lastHandle === 0) host.onClose(closeAll);
    lastHandle++;
    host.handles.take();
    open.set(lastHandle, { response, isText: isUtf8Text(response), held: new Uint8Array(0) });
    return ERRNO.success;
  }

  /**
   * `http_read_header(handle, name_ptr, name_len, buf, buf_cap, out_n: *u32) → errno`
   *
   * Copies the first value of a header, at most `buf_cap` bytes of it; the same again when asked again, before and after
   * the body is read. Errnos: 1 handle, 2 buffer, 4 no such header, 5 name, 8 value is not ASCII.
   */
  function readHeader(
    handle: number,
    namePointer: number,
    nameLength: number,
    buffer: number,
    capacity: number,
    countPointer: number,
  ): number {
    const entry = open.get(handle);
    if (entry === undefined) return ERRNO.invalidHandle;
    const name = text(namePointer, nameLength);
    if (name === null) return ERRNO.utf8;
    const value = entry.response.header(name);
    if (value === undefined) return ERRNO.headerNotFound;
    const bytes = Buffer.from(value, 'latin1');
    if (bytes.some((byte) => byte > 0x7f)) return ERRNO.invalidEncoding;
    const target = memory.bytes(buffer, capacity);
    const copied = bytes.subarray(0, target.length);
    memory.bytes(countPointer, 4);
    target.set(copied);
    memory.setU32(countPointer, copied.length);
    return ERRNO.success;
  }

  /**
   * `http_read_body(handle, buf, buf_cap, out_n: *u32) → errno`
   *
   * Fills the buffer unless the body ends first; 0 bytes is the end. When a read of 1024 bytes ends inside a character of
   * a text, that character is left for the next read: `@blockless/sdk` decodes every such step on its own and would turn
   * it into garbage. Errnos: 1 handle, 2 buffer, 11 the body broke off, took too long or is too large (bls-runtime
   * passes such a body off as complete).
   */
  function readBody(handle: number, buffer: number, capacity: number, countPointer: number): number | Promise<number> {
    const entry = open.get(handle);
    if (entry === undefined) return ERRNO.invalidHandle;
    const target = memory.bytes(buffer, capacity);
    memory.bytes(countPointer, 4);
    // Mostly all of it is here: a guest that is parked for that pays with a turn, and so does its host.
    if (entry.held.length > 0) return readInTurn(entry, buffer, target.length, countPointer);
    let count: number | null;
    try {
      count = entry.response.readNow(target);
    } catch (error) {
      return failed(error);
    }
    if (count === null) return readInTurn(entry, buffer, target.length, countPointer);
    host.traffic.bytesIn += count;
    // As many as a read in turns writes, so that it costs the same fuel.
    memory.touched += count;
    return finishRead(entry, buffer, { wanted: target.length, filled: count }, countPointer);
  }

  /** Waits for what is not here yet. */
  async function readInTurn(
    entry: OpenResponse,
    buffer: number,
    wanted: number,
    countPointer: number,
  ): Promise<number> {
    let filled = Math.min(entry.held.length, wanted);
    memory.write(buffer, entry.held.subarray(0, filled));
    entry.held = entry.held.subarray(filled);
    const copy = new Uint8Array(Math.min(wanted - filled, COPY_BYTES));
    while (filled < wanted) {
      const part = copy.subarray(0, wanted - filled);
      let count: number;
      try {
        count = await entry.response.read(part);
      } catch (error) {
        // What was read before is good; the next call meets the same failure.
        if (filled > 0 && error instanceof OutboundError && error.kind !== 'cancelled') break;
        return failed(error);
      }
      host.traffic.bytesIn += count;
      memory.write(buffer + filled, part.subarray(0, count));
      filled += count;
      if (count < part.length) break;
    }
    return finishRead(entry, buffer, { wanted, filled }, countPointer);
  }

  function finishRead(
    entry: OpenResponse,
    buffer: number,
    { wanted, filled }: { wanted: number; filled: number },
    countPointer: number,
  ): number {
    let told = filled;
    if (wanted === SDK_STEP && filled === wanted && entry.isText) {
      const tail = incompleteTailLength(memory.bytes(buffer, filled));
      entry.held = memory.bytes(buffer + filled - tail, tail).slice();
      told -= tail;
    }
    memory.setU32(countPointer, told);
    return ERRNO.success;
  }

  /** `http_close(handle) → errno`: frees a response; 1 when there is none, or no longer. */
  function close(handle: number): number {
    const entry = open.get(handle);
    if (entry === undefined) return ERRNO.invalidHandle;
    open.delete(handle);
    host.handles.give();
    entry.response.cancel();
    return ERRNO.success;
  }

  return {
    calls: { http_req: request, http_read_header: readHeader, http_read_body: readBody, http_close: close },
    faultErrno: ERRNO.memoryAccess,
    internalErrno: ERRNO.runtimeError,
  };
}
