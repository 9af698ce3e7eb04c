import { collectGarbage } from './collect-garbage.ts';
import type { MemoryViews } from './memory.ts';

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
/** Bytes of dropped memories after which garbage is collected. */
const MAX_DROPPED_BYTES = 256 * 1_048_576;

/** A linear memory on lease to one execution, with the function its `memory.grow` calls. */
export interface LeasedMemory {
  readonly memory: WebAssembly.Memory;
  /** Exported wasm function for the guest's grow global; reaches `onGrow`. */
  readonly grow: unknown;
  /** Answers `memory.grow(pages)` for the execution that holds the lease: the old size in pages, or −1. */
  onGrow: (pages: number) => number;
  readonly maximum: number;
  /** Views of the memory as it was when the lease began. */
  views: MemoryViews;
}

const REFUSE = (): number => -1;

/**
 * Linear memories, zeroed and handed on: mapping a fresh one costs far more than clearing a used one.
 * Pools are by exact initial size and maximum; pooled bytes are capped.
 */
export class MemoryPool {
  readonly #free = new Map<number, LeasedMemory[]>();
  readonly #maxBytes: number;
  readonly #maxLiveBytes: number;
  #pooledBytes = 0;
  #liveBytes = 0;
  #droppedBytes = 0;

  /**
   * @param maxBytes most bytes kept in unused memories
   * @param maxLiveBytes most bytes that memories on lease may grow to together
   */
  constructor(maxBytes: number, maxLiveBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxLiveBytes = maxLiveBytes;
  }

  /**
   * A zeroed memory of exactly `initial` pages.
   * @param maximum most pages it may ever have
   * @throws RangeError when V8 can map no further memory
   */
  take(initial: number, maximum: number): LeasedMemory {
    const leased = this.#takeFree(initial, maximum);
    this.#liveBytes += initial * PAGE_BYTES;
    return leased;
  }

  /** `memory.grow(pages)`: the old size in pages, or −1 when all leases together, or V8, have no room for more. */
  grow({ memory }: LeasedMemory, pages: number): number {
    const bytes = pages * PAGE_BYTES;
    if (this.#liveBytes + bytes > this.#maxLiveBytes) return -1;
    try {
      const old = memory.grow(pages);
      this.#liveBytes += bytes;
      return old;
    } catch {
      return -1;
    }
  }

  #takeFree(initial: number, maximum: number): LeasedMemory {
    const key = keyOf(initial, maximum);
    const free = this.#free.get(key) ?? [];
    if (free.length === 0) this.#free.set(key, free);
    const pooled = free.pop();
    if (pooled !== undefined) {
      this.#pooledBytes -= pooled.views.bytes.length;
      return pooled;
    }
    const memory = new WebAssembly.Memory({ initial, maximum });
    const leased: LeasedMemory = { memory, maximum, onGrow: REFUSE, grow: null, views: viewsOf(memory) };
    const helper = new WebAssembly.Instance(GROW_MODULE, { h: { g: (pages: number) => leased.onGrow(pages) } });
    (leased as { grow: unknown }).grow = helper.exports.grow;
    return leased;
  }

  /** Takes a memory back. It is cleared here, before anybody else can hold it. */
  give(leased: LeasedMemory): void {
    leased.onGrow = REFUSE;
    // Growing detached the buffer that the views look at.
    if (leased.views.bytes.length === 0) leased.views = viewsOf(leased.memory);
    const { bytes } = leased.views;
    this.#liveBytes -= bytes.length;
    // A memory that grew fits only modules that start at its size; without one it would never be taken.
    const free = this.#free.get(keyOf(bytes.length / PAGE_BYTES, leased.maximum));
    if (free === undefined || this.#pooledBytes + bytes.length > this.#maxBytes) {
      this.#drop(bytes.length);
      return;
    }
    bytes.fill(0);
    this.#pooledBytes += bytes.length;
    free.push(leased);
  }

  /** Forgets a memory: its bytes come back when V8 next collects garbage, which must not be left to chance. */
  #drop(bytes: number): void {
    this.#droppedBytes += bytes;
    if (this.#droppedBytes < MAX_DROPPED_BYTES) return;
    this.#droppedBytes = 0;
    setImmediate(collectGarbage);
  }
}

function keyOf(initial: number, maximum: number): number {
  return initial * 65_537 + maximum;
}

function viewsOf({ buffer }: WebAssembly.Memory): MemoryViews {
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}
