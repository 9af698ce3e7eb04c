/** Text that grows at the end, in linear time. */
@final
export class TextBuilder {
  private units: StaticArray<u16>;
  private used: i32 = 0;

  constructor(capacity: i32 = 64) {
    this.units = new StaticArray<u16>(capacity);
  }

  unit(unit: i32): TextBuilder {
    this.reserve(1);
    store<u16>(changetype<usize>(this.units) + (<usize>this.used << 1), <u16>unit);
    this.used++;
    return this;
  }

  add(text: string): TextBuilder {
    return this.addRange(text, 0, text.length);
  }

  /** Adds the units from `start` to before `end`, both within the text. */
  addRange(text: string, start: i32, end: i32): TextBuilder {
    const count = end - start;
    if (count <= 0) return this;
    this.reserve(count);
    memory.copy(
      changetype<usize>(this.units) + (<usize>this.used << 1),
      changetype<usize>(text) + (<usize>start << 1),
      <usize>count << 1
    );
    this.used += count;
    return this;
  }

  private reserve(count: i32): void {
    const needed = this.used + count;
    const capacity = this.units.length;
    if (needed <= capacity) return;
    const grown = new StaticArray<u16>(capacity << 1 > needed ? capacity << 1 : needed);
    memory.copy(changetype<usize>(grown), changetype<usize>(this.units), <usize>this.used << 1);
    this.units = grown;
  }

  toString(): string {
    const text = changetype<string>(__new(<usize>this.used << 1, idof<string>()));
    memory.copy(changetype<usize>(text), changetype<usize>(this.units), <usize>this.used << 1);
    return text;
  }
}
