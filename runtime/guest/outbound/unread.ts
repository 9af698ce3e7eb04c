/** A response body with bytes that its guest has not read. */
export interface UnreadBody {
  /** Drops them, to make room for others'. */
  drop(): void;
}

/** The bytes of one body. */
export interface UnreadShare {
  /** So many bytes more, or, negative, fewer. */
  add(bytes: number): void;
}

/**
 * Bytes of responses that arrived and were not read yet, of all executions of a thread. Each body holds little, but a guest
 * may have many open, and thousands of guests run at once: past the cap, the one with the most of them loses its oldest
 * body. Whoever has but one is left alone.
 */
export class Unread {
  readonly #most: number;
  /** Oldest body first; only those that hold something. */
  readonly #held = new Map<object, { bytes: number; readonly bodies: Set<UnreadBody> }>();
  #bytes = 0;

  /** @param most bytes of all */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param owner the execution, as any object that is its own */
  open(owner: object, body: UnreadBody): UnreadShare {
    let own = 0;
    return {
      add: (bytes) => {
        if (bytes === 0) return;
        const held = this.#held.get(owner) ?? { bytes: 0, bodies: new Set() };
        if (own === 0) this.#held.set(owner, held);
        own += bytes;
        held.bytes += bytes;
        this.#bytes += bytes;
        if (own > 0) held.bodies.add(body);
        else held.bodies.delete(body);
        if (held.bodies.size === 0) this.#held.delete(owner);
        if (bytes > 0 && this.#bytes > this.#most) this.#richest()?.drop();
      },
    };
  }

  #richest(): UnreadBody | undefined {
    let most: { readonly bytes: number; readonly bodies: ReadonlySet<UnreadBody> } = { bytes: 0, bodies: new Set() };
    for (const held of this.#held.values()) if (held.bytes > most.bytes) most = held;
    return most.bodies.size > 1 ? most.bodies.values().next().value : undefined;
  }
}
