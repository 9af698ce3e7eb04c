/** Builds part of a wasm binary. Grows as needed; give the final size as `capacity` where it is known. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written so far; a view, valid until the next write. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(...values: readonly number[]): this {
    this.reserve(values.length);
    // Setting them from the array at once takes many times as long as one by one.
    for (let index = 0; index < values.length; index += 1) this.#bytes[this.#length++] = values[index] as number;
    return this;
  }

  raw(data: Uint8Array): this {
    this.reserve(data.length);
    this.#bytes.set(data, this.#length);
    this.#length += data.length;
    return this;
  }

  /** `bytes` from `start` to `end`. */
  copy(bytes: Uint8Array, start: number, end: number): this {
    // Most pieces between two edits are short: for them a view of its own costs more than the bytes.
    if (end - start > 64) return this.raw(bytes.subarray(start, end));
    this.reserve(end - start);
    for (let at = start; at < end; at += 1) this.#bytes[this.#length++] = bytes[at] as number;
    return this;
  }

  /** Unsigned LEB128. */
  u32(value: number): this {
    return this.#leb(value, 0x80);
  }

  /** A number that is not negative, in *signed* LEB128, so 64 takes two bytes: constants, an index as a heap type. */
  s32(value: number): this {
    return this.#leb(value, 0x40);
  }

  /** Forgets what was written, keeps the space. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  /** @param bound first number that does not fit into the last byte */
  #leb(value: number, bound: number): this {
    this.reserve(5);
    let rest = value;
    while (rest >= bound) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  name(text: string): this {
    const data = new TextEncoder().encode(text);
    return this.u32(data.length).raw(data);
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.written);
    this.#bytes = larger;
  }
}
