import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

const UTF8 = new TextEncoder();

/** NUL-terminated strings, as C programs want them. A string that holds a NUL cannot be one: it is left out. */
function cStrings(texts: readonly string[]): Uint8Array[] {
  return texts.filter((text) => !text.includes('\0')).map((text) => UTF8.encode(`${text}\0`));
}

/**
 * args and environ. Both come as two calls: sizes first, then the strings with a table of pointers to them.
 *
 *     pointers: [p0][p1]…   buffer: a r g 0 NUL a r g 1 NUL …
 *              u32 each     ^p0           ^p1
 *
 * Errno: fault. Source: witx `args_get`, `args_sizes_get`, `environ_get`, `environ_sizes_get`.
 */
export function createArgsEnviron(host: Host): HostModule {
  const { memory, context } = host;
  let args: Uint8Array[] | undefined;
  let environ: Uint8Array[] | undefined;
  const readArgs = () => (args ??= cStrings(context.args));
  const readEnviron = () => (environ ??= cStrings(environStrings(context.env)));

  const sizes = (strings: readonly Uint8Array[], countPointer: number, bytesPointer: number): number => {
    memory.setU32(countPointer, strings.length);
    memory.setU32(
      bytesPointer,
      strings.reduce((sum, string) => sum + string.length, 0),
    );
    return ERRNO.success;
  };
  const get = (strings: readonly Uint8Array[], tablePointer: number, bufferPointer: number): number => {
    let table = tablePointer >>> 0;
    let buffer = bufferPointer >>> 0;
    for (const string of strings) {
      memory.setU32(table, buffer);
      memory.write(buffer, string);
      table += 4;
      buffer += string.length;
    }
    return ERRNO.success;
  };
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      args_sizes_get: (count: number, bytes: number) => sizes(readArgs(), count, bytes),
      args_get: (table: number, buffer: number) => get(readArgs(), table, buffer),
      environ_sizes_get: (count: number, bytes: number) => sizes(readEnviron(), count, bytes),
      environ_get: (table: number, buffer: number) => get(readEnviron(), table, buffer),
    },
  };
}

/** `NAME=VALUE` each; of a repeated name the last value, and no name that could be read as another's. */
function environStrings(env: readonly (readonly [string, string])[]): string[] {
  const byName = new Map<string, string>();
  for (const [name, value] of env) if (name !== '' && !name.includes('=')) byName.set(name, value);
  return Array.from(byName, ([name, value]) => `${name}=${value}`);
}
