import { Readable } from 'node:stream';
import type { Agent } from 'undici';
import { type ErrorCode, InferbaseError } from '../../core/errors.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array> | string;
  readonly signal: AbortSignal;
  /** Until the answer begins, and between its parts, in ms; default 30 000. */
  readonly timeoutMs?: number;
  /** Most bytes of the answer; default 8 MiB. */
  readonly maxBytes?: number;
}

export interface CallAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Sent after the body: how Kubo says that it failed midway. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** HTTP calls to one remote place. */
export interface RemoteCalls {
  /**
   * @returns the answer, whatever its status
   * @throws InferbaseError `ERR_SOURCE_UNAVAILABLE` when there is none; `ERR_CANCELLED`
   */
  send(call: Call): Promise<CallAnswer>;
  /** The error that an answer stands for; `message` is what the place says about it. */
  refused(status: number, message: string): InferbaseError;
  /** An error that names the place. */
  error(code: ErrorCode, problem: string): InferbaseError;
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_SHOWN = 300;

/**
 * @param init.place as errors name it
 * @param init.howToReach, init.howToEnter remedies for "not there" and for "not allowed"
 */
export function createRemoteCalls(init: { place: string; howToReach: string; howToEnter: string }): RemoteCalls {
  const { place, howToReach, howToEnter } = init;
  let agent: Agent | undefined;

  function error(code: ErrorCode, problem: string, cause?: unknown): InferbaseError {
    return new InferbaseError(code, `${place} ${problem}.`, { cause });
  }

  return {
    async send({ method, url, headers = {}, body, signal, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES }) {
      const undici = await import('undici');
      agent ??= new undici.Agent({ connect: { timeout: 10_000 } });
      try {
        // No redirect is followed: a token goes where it was meant to.
        const answer = await undici.request(url, {
          ...{ dispatcher: agent, method, signal, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
          headers: { 'user-agent': 'inferbase', ...headers },
          ...(body !== undefined && { body: typeof body === 'string' ? body : toReadable(body) }),
        });
        const chunks: Buffer[] = [];
        let length = 0;
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          length += chunk.length;
          if (length > maxBytes) throw error('ERR_SOURCE_UNAVAILABLE', `answered with more than ${maxBytes} bytes`);
          chunks.push(chunk);
        }
        return {
          status: answer.statusCode,
          body: Buffer.concat(chunks),
          trailers: { ...answer.trailers } as Record<string, string>,
        };
      } catch (cause) {
        if (cause instanceof InferbaseError) throw cause;
        if (signal.aborted) throw new InferbaseError('ERR_CANCELLED', `Given up while ${place} was asked.`, { cause });
        throw error('ERR_SOURCE_UNAVAILABLE', `cannot be reached (${reasonOf(cause)}); ${howToReach}`, cause);
      }
    },
    refused(status, message) {
      const said = message === '' ? '' : `: ${printable(message)}`;
      if (status === 401 || status === 403) {
        return error('ERR_PERMISSION_DENIED', `refused with ${status}${said}; ${howToEnter}`);
      }
      if (status >= 300 && status < 400) {
        return error(
          'ERR_SOURCE_UNAVAILABLE',
          `answered ${status}, and redirects are not followed; give the URL itself`,
        );
      }
      if (status === 404 || status === 405) {
        return error('ERR_SOURCE_UNAVAILABLE', `answered ${status}${said}; ${howToReach}`);
      }
      const remedy = status >= 500 || status === 429 ? 'try again later, or see its log' : 'see what it says';
      return error('ERR_SOURCE_UNAVAILABLE', `answered ${status}${said}; ${remedy}`);
    },
    error: (code, problem) => error(code, problem),
    async close() {
      await agent?.destroy();
    },
  };
}

/** undici takes an async generator as a body, but only a stream with its back-pressure. */
function toReadable(body: AsyncIterable<Uint8Array>): Readable {
  return Readable.from(body, { objectMode: false });
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** Foreign text for a terminal: one line, without control characters, not too long. */
function printable(text: string): string {
  const line = text.replace(/\p{C}+/gu, ' ').trim();
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
}
