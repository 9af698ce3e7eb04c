import type { Sent } from './sandbox-thread.ts';

/**
 * Executions that found no place. Those that lack room in a thread stand in one line; those whose function has as many
 * alive as it may have stand apart, so that they hold up nobody else.
 */
export class Queue {
  readonly #lacking = new Set<Sent>();
  /** Hash of a function → how many of it may be alive → who waits for that. */
  readonly #capped = new Map<string, Map<number, Set<Sent>>>();
  #cappedSize = 0;

  get size(): number {
    return this.#lacking.size + this.#cappedSize;
  }

  /** Those that wait for others of their function. */
  get cappedSize(): number {
    return this.#cappedSize;
  }

  /** Those that wait for room, the longest wait first; one may be deleted while this is read. */
  get lacking(): Iterable<Sent> & { readonly size: number } {
    return this.#lacking;
  }

  addLacking(sent: Sent): void {
    this.#lacking.add(sent);
  }

  addCapped(sent: Sent): void {
    const hash = sent.function.facts.sha256;
    const cap = functionCap(sent);
    const groups = this.#capped.get(hash) ?? new Map<number, Set<Sent>>();
    const group = groups.get(cap) ?? new Set();
    this.#capped.set(hash, groups.set(cap, group.add(sent)));
    this.#cappedSize++;
  }

  /** The next execution of this function that may start beside `alive` others of it; it leaves the queue. */
  takeCapped(hash: string, alive: number): Sent | undefined {
    for (const [cap, group] of this.#capped.get(hash) ?? []) {
      if (alive >= cap) continue;
      for (const sent of group) {
        this.delete(sent);
        return sent;
      }
    }
    return undefined;
  }

  /** @returns whether it was waiting */
  delete(sent: Sent): boolean {
    if (this.#lacking.delete(sent)) return true;
    const hash = sent.function.facts.sha256;
    const groups = this.#capped.get(hash);
    const cap = functionCap(sent);
    const group = groups?.get(cap);
    if (groups === undefined || group?.delete(sent) !== true) return false;
    this.#cappedSize--;
    if (group.size === 0) groups.delete(cap);
    if (groups.size === 0) this.#capped.delete(hash);
    return true;
  }

  /** Takes out all, or all of one function. */
  takeAll(hash?: string): Sent[] {
    const capped = [...this.#capped.values()].flatMap((groups) => [...groups.values()].flatMap((group) => [...group]));
    const taken = [...this.#lacking, ...capped].filter(
      (sent) => hash === undefined || sent.function.facts.sha256 === hash,
    );
    for (const sent of taken) this.delete(sent);
    return taken;
  }
}

/** Executions of its function that may be alive once it is; at least itself. */
export function functionCap({ grant }: Pick<Sent, 'grant'>): number {
  return Math.max(1, grant.limits.functionConcurrency);
}
