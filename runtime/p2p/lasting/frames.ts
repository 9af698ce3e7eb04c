import { InferbaseError } from '../../core/errors.ts';
import { largest } from '../../core/largest.ts';
import { createPieces } from '../../core/pieces.ts';

/**
 * How messages lie on a kept stream: length of all that follows and length of the header, four bytes each and the high
 * byte first, then the header, a JSON array in UTF-8, then bytes that need no encoding, such as what a function printed.
 */
export interface Frame {
  readonly header: Buffer;
  readonly raw: Buffer;
}

const LENGTHS_BYTES = 8;
/** Longest frame without its first length. Output and requests beyond this go by the b7s wire, or not at all. */
export const MAX_FRAME_BYTES = 32 * 1_048_576;
/** Longest header: a list of some thousand peers. */
export const MAX_HEADER_BYTES = 1_048_576;

/**
 * Writes one frame.
 * @throws InferbaseError `ERR_INVALID_REQUEST` for more than a frame takes
 */
export function encodeFrame(header: string, raw: readonly Uint8Array[] = []): Buffer {
  const headerBytes = Buffer.byteLength(header);
  const rawBytes = raw.reduce((sum, { length }) => sum + length, 0);
  const total = 4 + headerBytes + rawBytes;
  if (total > MAX_FRAME_BYTES || headerBytes > MAX_HEADER_BYTES) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `a message of ${total} bytes is more than the ${MAX_FRAME_BYTES} that one between nodes may have; send less`,
    );
  }
  const frame = Buffer.allocUnsafe(4 + total);
  frame.writeUInt32BE(total, 0);
  frame.writeUInt32BE(headerBytes, 4);
  frame.write(header, LENGTHS_BYTES);
  let at = LENGTHS_BYTES + headerBytes;
  for (const bytes of raw) {
    frame.set(bytes, at);
    at += bytes.length;
  }
  return frame;
}

/** Bytes that are held for frames not yet whole, of all peers together. */
export interface FrameBudget {
  held: number;
  readonly max: number;
  /** Those that hold some. */
  readonly holders: Set<FrameHolder>;
}

interface FrameHolder {
  readonly held: number;
  /** Ends the stream, and so gives back what is held. */
  evict(why: string): void;
}

/** @param max bytes that may be held, of all peers together */
export function createFrameBudget(max: number): FrameBudget {
  return { held: 0, max, holders: new Set() };
}

export interface FrameReader {
  /**
   * Takes what came and gives the frames that are whole now; they lie in what came.
   * @throws InferbaseError `ERR_INTEGRITY` for lengths that no frame has
   */
  push(chunk: Uint8Array): Frame[];
  /** Gives back what is held. */
  drop(): void;
}

/**
 * Cuts a stream into frames. A length is only a claim: memory follows what came. Where the budget is used up, whoever holds
 * most has to go, not whoever comes last: else a few that hold on would keep all others out.
 */
export function createFrameReader(budget: FrameBudget, evict: (why: string) => void): FrameReader {
  const pieces = createPieces();
  const self: FrameHolder = {
    get held() {
      return pieces.length;
    },
    evict,
  };
  /** Bytes until the frame under way is whole, its lengths included; until those are here, they. */
  let wanted = LENGTHS_BYTES;

  function take(): Buffer {
    budget.held -= pieces.length;
    budget.holders.delete(self);
    return pieces.take();
  }

  function keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    pieces.add(bytes);
    budget.held += bytes.length;
    budget.holders.add(self);
    while (budget.held > budget.max) {
      const before = budget.held;
      largest(budget.holders, ({ held }) => held)?.evict('it holds too much that is not whole');
      if (budget.held === before) return;
    }
  }

  function read(bytes: Buffer): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      wanted = LENGTHS_BYTES;
      if (bytes.length - at < wanted) break;
      wanted = 4 + checkedLength(bytes, at);
      if (bytes.length - at < wanted) break;
      const raw = at + LENGTHS_BYTES + bytes.readUInt32BE(at + 4);
      frames.push({ header: bytes.subarray(at + LENGTHS_BYTES, raw), raw: bytes.subarray(raw, at + wanted) });
      at += wanted;
    }
    keep(bytes.subarray(at));
    return frames;
  }

  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      if (pieces.length + bytes.length < wanted) {
        keep(bytes);
        return [];
      }
      return read(pieces.length === 0 ? bytes : Buffer.concat([take(), bytes]));
    },
    drop: () => void take(),
  };
}

function checkedLength(bytes: Buffer, at: number): number {
  const total = bytes.readUInt32BE(at);
  const header = bytes.readUInt32BE(at + 4);
  if (total > MAX_FRAME_BYTES || header > MAX_HEADER_BYTES || header > total - 4) {
    throw new InferbaseError('ERR_INTEGRITY', `a frame said to have ${total} bytes with a header of ${header}`);
  }
  return total;
}
