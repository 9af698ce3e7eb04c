/** Bytes that come in pieces, until they are whole. Memory follows their number, not that of the pieces. */
export interface Pieces {
  readonly length: number;
  /** The bytes may be reused by the caller only where they are fewer than 16 KiB. */
  add(bytes: Uint8Array): void;
  /** All of them, and begins anew. */
  take(): Buffer;
}

/** Smaller pieces are copied together: a view of one byte takes a hundred, and holds all that it was cut from. */
const SMALL_BYTES = 16_384;
const LEAST_BYTES = 1_024;
const MOST_BYTES = 65_536;

/** None yet. */
export function createPieces(): Pieces {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let tail = NONE;
  let filled = 0;

  function seal(): void {
    if (filled > 0) pieces.push(tail.subarray(0, filled));
    tail = NONE;
    filled = 0;
  }

  return {
    get length() {
      return length;
    },
    add(bytes) {
      if (bytes.length >= SMALL_BYTES) {
        seal();
        // Not what it was cut from, where that is much more.
        pieces.push(bytes.length * 8 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes);
      } else if (bytes.length > 0) {
        if (filled + bytes.length > tail.length) {
          seal();
          // Most messages come in one piece; of one that does not, the next ones will be as many again.
          const more = length === 0 ? 0 : Math.min(MOST_BYTES, Math.max(LEAST_BYTES, length));
          tail = Buffer.allocUnsafeSlow(Math.max(bytes.length, more));
        }
        tail.set(bytes, filled);
        filled += bytes.length;
      }
      length += bytes.length;
    },
    take() {
      seal();
      const [first = NONE, ...others] = pieces;
      const all =
        others.length === 0 ? Buffer.from(first.buffer, first.byteOffset, first.length) : Buffer.concat(pieces, length);
      pieces = [];
      length = 0;
      return all;
    },
  };
}

const NONE = Buffer.alloc(0);
