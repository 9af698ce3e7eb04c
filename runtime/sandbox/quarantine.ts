import { InferbaseError } from '../core/errors.ts';

/** Strikes within this time count together, in ms. */
const WINDOW_MS = 3_600_000;
const STRIKES = 2;
/** How long a function is not run, in ms. */
const QUARANTINE_MS = 600_000;

/** Functions for which threads had to be ended, by hash; each time costs every neighbour in that thread. */
export class Quarantine {
  readonly #now: () => number;
  /** Hash → when, in ms; oldest first. */
  readonly #strikes = new Map<string, number[]>();
  readonly #until = new Map<string, number>();

  /** @param now in ms since the Unix epoch */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * A thread had to be ended for it.
   * @returns whether it is in quarantine now
   */
  strike(hash: string): boolean {
    const now = this.#now();
    this.#forgetOld(now);
    const strikes = [...(this.#strikes.get(hash) ?? []), now];
    if (strikes.length < STRIKES) {
      this.#strikes.set(hash, strikes);
      return false;
    }
    this.#strikes.delete(hash);
    this.#until.set(hash, now + QUARANTINE_MS);
    return true;
  }

  /** Why a function is not run now, or `undefined`. */
  refusal(hash: string): InferbaseError | undefined {
    if (this.#until.size === 0) return undefined;
    const until = this.#until.get(hash);
    if (until === undefined) return undefined;
    if (until <= this.#now()) {
      this.#until.delete(hash);
      return undefined;
    }
    const when = new Date(until).toISOString();
    return new InferbaseError(
      'ERR_QUARANTINED',
      `the function (sha-256 ${hash.slice(0, 16)}…) is not run until ${when}: ${STRIKES} times within an hour it held a ` +
        'sandbox thread past its deadline and the thread had to be ended; retry after that, or give it less to do at a time',
    );
  }

  #forgetOld(now: number): void {
    for (const [hash, [first = 0]] of this.#strikes) if (now - first > WINDOW_MS) this.#strikes.delete(hash);
    for (const [hash, until] of this.#until) if (until <= now) this.#until.delete(hash);
  }
}
