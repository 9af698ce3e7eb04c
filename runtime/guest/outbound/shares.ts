/** An exchange that holds a socket, or waits for one. */
export interface Holder {
  /** Ends it, to make room for somebody else. */
  makeRoom(): void;
}

/**
 * Who holds the sockets to one place. Once there are more exchanges than sockets, the one that holds the most gives up
 * its oldest: else a few guests that open responses and read none of them could keep a model server to themselves until
 * their deadlines. Whoever has but one exchange is left alone, and waits or is waited for.
 */
export class Shares {
  readonly #sockets: number;
  /** Oldest exchange first. */
  readonly #held = new Map<object, Set<Holder>>();
  #count = 0;

  constructor(sockets: number) {
    this.#sockets = sockets;
  }

  /**
   * @param owner the execution, as any object that is its own
   * @returns to be called once, when the exchange is over
   */
  enter(owner: object, holder: Holder): () => void {
    const mine = this.#held.get(owner) ?? new Set();
    this.#held.set(owner, mine.add(holder));
    this.#count += 1;
    if (this.#count > this.#sockets) this.#richest()?.makeRoom();
    return () => {
      if (!mine.delete(holder)) return;
      this.#count -= 1;
      if (mine.size === 0) this.#held.delete(owner);
    };
  }

  #richest(): Holder | undefined {
    let most: ReadonlySet<Holder> = new Set();
    for (const held of this.#held.values()) if (held.size > most.size) most = held;
    return most.size > 1 ? most.values().next().value : undefined;
  }
}
