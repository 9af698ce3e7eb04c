import { LRUCache } from 'lru-cache';
import { InferbaseError } from '../core/errors.ts';

export interface InstallsInit {
  /** Installs at once; of one head at most half of them, and one at least. Default 4. */
  readonly atOnce?: number;
  /** Installs that may wait; of one head at most half of them. Default 64. */
  readonly queue?: number;
  /** How long a failure is remembered instead of tried again, in ms; default 30 000. */
  readonly failedMs?: number;
}

/** `null`: it is here; else why it is not. */
export type InstallEnd = InferbaseError | null;

export interface Installs {
  /** Why the function could not be installed a moment ago. */
  failure(cid: string): InferbaseError | undefined;
  /** Joins the install of this function under way, or lines one up. Never rejects. */
  start(cid: string, head: string): Promise<InstallEnd>;
  /** Ends what is under way. */
  close(): void;
}

interface Install {
  readonly cid: string;
  readonly head: string;
  readonly end: PromiseWithResolvers<InstallEnd>;
}

/** Failures that are remembered. */
const MAX_FAILED = 1_000;

/**
 * Installs functions that heads ask about: each once, a few at a time, and not again for a while where it failed. A head
 * that asks for nonsense neither keeps the others from theirs nor makes the node ask its sources without end.
 * @param install fetches and prepares; its errors are told to `onFailed`
 */
export function createInstalls(
  components: {
    install(cid: string, signal: AbortSignal): Promise<void>;
    onFailed(cid: string, head: string, error: unknown): void;
  },
  { atOnce = 4, queue = 64, failedMs = 30_000 }: InstallsInit = {},
): Installs {
  const failed = new LRUCache<string, InferbaseError>({ max: MAX_FAILED, ttl: failedMs });
  const closing = new AbortController();
  const known = new Map<string, Install>();
  const running = new Set<Install>();
  const waiting = new Set<Install>();

  function next(): void {
    for (const install of waiting) {
      if (running.size >= atOnce) return;
      if (countOf(running, install.head) >= Math.max(1, Math.floor(atOnce / 2))) continue;
      waiting.delete(install);
      running.add(install);
      void run(install);
    }
  }

  async function run(install: Install): Promise<void> {
    const { cid, head } = install;
    let end: InstallEnd = null;
    try {
      await components.install(cid, closing.signal);
    } catch (error) {
      end = error instanceof InferbaseError ? error : new InferbaseError('ERR_INTERNAL', 'internal error');
      failed.set(cid, end);
      if (!closing.signal.aborted) components.onFailed(cid, head, error);
    }
    running.delete(install);
    known.delete(cid);
    install.end.resolve(end);
    next();
  }

  return {
    failure: (cid) => failed.get(cid),
    start(cid, head) {
      const joined = known.get(cid);
      if (joined !== undefined) return joined.end.promise;
      const before = failed.get(cid);
      if (before !== undefined) return Promise.resolve(before);
      if (closing.signal.aborted) return Promise.resolve(new InferbaseError('ERR_CLOSED', 'the node is shutting down'));
      if (waiting.size >= queue || countOf(waiting, head) >= Math.ceil(queue / 2)) {
        return Promise.resolve(new InferbaseError('ERR_BUSY', `busy: ${waiting.size} functions wait to be installed`));
      }
      const install = { cid, head, end: Promise.withResolvers<InstallEnd>() };
      known.set(cid, install);
      waiting.add(install);
      next();
      return install.end.promise;
    },
    close() {
      const closed = new InferbaseError('ERR_CLOSED', 'the node is shutting down');
      for (const { end } of waiting) end.resolve(closed);
      waiting.clear();
      closing.abort(closed);
    },
  };
}

function countOf(installs: Iterable<Install>, head: string): number {
  let count = 0;
  for (const install of installs) if (install.head === head) count++;
  return count;
}
