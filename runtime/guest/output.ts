/** A guest that goes on printing to this many times its cap is ended. */
const EXCESS_FACTOR = 64;

const EMPTY = new Uint8Array(0);

/** One output stream of an execution: bytes up to a cap are kept, the rest is counted and dropped. */
export class CappedOutput {
  readonly #cap: number;
  /** One buffer that doubles: a guest that prints byte by byte would else cost hundreds of bytes for each. */
  #buffer: Uint8Array<ArrayBuffer> = EMPTY;
  #kept = 0;
  #total = 0;

  /** @param cap most bytes kept */
  constructor(cap: number) {
    this.#cap = cap;
  }

  /**
   * @param bytes copied, so a view of guest memory will do
   * @returns false once the guest wrote so much beyond the cap that it must be ended
   */
  append(bytes: Uint8Array): boolean {
    const room = Math.min(bytes.length, this.#cap - this.#kept);
    if (room > 0) {
      this.#reserve(this.#kept + room);
      this.#buffer.set(room === bytes.length ? bytes : bytes.subarray(0, room), this.#kept);
      this.#kept += room;
    }
    this.#total += bytes.length;
    return this.#total <= this.#cap * EXCESS_FACTOR;
  }

  get truncated(): boolean {
    return this.#total > this.#kept;
  }

  /** All kept bytes, in a buffer of exactly their size. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.length === this.#kept ? this.#buffer : this.#buffer.slice(0, this.#kept);
  }

  /** Exact for the first piece, which is mostly the only one. */
  #reserve(needed: number): void {
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, Math.min(this.#cap, this.#buffer.length * 2)));
    larger.set(this.#buffer.subarray(0, this.#kept));
    this.#buffer = larger;
  }
}
