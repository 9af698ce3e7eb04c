/** Bytes of a stream, taken in the lengths a parser wants. */
export interface ByteQueue {
  /** The next `length` bytes, or `undefined` when the stream ends before. A view where they came in one chunk. */
  take(length: number): Promise<Uint8Array | undefined>;
  /** The next byte, or `undefined` at the end. */
  byte(): Promise<number | undefined>;
  /** Bytes taken so far. */
  readonly position: number;
  /** Ends the stream early. */
  stop(): Promise<void>;
}

/** @param source chunks of any size, empty ones included */
export function createByteQueue(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ByteQueue {
  const chunks =
    Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source as Iterable<Uint8Array>)[Symbol.iterator]();
  let chunk: Uint8Array = new Uint8Array();
  let at = 0;
  let position = 0;

  /** Makes sure that there is a byte. */
  async function fill(): Promise<boolean> {
    while (at === chunk.length) {
      const next = await chunks.next();
      if (next.done === true) return false;
      chunk = next.value;
      at = 0;
    }
    return true;
  }

  return {
    get position() {
      return position;
    },
    async byte() {
      if (at === chunk.length && !(await fill())) return undefined;
      position++;
      return chunk[at++];
    },
    async take(length) {
      if (chunk.length - at >= length) {
        const view = chunk.subarray(at, at + length);
        at += length;
        position += length;
        return view;
      }
      // The caller has bounded the length.
      const bytes = Buffer.allocUnsafe(length);
      for (let filled = 0; filled < length; ) {
        if (!(await fill())) return undefined;
        const part = chunk.subarray(at, at + length - filled);
        bytes.set(part, filled);
        filled += part.length;
        at += part.length;
        position += part.length;
      }
      return bytes;
    },
    async stop() {
      await chunks.return?.();
    },
  };
}
