/**
 * `(module (import "h" "g" (func $g (param i32) (result i32))) (export "grow" (func $g)))`: a global of function
 * reference type takes only exported wasm functions, so a JavaScript `grow` must pass through an instance once.
 */
const GROW_MODULE = new WebAssembly.Module(
  Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f],
    ...[0x02, 0x07, 0x01, 0x01, 0x68, 0x01, 0x67, 0x00, 0x00],
    ...[0x07, 0x08, 0x01, 0x04, 0x67, 0x72, 0x6f, 0x77, 0x00, 0x00],
  ),
);

const PAGE_BYTES = 65_536;

/** A linear memory on lease to one execution, with the function its `memory.grow` calls. */
export interface LeasedMemory {
  readonly memory: WebAssembly.Memory;
  /** Exported wasm function for the guest's grow global; reaches `onGrow`. */
  readonly grow: unknown;
  /** Answers `memory.grow(pages)` for the execution that holds the lease: the old size in pages, or −1. */
  onGrow: (pages: number) => number;
  readonly maximum: number;
}

const REFUSE = (): number => -1;

/**
 * Linear memories, zeroed and handed on: mapping a fresh one costs far more than clearing a used one.
 * Pools are by exact initial size and maximum; pooled bytes are capped.
 */
export class MemoryPool {
  readonly #free = new Map<string, LeasedMemory[]>();
  readonly #maxBytes: number;
  #pooledBytes = 0;

  /** @param maxBytes most bytes kept in unused memories */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * A zeroed memory of exactly `initial` pages.
   * @param maximum most pages it may ever have
   * @throws RangeError when V8 can map no further memory
   */
  take(initial: number, maximum: number): LeasedMemory {
    const key = `${initial}/${maximum}`;
    const free = this.#free.get(key) ?? [];
    if (free.length === 0) this.#free.set(key, free);
    const pooled = free.pop();
    if (pooled !== undefined) {
      this.#pooledBytes -= pooled.memory.buffer.byteLength;
      return pooled;
    }
    const memory = new WebAssembly.Memory({ initial, maximum });
    const leased: LeasedMemory = { memory, maximum, onGrow: REFUSE, grow: null };
    const helper = new WebAssembly.Instance(GROW_MODULE, { h: { g: (pages: number) => leased.onGrow(pages) } });
    (leased as { grow: unknown }).grow = helper.exports.grow;
    return leased;
  }

  /** Takes a memory back. It is cleared here, before anybody else can hold it. */
  give(leased: LeasedMemory): void {
    leased.onGrow = REFUSE;
    const { buffer } = leased.memory;
    // A memory that grew fits only modules that start at its size; without one it would never be taken.
    const free = this.#free.get(`${buffer.byteLength / PAGE_BYTES}/${leased.maximum}`);
    if (free === undefined || this.#pooledBytes + buffer.byteLength > this.#maxBytes) return;
    new Uint8Array(buffer).fill(0);
    this.#pooledBytes += buffer.byteLength;
    free.push(leased);
  }
}
