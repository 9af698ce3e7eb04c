import { InferbaseError } from '../core/errors.ts';
import { largest } from '../core/largest.ts';

export interface OrderLineInit {
  /** Orders that run at once. */
  readonly places: number;
  /** Orders that may wait for a place. */
  readonly queue: number;
  /** Most bytes of requests in work; one alone is always taken, and no head may hold more than half. */
  readonly heldBytes: number;
}

/** An order's place; given back when it is over. */
export type Place = () => void;

export interface OrderLine {
  /** Orders that run or wait ÷ places, 0 and up. */
  readonly load: number;
  /** Whether an order of this head would be taken now. */
  takes(head: string): boolean;
  /**
   * Waits for a place. Whoever has the fewest orders running comes next, so that a head with a thousand orders does not
   * hold up another's first; when no more may wait, the youngest order of the head with the most waiting has to go.
   * @param bytes of the request
   * @throws InferbaseError `ERR_BUSY`; `ERR_CANCELLED` when the signal aborts
   */
  enter(head: string, bytes: number, signal: AbortSignal): Promise<Place>;
  /** Resolves when no order runs or waits. */
  idle(): Promise<void>;
}

interface Waiting {
  admit(): void;
  refuse(error: InferbaseError): void;
}

interface Head {
  running: number;
  bytes: number;
  readonly waiting: Set<Waiting>;
}

/** Lets the orders of several heads run side by side, none at the expense of another. */
export function createOrderLine({ places, queue, heldBytes }: OrderLineInit): OrderLine {
  const heads = new Map<string, Head>();
  let running = 0;
  let waiting = 0;
  let held = 0;
  const idle: (() => void)[] = [];

  const longest = (): Head | undefined => largest(heads.values(), ({ waiting: own }) => own.size);

  function takes(name: string): boolean {
    if (running < places || waiting < queue) return true;
    return queue > 0 && (longest()?.waiting.size ?? 0) > (heads.get(name)?.waiting.size ?? 0) + 1;
  }

  function checkBytes(head: Head, bytes: number): void {
    if (held === 0 || (head.bytes + bytes <= heldBytes / 2 && held + bytes <= heldBytes)) return;
    throw busy(`orders in work hold ${held} bytes already, ${head.bytes} of them this head's`);
  }

  function makeRoom(): void {
    if (waiting < queue) return;
    const youngest = [...(longest()?.waiting ?? [])].at(-1);
    youngest?.refuse(busy('its place in the line went to a head that has fewer orders waiting'));
  }

  function next(): void {
    if (running >= places || waiting === 0) return;
    const head = largest(heads.values(), (each) =>
      each.waiting.size === 0 ? Number.NEGATIVE_INFINITY : -each.running,
    );
    const [first] = head?.waiting ?? [];
    first?.admit();
  }

  return {
    get load() {
      return (running + waiting) / places;
    },
    takes,
    idle: () => (running === 0 && waiting === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    async enter(name, bytes, signal) {
      if (signal.aborted) throw cancelled();
      const head = heads.get(name) ?? { running: 0, bytes: 0, waiting: new Set() };
      if (!takes(name)) throw busy(`${running} orders run and ${waiting} wait`);
      checkBytes(head, bytes);
      heads.set(name, head);
      head.bytes += bytes;
      held += bytes;
      const leave = (): void => {
        head.bytes -= bytes;
        held -= bytes;
        if (head.running === 0 && head.waiting.size === 0) heads.delete(name);
        if (running === 0 && waiting === 0) for (const resolve of idle.splice(0)) resolve();
      };
      const start = (): Place => {
        running++;
        head.running++;
        return () => {
          running--;
          head.running--;
          leave();
          next();
        };
      };
      if (running < places) return start();
      makeRoom();
      return await new Promise<Place>((resolve, reject) => {
        const over = (): void => {
          waiting--;
          head.waiting.delete(self);
          signal.removeEventListener('abort', onAbort);
        };
        const self: Waiting = {
          admit() {
            over();
            resolve(start());
          },
          refuse(error) {
            over();
            leave();
            reject(error);
          },
        };
        const onAbort = (): void => self.refuse(cancelled());
        waiting++;
        head.waiting.add(self);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}

function busy(why: string): InferbaseError {
  return new InferbaseError('ERR_BUSY', `busy: ${why}; ask another worker, or retry later`);
}

function cancelled(): InferbaseError {
  return new InferbaseError('ERR_CANCELLED', 'the head went away before the function ran');
}
