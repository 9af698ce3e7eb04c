/** How busy workers are: what they said last, what this head gave them since, and how they kept their word. */
export interface Loads {
  /** An order goes to a worker. */
  begin(peerId: string): GivenOrder;
  /** The least loaded first; of the same load in no particular order. */
  rank(candidates: Iterable<readonly [peerId: string, load: number | null]>): string[];
  /** So little to do that waiting for somebody better would be a loss. */
  isIdle(peerId: string, load: number | null): boolean;
}

/** An order that a worker has. */
export interface GivenOrder {
  /** It is answered, or given up: called once. */
  end(): void;
  /** The worker did it. */
  kept(): void;
  /** The worker had said that it can, and did not: it refused what another one did, was lost, or let the time pass. */
  broken(): void;
}

/** An order under way counts as this much load: the answer a worker gave may be older than the orders it got since. */
const ORDER_LOAD = 1 / 64;
/** Of a worker that does not say. */
const UNKNOWN_LOAD = 0.5;
const IDLE_LOAD = 0.25;
/**
 * What a broken word counts as, at first and at most: twice as much each time. It fades by half in so many ms, and with
 * each word that is kept, so that nobody is passed over for ever.
 */
const MISTRUST = 0.5;
const MAX_MISTRUST = 4;
const HALF_LIFE_MS = 30_000;
/** Less than an order is forgotten. */
const MIN_MISTRUST = 0.01;
/** Workers whose words are remembered. */
const MAX_MISTRUSTED = 4_096;

interface Mistrust {
  /** What it counted at that time, as `now` has it. */
  readonly level: number;
  readonly at: number;
  readonly brokenAt: number;
}

/**
 * Counts the orders of one head: a worker that says it has nothing to do is not believed while it has many of them, nor when
 * it kept its word badly.
 * @param init.now ms; default `performance.now()`
 */
export function createLoads({ now = () => performance.now() }: { readonly now?: () => number } = {}): Loads {
  const underWay = new Map<string, number>();
  const mistrusted = new Map<string, Mistrust>();
  const given = (peerId: string): number => (underWay.get(peerId) ?? 0) * ORDER_LOAD;

  function mistrustOf(peerId: string): number {
    const known = mistrusted.get(peerId);
    if (known === undefined) return 0;
    const level = known.level * 2 ** ((known.at - now()) / HALF_LIFE_MS);
    if (level >= MIN_MISTRUST) return level;
    mistrusted.delete(peerId);
    return 0;
  }

  function mistrust(peerId: string, level: number, brokenAt: number): void {
    mistrusted.delete(peerId);
    mistrusted.set(peerId, { level, at: now(), brokenAt });
    if (mistrusted.size > MAX_MISTRUSTED) mistrusted.delete(mistrusted.keys().next().value ?? '');
  }

  /** Added to what a worker says, since that may be old, and may be a lie. */
  const ownView = (peerId: string): number => given(peerId) + mistrustOf(peerId);

  return {
    begin(peerId) {
      underWay.set(peerId, (underWay.get(peerId) ?? 0) + 1);
      const began = now();
      return {
        end() {
          const left = (underWay.get(peerId) ?? 1) - 1;
          if (left === 0) underWay.delete(peerId);
          else underWay.set(peerId, left);
        },
        kept() {
          const level = mistrustOf(peerId);
          const known = mistrusted.get(peerId);
          if (known !== undefined) mistrust(peerId, level / 2, known.brokenAt);
        },
        broken() {
          const level = mistrustOf(peerId);
          // What many orders at once meet is one thing that went wrong.
          if (began <= (mistrusted.get(peerId)?.brokenAt ?? Number.NEGATIVE_INFINITY)) return;
          mistrust(peerId, Math.min(MAX_MISTRUST, Math.max(MISTRUST, 2 * level)), now());
        },
      };
    },
    rank(candidates) {
      const scored = Array.from(candidates, ([peerId, load]) => ({
        peerId,
        // Far less than an order: it only decides among equals.
        score: (load ?? UNKNOWN_LOAD) + ownView(peerId) + Math.random() * 1e-6,
      }));
      return scored.sort((a, b) => a.score - b.score).map(({ peerId }) => peerId);
    },
    // Whoever does not say is not waited past: no answer of his would tell more.
    isIdle: (peerId, load) => (load ?? 0) + ownView(peerId) <= IDLE_LOAD,
  };
}
