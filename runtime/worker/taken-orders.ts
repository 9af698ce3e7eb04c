import { LRUCache } from 'lru-cache';
import { InferbaseError } from '../core/errors.ts';
import { neverRan } from '../core/wire-code.ts';
import type { WorkAnswer, WorkOrder } from '../core/work.ts';
import { cancelled, createSingleFlight } from '../store/single-flight.ts';

/** Answers that are kept, for heads that say their order twice. */
const MAX_ANSWERS = 10_000;
const MAX_BYTES = 64 * 1_048_576;
const ANSWERED_MS = 600_000;
/** Long enough for the same order in another dialect, short enough for a head that tries again. */
const REFUSED_MS = 5_000;

interface Answered {
  readonly asked: string;
  readonly answer: WorkAnswer;
}

export interface TakenOrders {
  /**
   * Works an order off, or joins the work on the same one, or says again what came of it.
   * @param work what is done with an order that is new; its signal aborts when all who wait for it have gone
   */
  take(
    order: WorkOrder,
    head: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<WorkAnswer>,
  ): Promise<WorkAnswer>;
}

/** Remembers orders by head and request id: heads that speak several dialects send each order more than once. */
export function createTakenOrders(): TakenOrders {
  const flights = createSingleFlight<Answered>();
  const answers = new LRUCache<string, Answered>({
    max: MAX_ANSWERS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ answer: { outcome } }) =>
      outcome === null ? 512 : 1_024 + outcome.stdout.length + outcome.stderr.length,
  });

  return {
    async take(order, head, signal, work) {
      const { function_id = '', method = '' } = order.request;
      // Another head's ids are its own affair.
      const key = `${head}\0${order.requestId}`;
      // The length keeps two pairs from being one.
      const asked = `${function_id.length}\0${function_id}${method}`;
      if (signal.aborted) throw cancelled(signal);
      const done = answers.get(key);
      const { asked: first, answer } =
        done ??
        (await flights.join(key, signal, async (shared) => {
          const fresh = { asked, answer: await work(shared) };
          const ttl = fresh.answer.outcome === null ? REFUSED_MS : ANSWERED_MS;
          if (!shared.aborted) answers.set(key, fresh, { ttl });
          return fresh;
        }));
      return first === asked ? answer : neverRan(order.requestId, otherOrder(order.requestId));
    },
  };
}

function otherOrder(requestId: string): InferbaseError {
  return new InferbaseError(
    'ERR_INVALID_REQUEST',
    `request id ${requestId} was used for another function or method; give each request an id of its own`,
  );
}
