import type { Dispatcher } from 'undici';
import type { Stop } from './clock.ts';
import type { Place } from './connections.ts';
import { OutboundError } from './errors.ts';
import { ResponseBody } from './response-body.ts';

/** One request over a connection. */
export interface ExchangeOptions {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array | null;
  readonly maxBodyBytes: number;
  /** Until a connection is there, in ms. */
  readonly connectTimeoutMs: number;
  /** Ends the exchange, body included. */
  readonly stop: Stop;
  /** Whose it is; see `Shares`. */
  readonly owner: object;
  /** For messages: where the request goes. */
  readonly shown: string;
}

/** An answer whose body is still to be read. */
export interface Answer {
  readonly status: number;
  /** Lower-case name → value or values, one character a byte. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: ResponseBody;
  /** Calls back once all of the body has arrived or the exchange has failed; at once if that is so already. */
  whenOver(callback: () => void): void;
  /** Ends the exchange; the connection is kept only if all of the body had arrived. */
  cancel(): void;
}

/** The request never reached a connection, so that no byte of it was sent: safe to try again. */
export class NotConnected extends OutboundError {}

/** Made once: it is met by nobody, and a stack trace for each response costs more than reading it. */
const CLOSED = new OutboundError('cancelled', 'The response was closed.');

const UNREAD = 'too much that guests asked for is not read, most of it by this execution; read or close responses';
const TOO_MANY = 'all sockets to this place are taken, most of them by this execution; read or close responses';

/**
 * Sends one request and waits for the head of its final (not 1xx) response.
 * @throws NotConnected before anything was sent; OutboundError afterwards
 */
export function exchange({ dispatcher, shares, unread }: Place, options: ExchangeOptions): Promise<Answer> {
  const { shown, stop, owner } = options;
  return new Promise<Answer>((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null;
    let started = false;
    let over = false;
    let onOver: (() => void) | null = null;
    const body: ResponseBody = new ResponseBody({
      maxBytes: options.maxBodyBytes,
      resume: () => controller?.resume(),
      unread: unread.open(owner, {
        drop() {
          const reason = new OutboundError('transport', `The response of ${shown} was dropped for others: ${UNREAD}.`);
          finish(reason);
          body.discard(reason);
        },
      }),
    });

    let connectTimer: NodeJS.Timeout | undefined;
    let leave = (): void => {};

    /** Settles whatever is still open, for good or for `failure`. */
    function finish(failure: Error | null): void {
      if (over) return;
      over = true;
      clearTimeout(connectTimer);
      stop.remove(finish);
      leave();
      if (failure === null) {
        body.end();
      } else {
        body.fail(failure);
        reject(failure);
        // Not from inside the parser, which would go on to the end of a message that is no more.
        const current = controller;
        if (current !== null) queueMicrotask(() => current.abort(failure));
      }
      onOver?.();
    }

    if (stop.reason !== null) return finish(stop.reason);
    stop.add(finish);
    leave = shares.enter(owner, {
      makeRoom: () => finish(new OutboundError('transport', `${shown} was ended for others: ${TOO_MANY}.`)),
    });

    dispatcher.dispatch(
      {
        path: options.path,
        method: options.method,
        headers: [...options.headers].flat(),
        body: options.body,
      },
      {
        onRequestStart(current) {
          controller = current;
          started = true;
          clearTimeout(connectTimer);
          // It was given up while it waited for a connection.
          if (over) current.abort(new OutboundError('cancelled', 'given up'));
        },
        onResponseStart(_current, status, headers) {
          if (status < 200) return;
          const cancel = (): void => {
            finish(CLOSED);
            body.discard(CLOSED);
          };
          const whenOver = (callback: () => void): void => {
            if (over) callback();
            else onOver = callback;
          };
          resolve({ status, headers, body, whenOver, cancel });
        },
        onResponseData(current, chunk) {
          const next = body.push(chunk);
          if (next !== 'more') current.pause();
          if (next === 'stop' && !over) {
            const limit = `over ${options.maxBodyBytes} bytes: raise limits.bodyBytes or ask for less`;
            finish(new OutboundError('too-large', `The response of ${shown} is ${limit}.`));
          }
        },
        onResponseEnd() {
          finish(null);
        },
        onResponseError(_current, error) {
          finish(transportError(error, shown, started));
        },
      },
    );
    // Mostly there is a connection to send it on at once.
    if (started || over) return;
    connectTimer = setTimeout(() => {
      finish(new NotConnected('timeout', `${shown} did not accept a connection in ${options.connectTimeoutMs} ms.`));
    }, options.connectTimeoutMs);
  });
}

function transportError(error: Error, shown: string, started: boolean): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const reason = error.message.includes(code) ? error.message : `${code}: ${error.message}`;
  return started
    ? new OutboundError('transport', `${shown} did not complete its response (${reason}).`, { cause: error })
    : new NotConnected('transport', `${shown} cannot be reached (${reason}).`, { cause: error });
}
