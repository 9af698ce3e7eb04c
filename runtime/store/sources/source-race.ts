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
/** How long a source that gave no whole DAG is not asked for one. */
const NO_DAG_MS = 10 * 60 * 1000;

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
  /** Whether any source can be asked for a whole DAG. */
  readonly streams: boolean;
  /**
   * Asks the best source that can for a whole DAG, and hands over its blocks, each of them hashed.
   * @returns `refused` when it gave no block at all, and may be asked no more for now; else `began`
   * @throws when no source is left to ask
   */
  streamDag(root: CID, options: StreamOptions): Promise<'began' | 'refused'>;
  close(): Promise<void>;
}

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Names of sources that have been asked already; grows. */
  readonly tried: Set<string>;
  /** Takes a verified block; says why no more of them are wanted, or `null`. */
  readonly take: (cid: CID, delivery: Delivery) => Promise<'stray' | 'full' | null>;
  readonly onBytes: (count: number) => void;
  /** Whether nothing is missing. */
  readonly isWhole: () => boolean;
}

interface Runner {
  readonly source: BlockSource;
  /** Grows with failures and slowness, shrinks with blocks delivered. */
  marks: number;
  /** Until when it is not asked for whole DAGs, in ms of `Date.now()`: it gave none. */
  noDagUntil: number;
}

/** Asks several sources for the same block at once; those of bad repute a little later. */
export function createSourceRace(
  components: { readonly sources: readonly BlockSource[] },
  init: { readonly sourceTimeoutMs: number },
): SourceRace {
  const runners = components.sources.map((source): Runner => ({ source, marks: 0, noDagUntil: 0 }));

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

  /** Aborts when nothing came for as long as a source has for a block. */
  function watchSilence(signal: AbortSignal): { signal: AbortSignal; heard(): void; end(): void } {
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), init.sourceTimeoutMs);
    return {
      signal: AbortSignal.any([signal, silent.signal]),
      heard: () => void timer.refresh(),
      end: () => clearTimeout(timer),
    };
  }

  async function streamFrom(runner: Runner, root: CID, options: StreamOptions): Promise<'began' | 'refused'> {
    const { source } = runner;
    const silence = watchSilence(options.signal);
    const onBytes = (count: number): void => {
      silence.heard();
      options.onBytes(count);
    };
    let blocks = 0;
    const askedAt = performance.now();
    try {
      for await (const { cid, bytes } of source.fetchDag?.(root, { signal: silence.signal, onBytes }) ?? []) {
        if (!verifyBlock(cid, bytes)) throw new SourceMiss('ERR_INTEGRITY', 'sent other bytes than a CID names');
        const why = await options.take(cid, { bytes, source: source.name, askedAt, deliveredAt: performance.now() });
        if (why === 'stray') throw new SourceMiss('ERR_INTEGRITY', 'sent a block that nothing before it names');
        if (why === 'full') return 'began';
        blocks++;
      }
      if (!options.isWhole()) throw new SourceMiss('ERR_INTEGRITY', 'left blocks out');
      runner.marks = Math.max(0, runner.marks - 1);
      return 'began';
    } catch (error) {
      if (options.signal.aborted) {
        // Whoever waited has got it elsewhere.
        if (blocks === 0 && performance.now() - askedAt > SLOW_MS) {
          mark(runner, 1);
          runner.noDagUntil = Date.now() + NO_DAG_MS;
        }
        return 'began';
      }
      const miss = toMiss(error);
      const bad = miss.code === 'ERR_INTEGRITY' || (error instanceof InferbaseError && error.code !== 'ERR_CANCELLED');
      if (bad) mark(runner, 4);
      else if (silence.signal.aborted || blocks > 0) mark(runner, 2);
      if (miss.code !== 'ERR_FUNCTION_NOT_FOUND') runner.noDagUntil = Date.now() + NO_DAG_MS;
      return blocks === 0 ? 'refused' : 'began';
    } finally {
      silence.end();
    }
  }

  const canStream = ({ source, noDagUntil }: Runner): boolean =>
    source.fetchDag !== undefined && noDagUntil < Date.now();

  return {
    get streams() {
      return runners.some(canStream);
    },
    async streamDag(root, options) {
      const able = runners.filter((runner) => canStream(runner) && !options.tried.has(runner.source.name));
      const best = able.toSorted((a, b) => a.marks - b.marks)[0];
      if (best === undefined) throw new Error('no source is left');
      options.tried.add(best.source.name);
      return await streamFrom(best, root, options);
    },
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
