/**
 * Bytes that grow at the end. The buffer is held by this managed object, so a pointer from `reserve` is good until the
 * next allocation by anybody: use it in the very next host call.
 */
@final
export class ByteBuffer {
  private buffer: ArrayBuffer;
  private used: i32 = 0;

  constructor(capacity: i32) {
    this.buffer = new ArrayBuffer(capacity);
  }

  get length(): i32 {
    return this.used;
  }

  /** Bytes that may be written at the pointer `reserve` returns. */
  get free(): i32 {
    return this.buffer.byteLength - this.used;
  }

  /** Makes room for at least `count` more bytes, at least doubling when it grows, and returns where they go. */
  reserve(count: i32): usize {
    if (this.free < count) {
      const doubled = this.buffer.byteLength << 1;
      const needed = this.used + count;
      const grown = new ArrayBuffer(doubled > needed ? doubled : needed);
      memory.copy(changetype<usize>(grown), changetype<usize>(this.buffer), this.used);
      this.buffer = grown;
    }
    return changetype<usize>(this.buffer) + this.used;
  }

  /** Counts bytes in that were written at the pointer of `reserve`. */
  commit(count: i32): void {
    this.used += count;
  }

  /** Drops what lies past `length`. */
  truncate(length: i32): void {
    if (length < this.used) this.used = length;
  }

  clear(): void {
    this.used = 0;
  }

  /** The bytes themselves, not a copy. */
  view(): Uint8Array {
    return Uint8Array.wrap(this.buffer, 0, this.used);
  }
}
