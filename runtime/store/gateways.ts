import type { CID } from 'multiformats/cid';
import type { Agent } from 'undici';
import { verifyBlock } from '../core/cid.ts';
import { type ErrorCode, InferbaseError } from '../core/errors.ts';
import { cancelled } from './single-flight.ts';

/** Largest block any IPFS implementation passes on, in bytes. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;

/** How long a source of bad repute waits for the better ones, in ms for each mark against it. */
const HANDICAP_MS = 50;
const MAX_MARKS = 20;
/** A source that had not answered this long after the request when another won is marked as slow. */
const SLOW_MS = 500;

export interface Gateways {
  /**
   * Fetches one block from the first source that delivers it whole and true.
   * @throws InferbaseError `ERR_FUNCTION_NOT_FOUND` when no source has it, `ERR_INTEGRITY` when all that answered lied,
   * `ERR_SOURCE_UNAVAILABLE` when one that might have it failed; `details` has a line for every source
   */
  fetch(cid: CID, signal: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface Source {
  readonly base: URL;
  /** Grows with failures and slowness, shrinks with blocks delivered. */
  marks: number;
}

/** Why one source did not deliver. */
class Miss extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Trustless gateways (https://specs.ipfs.tech/http-gateways/trustless-gateway/), raw blocks only.
 * @param init.gateways base URLs, http or https; a path prefix is kept
 */
export function createGateways(init: { gateways: readonly string[]; sourceTimeoutMs: number }): Gateways {
  const sources = init.gateways.map((text): Source => ({ base: new URL(text), marks: 0 }));
  let agent: Agent | undefined;

  async function download(source: Source, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    // Loaded at the first fetch: a node that has everything on disk never pays for it.
    const undici = await import('undici');
    agent ??= new undici.Agent({ connections: 32, connect: { timeout: init.sourceTimeoutMs } });
    const { statusCode, headers, body } = await undici.request(blockUrl(source.base, cid), {
      dispatcher: agent,
      signal,
      headers: { accept: 'application/vnd.ipld.raw', 'accept-encoding': 'identity', 'user-agent': 'inferbase' },
    });
    const miss = missOf(statusCode, Number(headers['content-length'] ?? 0));
    if (miss !== undefined) {
      body.on('error', () => {}).destroy();
      throw miss;
    }
    return await readBounded(body);
  }

  async function ask(source: Source, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const timeout = AbortSignal.timeout(init.sourceTimeoutMs);
    try {
      const bytes = await download(source, cid, AbortSignal.any([signal, timeout]));
      // Verified inside the race: a liar loses it.
      if (!verifyBlock(cid, bytes)) throw new Miss('ERR_INTEGRITY', 'sent other bytes than the CID names');
      source.marks = Math.max(0, source.marks - 1);
      return bytes;
    } catch (error) {
      if (signal.aborted) throw error;
      const miss = timeout.aborted
        ? new Miss('ERR_SOURCE_UNAVAILABLE', `gave no block within ${init.sourceTimeoutMs} ms`)
        : toMiss(error);
      if (miss.code !== 'ERR_FUNCTION_NOT_FOUND') mark(source, miss.code === 'ERR_INTEGRITY' ? 4 : 2);
      throw miss;
    }
  }

  function race(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const waiting = new Map<Source, NodeJS.Timeout>();
      const asked = new Map<Source, number>();
      const misses = new Map<Source, Miss>();

      const finish = (): void => {
        signal.removeEventListener('abort', onAbort);
        for (const timer of waiting.values()) clearTimeout(timer);
        over.abort();
      };
      const onAbort = (): void => {
        finish();
        reject(cancelled(signal));
      };
      const start = (source: Source): void => {
        clearTimeout(waiting.get(source));
        waiting.delete(source);
        asked.set(source, Date.now());
        ask(source, cid, over.signal).then(
          (bytes) => {
            if (over.signal.aborted) return;
            asked.delete(source);
            for (const [late, since] of asked) if (!misses.has(late) && Date.now() - since > SLOW_MS) mark(late, 1);
            finish();
            resolve(bytes);
          },
          (error: unknown) => {
            if (over.signal.aborted) return;
            misses.set(source, toMiss(error));
            if (misses.size === sources.length) {
              finish();
              reject(allMissed(cid, misses));
            } else if (misses.size === asked.size) {
              // All that were asked have failed: nobody is left to wait for.
              for (const next of [...waiting.keys()]) start(next);
            }
          },
        );
      };

      signal.addEventListener('abort', onAbort, { once: true });
      const best = Math.min(...sources.map((source) => source.marks));
      for (const source of sources) {
        const handicap = (source.marks - best) * HANDICAP_MS;
        if (handicap === 0) start(source);
        else waiting.set(source, setTimeout(start, handicap, source));
      }
    });
  }

  return {
    async fetch(cid, signal) {
      if (signal.aborted) throw cancelled(signal);
      if (sources.length === 0) {
        throw new InferbaseError(
          'ERR_FUNCTION_NOT_FOUND',
          `Block ${cid} is not in the store, and no gateways are set to ask for it; ` +
            'set one with --gateways URL, or store the function with inferbase pin FILE.',
        );
      }
      return await race(cid, signal);
    },
    async close() {
      await agent?.destroy();
    },
  };
}

/** @throws InferbaseError `ERR_INVALID_SETTING` for a gateway that is no http(s) URL */
export function checkGateways(gateways: readonly string[]): void {
  for (const text of gateways) {
    const url = URL.parse(text);
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) continue;
    throw new InferbaseError('ERR_INVALID_SETTING', `gateways: ${JSON.stringify(text)} is not an http or https URL.`);
  }
}

