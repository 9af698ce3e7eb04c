import type { CID } from 'multiformats/cid';
import { varint } from '../varint.ts';
import { encodeHeader } from './car-header.ts';

/**
 * A CAR of version 1, as chunks that may be written one after the other.
 * @param blocks in the order they are to have; read as fast as the chunks are taken
 */
export async function* writeCar(
  roots: readonly CID[],
  blocks: AsyncIterable<{ readonly cid: CID; readonly bytes: Uint8Array }>,
): AsyncGenerator<Uint8Array, void, void> {
  const header = encodeHeader(roots);
  yield Buffer.concat([varint(header.length), header]);
  for await (const { cid, bytes } of blocks) {
    yield Buffer.concat([varint(cid.bytes.length + bytes.length), cid.bytes]);
    yield bytes;
  }
}
