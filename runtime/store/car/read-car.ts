import { CID } from 'multiformats/cid';
import { identityBlock, verifyBlock } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import { MAX_BLOCK_BYTES } from '../sources/block-source.ts';
import { type ByteQueue, createByteQueue } from './byte-queue.ts';
import { type CarHeader, decodeHeader } from './car-header.ts';

/** Room for some hundreds of roots. */
const MAX_HEADER_BYTES = 32 * 1024;
/** The longest CID: version, codec and hash function as varints, and a digest of at most 128 bytes. */
const MAX_CID_BYTES = 160;
/** Version 2: after the first header stand 16 bytes of characteristics, and three offsets of 8 bytes. */
const V2_HEADER_BYTES = 40;
const V2_PRAGMA_BYTES = 11;
const MAX_V2_PADDING = 1024 * 1024;

export interface CarCaps {
  /** Bytes of the whole archive. */
  readonly bytes: number;
  readonly blocks: number;
  /** The caller hashes the blocks itself. */
  readonly unchecked?: boolean;
}

export interface Car {
  readonly version: 1 | 2;
  readonly roots: readonly CID[];
  /** The blocks in the order of the archive, each of them checked; to be read once. */
  readonly blocks: AsyncGenerator<{ readonly cid: CID; readonly bytes: Uint8Array }, void, void>;
}

/**
 * Reads a CAR as it streams in: version 1, or the data of version 2 (https://ipld.io/specs/transport/car/), whose index
 * is not needed. Holds one block at a time.
 * @throws InferbaseError here and while the blocks are read: `ERR_INVALID_ARCHIVE` for what is no CAR or is cut short,
 * `ERR_INTEGRITY` for a block that is not what its CID says, `ERR_INVALID_CID` for a hash that cannot be checked,
 * `ERR_FUNCTION_TOO_LARGE` past a cap
 */
export async function readCar(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, caps: CarCaps): Promise<Car> {
  const queue = createByteQueue(source);
  try {
    const first = await readHeader(queue);
    if (first.version === 1) {
      const blocks = readBlocks(queue, { ...caps, end: Number.POSITIVE_INFINITY });
      return { version: 1, roots: first.roots, blocks };
    }
    const end = await enterVersionTwo(queue);
    const inner = await readHeader(queue);
    if (inner.version !== 1) throw invalid('its version 2 holds something else than a version 1');
    return { version: 2, roots: inner.roots, blocks: readBlocks(queue, { ...caps, end }) };
  } catch (error) {
    await queue.stop();
    throw error;
  }
}

async function readHeader(queue: ByteQueue): Promise<CarHeader> {
  const length = await readVarint(queue);
  if (length === undefined) throw invalid('it is empty');
  if (length > MAX_HEADER_BYTES)
    throw invalid(`it has no header of a CAR (${length} bytes, at most ${MAX_HEADER_BYTES})`);
  const bytes = await queue.take(length);
  const header = bytes === undefined ? undefined : decodeHeader(bytes);
  if (header === undefined) throw invalid('it has no header of a CAR');
  return header;
}

/** Goes to the data. Returns where it ends. */
async function enterVersionTwo(queue: ByteQueue): Promise<number> {
  const fixed = await queue.take(V2_HEADER_BYTES);
  if (fixed === undefined) throw invalid('it is cut short in the header of version 2');
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.byteLength);
  const offset = view.getBigUint64(16, true);
  const size = view.getBigUint64(24, true);
  const padding = offset - BigInt(V2_PRAGMA_BYTES + V2_HEADER_BYTES);
  if (padding < 0n || padding > BigInt(MAX_V2_PADDING)) throw invalid(`its data is said to start at byte ${offset}`);
  if ((await queue.take(Number(padding))) === undefined) throw invalid('it is cut short before its data');
  return queue.position + Number(size);
}

async function* readBlocks(queue: ByteQueue, caps: CarCaps & { readonly end: number }): Car['blocks'] {
  try {
    for (let count = 0; queue.position < caps.end; count++) {
      const start = queue.position;
      const length = await readVarint(queue);
      if (length === undefined) {
        if (Number.isFinite(caps.end)) throw invalid('it is cut short between two blocks');
        return;
      }
      if (count >= caps.blocks) throw tooLarge(`more than ${caps.blocks} blocks`);
      if (length === 0) throw invalid(`it has an empty entry at byte ${start}`);
      if (length > MAX_BLOCK_BYTES + MAX_CID_BYTES) {
        throw invalid(`it has an entry of ${length} bytes at byte ${start}; a block has at most ${MAX_BLOCK_BYTES}`);
      }
      if (queue.position + length > caps.bytes) throw tooLarge(`more than ${caps.bytes} bytes`);
      if (queue.position + length > caps.end) throw invalid(`its entry at byte ${start} is longer than its data`);
      const entry = await queue.take(length);
      if (entry === undefined) throw invalid(`it is cut short in the entry at byte ${start}`);
      const block = splitEntry(entry, start);
      if (caps.unchecked !== true) checkBlock(block, start);
      yield block;
    }
  } finally {
    await queue.stop();
  }
}

function splitEntry(entry: Uint8Array, at: number): { cid: CID; bytes: Uint8Array } {
  let cid: CID;
  let bytes: Uint8Array;
  try {
    [cid, bytes] = CID.decodeFirst(entry);
  } catch {
    throw invalid(`its entry at byte ${at} starts with no CID`);
  }
  if (bytes.length > MAX_BLOCK_BYTES) throw invalid(`its block at byte ${at} has more than ${MAX_BLOCK_BYTES} bytes`);
  return { cid, bytes };
}

function checkBlock({ cid, bytes }: { cid: CID; bytes: Uint8Array }, at: number): void {
  if (verifyBlock(cid, bytes)) return;
  const { code, digest } = cid.multihash;
  const checkable = code === 0x12 ? digest.length === 32 : identityBlock(cid) !== undefined;
  throw checkable
    ? new InferbaseError('ERR_INTEGRITY', `The CAR cannot be used: its block at byte ${at} is not what ${cid} names.`)
    : new InferbaseError(
        'ERR_INVALID_CID',
        `Block ${cid} is hashed with 0x${code.toString(16)}, which cannot be checked here; add it again with sha2-256.`,
      );
}

/** An unsigned LEB128 number below 2⁵³; `undefined` at the end of the stream. */
async function readVarint(queue: ByteQueue): Promise<number | undefined> {
  let value = 0;
  for (let at = 0; at < 7; at++) {
    const byte = await queue.byte();
    if (byte === undefined) {
      if (at === 0) return undefined;
      throw invalid('it is cut short in a length');
    }
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return value;
  }
  throw invalid('it has a length that no CAR has');
}

/** Whether a file starts as a CAR does. @param start at least the first 16 bytes, where there are as many */
export function looksLikeCar(start: Uint8Array): boolean {
  const text = Buffer.from(start.subarray(0, 16)).toString('latin1');
  return /^(.|[\x80-\xff].)(\xa2eroots|\xa2gversion|\xa1gversion)/s.test(text);
}

function invalid(problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_ARCHIVE', `The CAR cannot be read: ${problem}; export it again.`);
}

function tooLarge(problem: string): InferbaseError {
  return new InferbaseError('ERR_FUNCTION_TOO_LARGE', `The CAR has ${problem}; make it smaller.`);
}
