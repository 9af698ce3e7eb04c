import type { Delivery } from './source-race.ts';

/** What one source brought for one job. */
export interface SourceShare {
  readonly source: string;
  readonly blocks: number;
  readonly bytes: number;
  /** From when it was first asked to its last block, rounded. */
  readonly ms: number;
}

/** Counts who brought what. */
export interface Tally {
  add(delivery: Delivery): void;
  /** In the order of their first block. */
  shares(): readonly SourceShare[];
}

export function createTally(): Tally {
  const bySource = new Map<string, { blocks: number; bytes: number; from: number; to: number }>();
  return {
    add({ source, bytes, askedAt, deliveredAt }) {
      const known = bySource.get(source) ?? { blocks: 0, bytes: 0, from: askedAt, to: deliveredAt };
      bySource.set(source, {
        blocks: known.blocks + 1,
        bytes: known.bytes + bytes.length,
        from: Math.min(known.from, askedAt),
        to: Math.max(known.to, deliveredAt),
      });
    },
    shares: () =>
      Array.from(bySource, ([source, { blocks, bytes, from, to }]) => ({
        source,
        blocks,
        bytes,
        ms: Math.round((to - from) * 10) / 10,
      })),
  };
}
