import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { InferbaseError } from '../core/errors.ts';
import type { Outcome } from '../core/execution.ts';
import { neverRan } from '../core/wire-code.ts';
import type { WorkAnswer, WorkOrder } from '../core/work.ts';

/** Answers that are kept, for heads that say their order twice. */
const MAX_ANSWERS = 10_000;
const MAX_BYTES = 64 * 1_048_576;
const MAX_ASKED = 512;
const ANSWERED_MS = 600_000;
/** Long enough for the same order in another dialect, short enough for a head that tries again. */
const REFUSED_MS = 5_000;

interface Answered {
  readonly asked: string;
  readonly answer: WorkAnswer;
}

/** Work under way; it ends when all who wait for it have gone. */
interface Flight {
  readonly controller: AbortController;
  readonly answered: Promise<Answered>;
  waiting: number;
}

export interface TakenOrders {
  /**
   * Works an order off, or joins the work on the same one, or says again what came of it.
   * @param wait.signal the head has gone
   * @param wait.ms how long it waits for the answer
   * @param work what is done with an order that is new; its signal aborts when nobody waits any more, and it never rejects
   */
  take(
    order: WorkOrder,
    head: string,
    wait: { readonly signal: AbortSignal; readonly ms: number },
    work: (signal: AbortSignal) => Promise<WorkAnswer>,
  ): Promise<WorkAnswer>;
}

/** Remembers orders by head and request id: heads that speak several dialects send each order more than once. */
export function createTakenOrders(): TakenOrders {
  const flights = new Map<string, Flight>();
  const answers = new LRUCache<string, Answered>({
    max: MAX_ANSWERS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ answer: { outcome, message } }) =>
      1_024 + message.length + (outcome === null ? 0 : sizeOf(outcome)),
  });

  function start(key: string, asked: string, work: (signal: AbortSignal) => Promise<WorkAnswer>): Flight {
    const controller = new AbortController();
    const flight: Flight = { controller, waiting: 0, answered: answer() };
    flights.set(key, flight);
    return flight;

    async function answer(): Promise<Answered> {
      const fresh = { asked, answer: await work(controller.signal) };
      if (flights.get(key) === flight) flights.delete(key);
      // What was given up may be tried again.
      const ttl = fresh.answer.outcome === null ? REFUSED_MS : ANSWERED_MS;
      if (!controller.signal.aborted) answers.set(key, fresh, { ttl });
      return fresh;
    }
  }

  async function join(key: string, flight: Flight, wait: Parameters<TakenOrders['take']>[2]): Promise<Answered> {
    let here = true;
    const leave = (): void => {
      if (!here) return;
      here = false;
      clearTimeout(timer);
      wait.signal.removeEventListener('abort', leave);
      if (--flight.waiting > 0) return;
      if (flights.get(key) === flight) flights.delete(key);
      flight.controller.abort();
    };
    flight.waiting++;
    const timer = setTimeout(leave, Math.max(0, Math.min(wait.ms, MAX_TIMER_MS)));
    wait.signal.addEventListener('abort', leave, { once: true });
    if (wait.signal.aborted) leave();
    const answered = await flight.answered;
    here = false;
    clearTimeout(timer);
    wait.signal.removeEventListener('abort', leave);
    return answered;
  }

  return {
    async take(order, head, wait, work) {
      const { function_id = '', method = '' } = order.request;
      // Another head's ids are its own affair.
      const key = `${head}\0${order.requestId}`;
      // The length keeps two pairs from being one.
      const asked = shortened(`${function_id.length}\0${function_id}${method}`);
      const { asked: first, answer } =
        answers.get(key) ?? (await join(key, flights.get(key) ?? start(key, asked, work), wait));
      return first === asked ? answer : neverRan(order.requestId, otherOrder(order.requestId));
    },
  };
}

/** Longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function sizeOf({ stdout, stderr, message }: Outcome): number {
  return stdout.length + stderr.length + message.length;
}

/** A method may be as long as a message. */
function shortened(text: string): string {
  return text.length > MAX_ASKED ? hash('sha256', text) : text;
}

function otherOrder(requestId: string): InferbaseError {
  return new InferbaseError(
    'ERR_INVALID_REQUEST',
    `request id ${requestId} was used for another function or method; give each request an id of its own`,
  );
}
