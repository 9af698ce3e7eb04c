import { OutboundError } from './errors.ts';

const MAX_TIMER_MS = 2_147_483_647;

/** What ends a request from outside: the execution that asked is over, or its time is up. */
export interface Clock {
  /** Aborted with an `OutboundError` of kind `cancelled` or `timeout`. */
  readonly stop: AbortSignal;
  /** From now on it may take at most this long, in ms; an earlier end stays. */
  narrow(ms: number, shown: string): void;
  /** The request is over: frees timer and listener. */
  close(): void;
}

/** @param signal of the execution */
export function createClock(signal: AbortSignal): Clock {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let end = Number.POSITIVE_INFINITY;

  const onAbort = (): void => {
    controller.abort(new OutboundError('cancelled', 'The execution that made the request is over.'));
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });

  return {
    stop: controller.signal,
    narrow(ms, shown) {
      const next = performance.now() + ms;
      if (next >= end) return;
      end = next;
      clearTimeout(timer);
      timer = setTimeout(
        () => controller.abort(new OutboundError('timeout', `${shown} did not complete its response in ${ms} ms.`)),
        Math.min(ms, MAX_TIMER_MS),
      );
    },
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Waits for a promise that cannot be cancelled, but no longer than until `stop`; rejects with its reason. */
export function untilStopped<T>(promise: Promise<T>, stop: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onStop = (): void => reject(stop.reason);
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });
    promise.then(resolve, reject).finally(() => stop.removeEventListener('abort', onStop));
  });
}
