import type { GuestMemory } from '../memory.ts';

/** `iovec`/`ciovec`: pointer u32, length u32. */
const IOVEC_BYTES = 8;
/** As POSIX systems have it: more pieces in one call are an error, not work without bound. */
export const IOV_MAX = 1024;

/** All pieces, checked before any is used. */
export function readIovecs(memory: GuestMemory, pointer: number, count: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < count >>> 0; index++) {
    const at = (pointer >>> 0) + index * IOVEC_BYTES;
    pieces.push(memory.bytes(memory.getU32(at), memory.getU32(at + 4)));
  }
  return pieces;
}
