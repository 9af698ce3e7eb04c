/** How busy workers are: what they said last, and what this head gave them since. */
export interface Loads {
  /** An order goes to a worker. @returns to be called once when it is answered, or given up */
  begin(peerId: string): () => void;
  /** The least loaded first; of the same load in no particular order. */
  rank(candidates: Iterable<readonly [peerId: string, load: number | null]>): string[];
  /** So little to do that waiting for somebody better would be a loss. */
  isIdle(peerId: string, load: number | null): boolean;
}

/** An order under way counts as this much load: the answer a worker gave may be older than the orders it got since. */
const ORDER_LOAD = 1 / 64;
/** Of a worker that does not say. */
const UNKNOWN_LOAD = 0.5;
const IDLE_LOAD = 0.25;

/** Counts the orders of one head. */
export function createLoads(): Loads {
  const underWay = new Map<string, number>();
  const given = (peerId: string): number => (underWay.get(peerId) ?? 0) * ORDER_LOAD;

  return {
    begin(peerId) {
      underWay.set(peerId, (underWay.get(peerId) ?? 0) + 1);
      return () => {
        const left = (underWay.get(peerId) ?? 1) - 1;
        if (left === 0) underWay.delete(peerId);
        else underWay.set(peerId, left);
      };
    },
    rank(candidates) {
      const scored = Array.from(candidates, ([peerId, load]) => ({
        peerId,
        // Far less than an order: it only decides among equals.
        score: (load ?? UNKNOWN_LOAD) + given(peerId) + Math.random() * 1e-6,
      }));
      return scored.sort((a, b) => a.score - b.score).map(({ peerId }) => peerId);
    },
    // Whoever does not say is not waited past: no answer of his would tell more.
    isIdle: (peerId, load) => (load ?? 0) + given(peerId) <= IDLE_LOAD,
  };
}
