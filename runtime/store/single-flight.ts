import { InferbaseError } from '../core/errors.ts';

export interface SingleFlight<T> {
  /**
   * Joins the work under way for a key, or starts it. A caller whose signal aborts only leaves; when the last one has
   * left, the work's own signal aborts, and a later caller starts afresh.
   * @throws InferbaseError `ERR_CANCELLED`, or the signal's reason where that is an InferbaseError
   */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

interface Flight<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  callers: number;
}

/** Does the same work once, however many ask for it at the same time. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const flight: Flight<T> = { controller, result: work(controller.signal), callers: 0 };
    flights.set(key, flight);
    const forget = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.result.then(forget, forget);
    return flight;
  }

  return {
    async join(key, signal, work) {
      if (signal.aborted) throw cancelled(signal);
      const flight = flights.get(key) ?? start(key, work);
      flight.callers++;
      try {
        return await abortable(flight.result, signal);
      } finally {
        flight.callers--;
        if (flight.callers === 0) {
          if (flights.get(key) === flight) flights.delete(key);
          flight.controller.abort();
        }
      }
    },
  };
}

/** Settles as the promise does, or rejects as soon as the signal aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}

/** What an aborted signal means to whoever waited. */
export function cancelled(signal: AbortSignal): InferbaseError {
  const { reason } = signal;
  return reason instanceof InferbaseError
    ? reason
    : new InferbaseError('ERR_CANCELLED', 'The caller went away before the function was ready.', { cause: reason });
}