function blockUrl(base: URL, cid: CID): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/ipfs/${cid}`;
  url.search = '?format=raw';
  return url;
}

function missOf(status: number, length: number): Miss | undefined {
  if (status === 404 || status === 410)
    return new Miss('ERR_FUNCTION_NOT_FOUND', `answered ${status}, it does not have it`);
  // A redirect could point anywhere, into the operator's own network too.
  if (status >= 300 && status < 400)
    return new Miss('ERR_SOURCE_UNAVAILABLE', `answered ${status}; redirects are not followed`);
  if (status !== 200) return new Miss('ERR_SOURCE_UNAVAILABLE', `answered ${status}`);
  return length > MAX_BLOCK_BYTES ? tooLong() : undefined;
}

/** Counts while reading: a declared length is only a claim. */
async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BLOCK_BYTES) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLong(): Miss {
  return new Miss('ERR_INTEGRITY', `sent more than ${MAX_BLOCK_BYTES} bytes for one block`);
}

function toMiss(error: unknown): Miss {
  if (error instanceof Miss) return error;
  const text = error instanceof Error ? error.message || error.name : String(error);
  return new Miss('ERR_SOURCE_UNAVAILABLE', `failed: ${text}`);
}

function mark(source: Source, marks: number): void {
  source.marks = Math.min(MAX_MARKS, source.marks + marks);
}

function allMissed(cid: CID, misses: ReadonlyMap<Source, Miss>): InferbaseError {
  // User name and password of a gateway are nobody's business; `host` and path tell which one it is.
  const details = Array.from(
    misses,
    ([{ base }, miss]) => `${base.protocol}//${base.host}${base.pathname}: ${miss.message}`,
  );
  const codes = new Set(Array.from(misses.values(), (miss) => miss.code));
  const asked = `${details.length} source${details.length === 1 ? '' : 's'} asked`;
  if (codes.has('ERR_SOURCE_UNAVAILABLE')) {
    return new InferbaseError(
      'ERR_SOURCE_UNAVAILABLE',
      `Block ${cid} could not be fetched (${asked}); try again or set other gateways.`,
      { details },
    );
  }
  if (codes.has('ERR_INTEGRITY')) {
    return new InferbaseError(
      'ERR_INTEGRITY',
      `Block ${cid} was only offered with wrong content (${asked}); set gateways that can be trusted.`,
      { details },
    );
  }
  return new InferbaseError('ERR_FUNCTION_NOT_FOUND', `Block ${cid} was not found (${asked}).`, { details });
}
