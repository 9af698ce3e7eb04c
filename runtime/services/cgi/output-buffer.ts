/** A quiet time after which an answer is taken to be complete for now, in ms; pipes deliver one write in pieces. */
const QUIET_MS = 30;

/**
 * What a process printed and nobody read yet, bounded. `wait`: the process is held up while it is full; `drop`: what no
 * longer fits is lost, so that a stream nobody reads holds up nothing.
 */
export class OutputBuffer {
  readonly #limit: number;
  readonly #whenFull: 'wait' | 'drop';
  /** Told when there is room again. */
  onSpace: (() => void) | null = null;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(limit: number, whenFull: 'wait' | 'drop') {
    this.#limit = limit;
    this.#whenFull = whenFull;
  }

  get empty(): boolean {
    return this.#size === 0 && !this.#ended;
  }

  /** @returns false when the writer should wait for `onSpace` */
  push(chunk: Uint8Array): boolean {
    const room = this.#limit - this.#size;
    const kept = this.#whenFull === 'drop' ? chunk.subarray(0, Math.max(0, room)) : chunk;
    if (kept.length > 0 && !this.#ended) {
      this.#chunks.push(kept);
      this.#size += kept.length;
      this.#wake?.();
    }
    return this.#whenFull === 'drop' || this.#size < this.#limit;
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Waits for the first byte, then until there are `capacity` bytes, the end, or a quiet moment. Empty: the end. */
  async read(capacity: number): Promise<Uint8Array> {
    while (this.#size === 0 && !this.#ended) await this.#change(null);
    const enough = Math.min(capacity, this.#limit);
    while (this.#size < enough && !this.#ended) if (!(await this.#change(QUIET_MS))) break;
    return this.take(capacity);
  }

  /** What there is, at most `capacity` bytes, in an array of exactly that size. */
  take(capacity: number): Uint8Array {
    const wanted = Math.min(capacity, this.#size);
    const bytes = new Uint8Array(wanted);
    let filled = 0;
    let used = 0;
    while (filled < wanted) {
      const chunk = this.#chunks[used] ?? new Uint8Array(0);
      const part = chunk.subarray(0, wanted - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, used);
    this.#size -= wanted;
    if (wanted > 0 && this.#size < this.#limit) this.onSpace?.();
    return bytes;
  }

  /** Resolves at the next change: true; or after `ms` without one: false. */
  #change(ms: number | null): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = ms === null ? null : setTimeout(() => done(false), ms);
      const done = (changed: boolean): void => {
        if (timer !== null) clearTimeout(timer);
        this.#wake = null;
        resolve(changed);
      };
      this.#wake = () => done(true);
    });
  }
}
