import type { Storage } from './storage.ts';

const CHUNK_BYTES = 65_536;
const SMALLEST_CHUNK = 64;

/**
 * The bytes of a file, in chunks made when first written to: holes cost nothing, growing copies little. What a file
 * began with is shared with other executions and copied chunk by chunk.
 */
export class FileContent {
  readonly #storage: Storage;
  #chunks: (Uint8Array | undefined)[] = [];
  readonly #seed: Uint8Array;
  /** Of the seed, what is still part of the file. */
  #seedEnd: number;
  #size: number;
  /** What was taken from the storage: nothing for a seed as it came, the whole size from the first change on. */
  #charged = 0;

  /** @param seed never written to */
  constructor(storage: Storage, seed: Uint8Array) {
    this.#storage = storage;
    this.#seed = seed;
    this.#seedEnd = seed.length;
    this.#size = seed.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Copies from `at` on; returns how many bytes there were. */
  read(at: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - at));
    for (let done = 0; done < count; ) {
      const position = at + done;
      const from = position % CHUNK_BYTES;
      const step = Math.min(count - done, CHUNK_BYTES - from);
      const chunk = this.#chunks[Math.floor(position / CHUNK_BYTES)];
      const piece =
        chunk === undefined
          ? this.#seed.subarray(Math.min(position, this.#seedEnd), Math.min(position + step, this.#seedEnd))
          : chunk.subarray(from, from + step);
      into.set(piece, done);
      if (piece.length < step) into.fill(0, done + piece.length, done + step);
      done += step;
    }
    return count;
  }

  /** Makes room for writes up to `end`; nothing changes when it returns false. */
  reserve(end: number): boolean {
    const size = Math.max(end, this.#size);
    if (!this.#charge(size)) return false;
    this.#size = size;
    return true;
  }

  /** Writes within the size there is: see `reserve`. */
  write(at: number, from: Uint8Array): void {
    for (let done = 0; done < from.length; ) {
      const position = at + done;
      const start = position % CHUNK_BYTES;
      const step = Math.min(from.length - done, CHUNK_BYTES - start);
      this.#chunk(Math.floor(position / CHUNK_BYTES), start + step).set(from.subarray(done, done + step), start);
      done += step;
    }
  }

  /** Cuts or extends with zeros; nothing changes when it returns false. */
  resize(size: number): boolean {
    if (!this.#charge(size)) return false;
    if (size < this.#size) {
      this.#seedEnd = Math.min(this.#seedEnd, size);
      this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(size / CHUNK_BYTES));
      // What was cut off must not come back when the file grows again.
      if (size % CHUNK_BYTES !== 0) this.#chunks[Math.floor(size / CHUNK_BYTES)]?.fill(0, size % CHUNK_BYTES);
    }
    this.#size = size;
    return true;
  }

  /** No name and no descriptor leads here any more. */
  release(): void {
    this.#storage.giveBytes(this.#charged);
    this.#charged = 0;
    this.#chunks = [];
  }

  #charge(size: number): boolean {
    const more = size - this.#charged;
    if (more > 0 && !this.#storage.takeBytes(more)) return false;
    if (more < 0) this.#storage.giveBytes(-more);
    this.#charged = size;
    return true;
  }

  /** A chunk that can be written up to `end`. */
  #chunk(index: number, end: number): Uint8Array {
    const known = this.#chunks[index];
    if (known !== undefined && known.length >= end) return known;
    const start = index * CHUNK_BYTES;
    const old =
      known ?? this.#seed.subarray(Math.min(start, this.#seedEnd), Math.min(start + CHUNK_BYTES, this.#seedEnd));
    const wanted = index === 0 ? Math.max(end, old.length * 2, SMALLEST_CHUNK) : CHUNK_BYTES;
    const chunk = new Uint8Array(Math.min(wanted, CHUNK_BYTES));
    chunk.set(old);
    this.#chunks[index] = chunk;
    return chunk;
  }
}
