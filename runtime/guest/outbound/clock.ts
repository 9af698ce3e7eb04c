import { OutboundError } from './errors.ts';

const MAX_TIMER_MS = 2_147_483_647;

/**
 * Why a request ends early, once it does, and who wants to know. As an AbortSignal, which costs several µs to make and to
 * listen to.
 */
export class Stop {
  #reason: OutboundError | null = null;
  readonly #waiting = new Set<(reason: OutboundError) => void>();

  /** `null` as long as it goes on. */
  get reason(): OutboundError | null {
    return this.#reason;
  }

  /** Calls back when it stops, unless it has stopped already. */
  add(callback: (reason: OutboundError) => void): void {
    if (this.#reason === null) this.#waiting.add(callback);
  }

  remove(callback: (reason: OutboundError) => void): void {
    this.#waiting.delete(callback);
  }

  /** The first reason counts. */
  stop(reason: OutboundError): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback(reason);
  }
}

/** What ends a request from outside: the execution that asked is over, or its time is up. */
export interface Clock {
  /** Stopped with an error of kind `cancelled` or `timeout`. */
  readonly stop: Stop;
  /** From now on it may take at most this long, in ms; an earlier end stays. */
  narrow(ms: number, shown: string): void;
  /** The request is over: frees timer and listener. */
  close(): void;
}

/** Requests under way of each execution, known by its signal, which is listened to once. */
const requests = new WeakMap<AbortSignal, Set<Stop>>();

function requestsOf(signal: AbortSignal): Set<Stop> {
  const known = requests.get(signal);
  if (known !== undefined) return known;
  const stops = new Set<Stop>();
  requests.set(signal, stops);
  const onAbort = (): void => {
    for (const stop of stops) stop.stop(cancelled());
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return stops;
}

function cancelled(): OutboundError {
  return new OutboundError('cancelled', 'The execution that made the request is over.');
}

/** @param signal of the execution */
export function createClock(signal: AbortSignal): Clock {
  const stop = new Stop();
  const others = requestsOf(signal);
  let timer: NodeJS.Timeout | undefined;
  let end = Number.POSITIVE_INFINITY;

  if (signal.aborted) stop.stop(cancelled());
  else others.add(stop);

  return {
    stop,
    narrow(ms, shown) {
      const next = performance.now() + ms;
      if (next >= end) return;
      end = next;
      clearTimeout(timer);
      timer = setTimeout(
        () => stop.stop(new OutboundError('timeout', `${shown} did not complete its response in ${ms} ms.`)),
        Math.min(ms, MAX_TIMER_MS),
      );
    },
    close() {
      clearTimeout(timer);
      others.delete(stop);
    },
  };
}

/** Waits for a promise that cannot be cancelled, but no longer than until `stop`; rejects with its reason. */
export function untilStopped<T>(promise: Promise<T>, stop: Stop): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (stop.reason !== null) reject(stop.reason);
    else stop.add(reject);
    promise.then(resolve, reject).finally(() => stop.remove(reject));
  });
}
