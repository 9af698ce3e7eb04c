import { collectGarbage } from '../core/collect-garbage.ts';
import type { MemoryViews } from './memory.ts';

const PAGE_BYTES = 65_536;
/** Bytes of dropped memories after which garbage is collected. */
const MAX_DROPPED_BYTES = 256 * 1_048_576;

/** A linear memory on lease to one execution. */
export interface LeasedMemory {
  readonly memory: WebAssembly.Memory;
  readonly maximum: number;
  /** Views of the memory as it was when the lease began. */
  views: MemoryViews;
}

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
    return { memory, maximum, views: viewsOf(memory) };
  }

  /**
   * Takes a memory back. It is cleared here, before anybody else can hold it.
   * @param maxBytes most bytes that unused memories may have with it
   */
  give(leased: LeasedMemory, maxBytes: number): void {
    // Growing detached the buffer that the views look at.
    if (leased.views.bytes.length === 0) leased.views = viewsOf(leased.memory);
    const { bytes } = leased.views;
    this.#liveBytes -= bytes.length;
    // A memory that grew fits only modules that start at its size; without one it would never be taken.
    const free = this.#free.get(keyOf(bytes.length / PAGE_BYTES, leased.maximum));
    if (free === undefined || this.#pooledBytes + bytes.length > Math.min(this.#maxBytes, maxBytes)) {
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
