const MAX_KEPT = 512;

/** Numbers things for a thread, so that each crosses once and is named by its number from then on. */
export class SentOnce<T extends object> {
  readonly #numbers = new Map<T, number>();
  #next = 1;
  #fresh: [number, T][] = [];
  #dropped: number[] = [];
  readonly #maxKept: number;
  readonly #maxWeight: number;
  readonly #weigh: (thing: T) => number;
  #weight = 0;

  /**
   * @param maxKept most things the thread keeps; the one sent longest ago is dropped first and, if needed, sent again
   * @param maxWeight most that these may weigh together, but for the latest
   */
  constructor(maxKept = MAX_KEPT, maxWeight = Number.POSITIVE_INFINITY, weigh: (thing: T) => number = () => 0) {
    this.#maxKept = maxKept;
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  /** The number of a thing; a new one goes with the next message. */
  numberOf(thing: T): number {
    const known = this.#numbers.get(thing);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(thing, number);
    this.#fresh.push([number, thing]);
    this.#weight += this.#weigh(thing);
    while (this.#numbers.size > 1 && (this.#numbers.size > this.#maxKept || this.#weight > this.#maxWeight)) {
      this.#dropOldest();
    }
    return number;
  }

  /** What the next message must bring. */
  takeFresh(): [number, T][] {
    const fresh = this.#fresh;
    if (fresh.length > 0) this.#fresh = [];
    return fresh;
  }

  /** What the thread may forget once it has read that message. */
  takeDropped(): number[] {
    const dropped = this.#dropped;
    if (dropped.length > 0) this.#dropped = [];
    return dropped;
  }

  #dropOldest(): void {
    for (const [thing, number] of this.#numbers) {
      this.#numbers.delete(thing);
      this.#dropped.push(number);
      this.#weight -= this.#weigh(thing);
      return;
    }
  }
}
