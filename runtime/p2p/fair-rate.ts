/** What one peer and all together may do, in units a second. */
export type PerSecond = readonly [one: number, all: number];

interface Bucket {
  level: number;
  at: number;
}

/** What a peer has left. */
export interface Spender extends Bucket {
  /** Its part of what all together may. */
  readonly share: Bucket;
}

/** A rate for each of many peers and for all of them. */
export interface FairRate {
  /** One more, which may do a part of what others may at once. */
  join(): Spender;
  leave(spender: Spender): void;
  /**
   * Counts what a peer did.
   * @param isExempt it is held to its own rate only
   * @returns how long it has to be kept from more, in ms; 0: not at all
   */
  spend(spender: Spender, units: number, isExempt: boolean): number;
  /** It has half of what may come at once. */
  isRested(spender: Spender): boolean;
  /** It did twice what may come at once, and goes on. */
  isDeepInDebt(spender: Spender): boolean;
}

/** Seconds' worth that may come at once, and of one that has just come. */
const BURST_SECONDS = 2;
const NEWCOMER_SECONDS = 0.25;
/** One that did nothing for this long takes no part, in ms. */
const ACTIVE_MS = 2_000;
/** One that is kept from more waits until it has this much to spend, in ms of its rate: so it is not stopped at every bit. */
const HEADROOM_MS = 100;
/** Longest that one is kept from more, in ms. */
const MAX_PAUSE_MS = 1_000;

/**
 * Buckets that fill again. The rate of all together holds up only those who use more than their part of it, so that a crowd
 * of strangers gets no more than what all may, and the others are still served.
 */
export function createFairRate([one, all]: PerSecond): FairRate {
  const spenders = new Set<Spender>();
  const total: Bucket = { level: all * BURST_SECONDS, at: Date.now() };
  let active = { count: 1, of: 4, at: 0 };

  function refill(bucket: Bucket, rate: number, now: number): void {
    bucket.level = Math.min(rate * BURST_SECONDS, bucket.level + ((now - bucket.at) / 1_000) * rate);
    bucket.at = now;
  }

  /** What each of those that are active may. */
  function fairShare(now: number): number {
    // Counted once a second, and when a crowd comes in between.
    if (now - active.at > 1_000 || spenders.size > 2 * active.of) {
      let count = 0;
      for (const { at } of spenders) if (now - at < ACTIVE_MS) count++;
      active = { count: Math.max(1, count), of: Math.max(4, spenders.size), at: now };
    }
    return all / active.count;
  }

  return {
    join() {
      const now = Date.now();
      const share = { level: fairShare(now) * NEWCOMER_SECONDS, at: now };
      const spender = { level: one * NEWCOMER_SECONDS, at: now, share };
      spenders.add(spender);
      return spender;
    },
    leave: (spender) => void spenders.delete(spender),
    spend(spender, units, isExempt) {
      const now = Date.now();
      const { share } = spender;
      const part = fairShare(now);
      refill(spender, one, now);
      refill(share, part, now);
      refill(total, all, now);
      spender.level -= units;
      share.level -= units;
      total.level -= units;
      const isCrowded = total.level < 0 && share.level < 0 && !isExempt;
      if (spender.level >= 0 && !isCrowded) return 0;
      const debts = [-spender.level / one, isCrowded ? -share.level / part : 0];
      return Math.min(MAX_PAUSE_MS, HEADROOM_MS + Math.max(...debts) * 1_000);
    },
    isRested: ({ level }) => level >= (one * BURST_SECONDS) / 2,
    isDeepInDebt: ({ level }) => level < -one * BURST_SECONDS,
  };
}
