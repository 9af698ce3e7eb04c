import type { LeasedMemory, MemoryPool } from './memory-pool.ts';
import type { OwnMemory } from './module-plan.ts';

const PAGE_BYTES = 65_536;
const DEFAULT_MAX_PAGES = 65_536;

/** The linear memories of one execution: one to each instance that has its own. Limits hold for all of them together. */
export class Leases {
  readonly #pool: MemoryPool;
  readonly #ceiling: number;
  readonly #held: LeasedMemory[] = [];

  /** @param ceiling most pages that a memory may ever have */
  constructor(pool: MemoryPool, ceiling: number) {
    this.#pool = pool;
    this.#ceiling = ceiling;
  }

  /** @throws RangeError when V8 can map no further memory; what was taken before is given back */
  take(memory: OwnMemory | null): LeasedMemory | null {
    if (memory === null) return null;
    const { initial, maximum } = memory;
    try {
      const most = Math.max(initial, Math.min(maximum ?? DEFAULT_MAX_PAGES, this.#ceiling));
      const lease = this.#pool.take(initial, most);
      this.#held.push(lease);
      return lease;
    } catch (error) {
      this.give();
      throw error;
    }
  }

  /** Size of all of them, in 64 KiB pages. */
  get pages(): number {
    let pages = 0;
    for (const lease of this.#held) pages += pagesOf(lease);
    return pages;
  }

  /**
   * Gives all of them back.
   * @param poolBytes most bytes that the pool may keep with them
   * @returns how large they were together, in bytes
   */
  give(poolBytes = Number.POSITIVE_INFINITY): number {
    let bytes = 0;
    for (const lease of this.#held) {
      this.#pool.give(lease, poolBytes);
      bytes += lease.views.bytes.length;
    }
    this.#held.length = 0;
    return bytes;
  }
}

/** Size of a memory in 64 KiB pages. */
export function pagesOf({ memory }: LeasedMemory): number {
  return memory.buffer.byteLength / PAGE_BYTES;
}
