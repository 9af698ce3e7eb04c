import type { Host, HostModule } from '../host.ts';

/** Errnos of `blockless_memory`, as bls-runtime's `blockless_memory.witx` numbers them. */
const BLOCKLESS_MEMORY_ERRNO = {
  success: 0,
  invalidHandle: 1,
  runtimeError: 2,
  invalidParameter: 3,
} as const;

const ERRNO = BLOCKLESS_MEMORY_ERRNO;
const UTF8 = new TextEncoder();

/** `blockless_memory`: stdin and environment of the execution, whole, without a cursor. */
export function createBlocklessMemory(host: Host): HostModule {
  const { memory, context } = host;

  /** @returns number of bytes copied */
  function copy(source: Uint8Array, buffer: number, capacity: number, countPointer: number): number {
    const target = memory.bytes(buffer, capacity);
    memory.bytes(countPointer, 4);
    const copied = source.subarray(0, target.length);
    target.set(copied);
    memory.setU32(countPointer, copied.length);
    return copied.length;
  }

  /**
   * `memory_read(buf, cap, out_n: *u32) → errno`
   *
   * Copies the beginning of stdin, at most `cap` bytes; the same again when asked again. Errnos: 2 memory, 3 `cap` is 0.
   */
  function readStdin(buffer: number, capacity: number, countPointer: number): number {
    if (capacity === 0) return ERRNO.invalidParameter;
    host.traffic.bytesIn += copy(context.stdin, buffer, capacity, countPointer);
    return ERRNO.success;
  }

  /**
   * `env_var_read(buf, cap, out_n: *u32) → errno`
   *
   * Copies the environment as a JSON object. Entries that do not fit are left off whole, from the first such on, so that
   * it stays JSON. Errnos: 2 memory, 3 `cap` has no room for an object.
   */
  function readEnvironment(buffer: number, capacity: number, countPointer: number): number {
    const room = capacity >>> 0;
    if (room < 2) return ERRNO.invalidParameter;
    const { json, dropped } = environmentJson(context.env, room);
    if (dropped > 0) {
      host.log(`env_var_read: the guest's buffer of ${room} bytes has no room for the last ${dropped} variables.`);
    }
    copy(json, buffer, capacity, countPointer);
    return ERRNO.success;
  }

  return {
    calls: { memory_read: readStdin, env_var_read: readEnvironment },
    faultErrno: ERRNO.runtimeError,
    internalErrno: ERRNO.runtimeError,
  };
}

/**
 * `{"NAME": "VALUE","NAME": "VALUE"}`, spaced as bls-runtime spaces it, in request order, duplicates kept; without
 * variables `{"": ""}`. Escaped for the SDK's parser, which knows no `\f`.
 * @param room bytes it may take, at least 2
 * @returns the UTF-8 bytes, and how many variables were left off
 */
function environmentJson(
  env: readonly (readonly [name: string, value: string])[],
  room: number,
): { json: Uint8Array; dropped: number } {
  const entries: string[] = [];
  let size = 2;
  for (const [name, value] of env.length === 0 ? [['', ''] as const] : env) {
    const entry = `${quote(name)}: ${quote(value)}`;
    size += Buffer.byteLength(entry) + (entries.length > 0 ? 1 : 0);
    if (size > room) break;
    entries.push(entry);
  }
  return { json: UTF8.encode(`{${entries.join(',')}}`), dropped: Math.max(0, env.length - entries.length) };
}

function quote(text: string): string {
  // Escapes are read in pairs, so that the "f" after an escaped backslash stays one.
  return JSON.stringify(text).replace(/\\./g, (pair) => (pair === '\\f' ? '\\u000c' : pair));
}
