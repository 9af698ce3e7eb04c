/** A clock that stands still until it is told to go on, and then jumps from one thing to the next. */
export interface Timeline {
  readonly now: number;
  /** @returns takes it back */
  after(ms: number, action: () => void): () => void;
  /** Goes on, at most for so long, until `done`. @returns whether it was */
  run(ms: number, done?: () => boolean): Promise<boolean>;
}

interface Planned {
  readonly at: number;
  action: (() => void) | null;
}

export function createTimeline(): Timeline {
  /** The next one last. */
  const planned: Planned[] = [];
  let now = 0;

  return {
    get now() {
      return now;
    },
    after(ms, action) {
      const event: Planned = { at: now + ms, action };
      let low = 0;
      for (let high = planned.length; low < high; ) {
        const middle = (low + high) >> 1;
        if ((planned[middle] as Planned).at > event.at) low = middle + 1;
        else high = middle;
      }
      planned.splice(low, 0, event);
      return () => {
        event.action = null;
      };
    },
    async run(ms, done = () => false) {
      const end = now + ms;
      while (!done()) {
        const next = planned.at(-1);
        if (next === undefined || next.at > end) {
          now = end;
          return false;
        }
        planned.pop();
        now = next.at;
        next.action?.();
        // What a promise leads to happens before the next thing.
        for (let i = 0; i < 5; i++) await null;
      }
      return true;
    },
  };
}
