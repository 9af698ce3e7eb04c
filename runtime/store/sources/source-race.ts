import type { CID } from 'multiformats/cid';
import { verifyBlock } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import { cancelled } from '../single-flight.ts';
import { type BlockSource, SourceMiss, toMiss } from './block-source.ts';

/** How long a source of bad repute waits for the better ones, in ms for each mark against it. */
const HANDICAP_MS = 50;
const MAX_MARKS = 20;
/** A source that had not answered this long after the request when another won is marked as slow. */
const SLOW_MS = 500;

/** A verified block, and who it came from. */
export interface Delivery {
  readonly bytes: Uint8Array;
  /** Name of the source. */
  readonly source: string;
  /** When that source was asked and when it had delivered, in ms of `performance.now()`. */
  readonly askedAt: number;
  readonly deliveredAt: number;
}

export interface SourceRace {
  /** Names of the sources, in the order they were given. */
  readonly names: readonly string[];
  /**
   * Fetches one block from the first source that delivers it whole and true.
   * @throws InferbaseError `ERR_FUNCTION_NOT_FOUND` when no source has it, `ERR_INTEGRITY` when all that answered lied,
   * `ERR_SOURCE_UNAVAILABLE` when one that might have it failed; `details` has a line for every source
   */
  fetch(cid: CID, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}

interface Runner {
  readonly source: BlockSource;
  /** Grows with failures and slowness, shrinks with blocks delivered. */
  marks: number;
}

/** Asks several sources for the same block at once; those of bad repute a little later. */
export function createSourceRace(
  components: { readonly sources: readonly BlockSource[] },
  init: { readonly sourceTimeoutMs: number },
): SourceRace {
  const runners = components.sources.map((source): Runner => ({ source, marks: 0 }));

  async function ask(runner: Runner, cid: CID, signal: AbortSignal): Promise<Delivery> {
    const timeout = AbortSignal.timeout(init.sourceTimeoutMs);
    const askedAt = performance.now();
    try {
      const bytes = await runner.source.fetchBlock(cid, { signal: AbortSignal.any([signal, timeout]) });
      // Verified inside the race: a liar loses it.
      if (!verifyBlock(cid, bytes)) throw new SourceMiss('ERR_INTEGRITY', 'sent other bytes than the CID names');
      runner.marks = Math.max(0, runner.marks - 1);
      return { bytes, source: runner.source.name, askedAt, deliveredAt: performance.now() };
    } catch (error) {
      if (signal.aborted) throw error;
      const miss = timeout.aborted
        ? new SourceMiss('ERR_SOURCE_UNAVAILABLE', `gave no block within ${init.sourceTimeoutMs} ms`)
        : toMiss(error);
      if (miss.code !== 'ERR_FUNCTION_NOT_FOUND') mark(runner, miss.code === 'ERR_INTEGRITY' ? 4 : 2);
      throw miss;
    }
  }

  function race(cid: CID, signal: AbortSignal): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const waiting = new Map<Runner, NodeJS.Timeout>();
      const asked = new Map<Runner, number>();
      const misses = new Map<Runner, SourceMiss>();

      const finish = (): void => {
        signal.removeEventListener('abort', onAbort);
        for (const timer of waiting.values()) clearTimeout(timer);
        over.abort();
      };
      const onAbort = (): void => {
        finish();
        reject(cancelled(signal));
      };
      const start = (runner: Runner): void => {
        clearTimeout(waiting.get(runner));
        waiting.delete(runner);
        asked.set(runner, Date.now());
        ask(runner, cid, over.signal).then(
          (delivery) => {
            if (over.signal.aborted) return;
            asked.delete(runner);
            for (const [late, since] of asked) if (!misses.has(late) && Date.now() - since > SLOW_MS) mark(late, 1);
            finish();
            resolve(delivery);
          },
          (error: unknown) => {
            if (over.signal.aborted) return;
            misses.set(runner, toMiss(error));
            if (misses.size === runners.length) {
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
      const best = Math.min(...runners.map((runner) => runner.marks));
      for (const runner of runners) {
        const handicap = (runner.marks - best) * HANDICAP_MS;
        if (handicap === 0) start(runner);
        else waiting.set(runner, setTimeout(start, handicap, runner));
      }
    });
  }

  return {
    names: runners.map(({ source }) => source.name),
    async fetch(cid, signal) {
      if (signal.aborted) throw cancelled(signal);
      if (runners.length === 0) {
        throw new InferbaseError(
          'ERR_FUNCTION_NOT_FOUND',
          `Block ${cid} is not in the store, and no gateways are set to ask for it; ` +
            'set one with --gateways URL, or store the function with inferbase pin FILE.',
        );
      }
      return await race(cid, signal);
    },
    async close() {
      await Promise.allSettled(runners.map(({ source }) => source.close?.()));
    },
  };
}

function mark(runner: Runner, marks: number): void {
  runner.marks = Math.min(MAX_MARKS, runner.marks + marks);
}

function allMissed(cid: CID, misses: ReadonlyMap<Runner, SourceMiss>): InferbaseError {
  const details = Array.from(misses, ([{ source }, miss]) => `${source.name}: ${miss.message}`);
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
