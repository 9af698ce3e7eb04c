import { invalidModule } from './invalid-module.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const CORRUPT = 'build it again or fetch it again';

/**
 * Reads the wasm binary format. Positions are offsets in the whole file; nothing past `end` is read, and no number from
 * the file is trusted as a length before that many bytes are known to be there.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  /** What is being read, for messages: `type section`, `function 3`. */
  place: string;

  constructor(bytes: Uint8Array, place: string) {
    this.bytes = bytes;
    this.position = 0;
    this.end = bytes.length;
    this.place = place;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** @param problem reads on from "the type section, at byte 12, …" */
  fail(problem: string, at: number = this.position, remedy: string = CORRUPT): never {
    throw invalidModule(`the ${this.place}, at byte ${at}, ${problem}; ${remedy}`);
  }

  u8(): number {
    const byte = this.position < this.end ? this.bytes[this.position] : undefined;
    if (byte === undefined) this.fail('ends too early');
    this.position += 1;
    return byte;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    const at = this.position;
    const first = this.bytes[at] as number;
    // Most take one byte.
    if (first < 0x80 && at < this.end) {
      this.position = at + 1;
      return first;
    }
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      // 2 ** shift and not <<: the fifth byte would run into the sign bit.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    this.fail('holds a number that is too long', at);
  }

  /** Signed LEB128 of at most 33 bits: heap types, block types. */
  s33(): number {
    const at = this.position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (byte & 0x40) value -= 2 ** (shift + 7);
        if (value < -(2 ** 32) || value >= 2 ** 32) break;
        return value;
      }
    }
    this.fail('holds a number that is too long', at);
  }

  /**
   * The number of items that follow, each at least one byte long.
   * @param bound largest number allowed
   * @param items what is counted, for the message
   */
  count(bound: number, items: string): number {
    const at = this.position;
    const count = this.u32();
    if (count > bound)
      this.fail(`declares ${count} ${items}, more than the ${bound} allowed`, at, 'build a smaller module');
    if (count > this.end - this.position) this.fail(`declares ${count} ${items} but ends too early`, at);
    return count;
  }

  skip(length: number): void {
    if (length > this.end - this.position) this.fail('ends too early');
    this.position += length;
  }

  name(): string {
    const length = this.u32();
    const start = this.position;
    this.skip(length);
    try {
      return UTF8.decode(this.bytes.subarray(start, this.position));
    } catch {
      this.fail('holds a name that is not UTF-8', start);
    }
  }
}
