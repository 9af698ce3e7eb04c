import { crc32 } from 'node:zlib';

/** Most bytes of one stored block (RFC 1951, 3.2.4). */
const MAX_BLOCK = 65_535;
/** RFC 1952: deflate, no flags, no time, no level, unknown system. */
const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/**
 * Wraps bytes as gzip without compressing them: what a compressor makes of them differs from one build of zlib to the
 * next, and with it the CID.
 */
export function gzipStored(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / MAX_BLOCK));
  const out = Buffer.alloc(HEADER.length + blocks * 5 + bytes.length + 8);
  out.set(HEADER);
  let at = HEADER.length;
  for (let block = 0; block < blocks; block++) {
    const part = bytes.subarray(block * MAX_BLOCK, (block + 1) * MAX_BLOCK);
    out[at] = block === blocks - 1 ? 1 : 0;
    out.writeUInt16LE(part.length, at + 1);
    out.writeUInt16LE(part.length ^ 0xffff, at + 3);
    out.set(part, at + 5);
    at += 5 + part.length;
  }
  out.writeUInt32LE(crc32(bytes), at);
  out.writeUInt32LE(bytes.length % 2 ** 32, at + 4);
  return new Uint8Array(out);
}
