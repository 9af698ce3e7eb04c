import { InferbaseError } from '../core/errors.ts';
import type { ExecutionContext, Outcome } from '../core/execution.ts';
import { type FunctionEntry, type Grant, MAX_EXECUTION_ID, type SandboxThreadData } from '../core/sandbox-messages.ts';
import type { Services } from '../core/services.ts';
import { executionCapacity, memoryCapacity } from './capacity.ts';
import { Durations } from './durations.ts';
import { ended, placesOf, SandboxThread, type Sent, THREAD_PLACES } from './sandbox-thread.ts';

/** Threads that die before they are ready are not replaced for ever. */
const MAX_FAILED_BOOTS = 3;
/** Rank of a thread whose guest holds the CPU: behind every other. */
const STALLED = 1_000_000;
const PAGE_BYTES = 65_536;
/** A thread with less to do than this, in ms, is given more before another one is woken: waking costs more than it wins. */
const WORTH_WAKING_MS = 1;

export interface SandboxInit extends Pick<SandboxThreadData, 'upstreams' | 'memoryPages' | 'processes'> {
  /** Number of sandbox threads. */
  readonly threads: number;
  /** Most executions live at once in this process; lowered to what the machine carries. */
  readonly concurrency: number;
  /** Most executions waiting for a place. */
  readonly queue: number;
  /** Most bytes each thread keeps in unused linear memories; default 64 MiB. */
  readonly poolBytes?: number;
  /** Fuel that a guest is given at a time; default what takes it about a millisecond. */
  readonly sliceFuel?: number;
  /** Most bytes of linear memory that live executions have together; default half of the machine's. */
  readonly memoryBytes?: number;
  /** What guests may ask of this thread. */
  readonly services: Services;
  log(line: string): void;
}

/** What differs from request to request. */
export type Input = Pick<ExecutionContext, 'args' | 'env' | 'stdin' | 'files' | 'trace'>;

export interface Sandbox {
  /** Resolves when every thread is ready. */
  readonly ready: Promise<void>;
  /**
   * Runs one execution in an instance of its own. Function and grant are known to the threads by identity: pass the
   * same objects again for the same function and the same rights.
   * @param signal ends it with cause `cancelled`; one that still waits for a place is rejected instead
   * @throws InferbaseError ERR_BUSY when the queue is full, ERR_CANCELLED, ERR_CLOSED
   */
  run(entry: FunctionEntry, grant: Grant, context: Input, signal?: AbortSignal): Promise<Outcome>;
  /** Terminates the threads; what still runs ends `interrupted`. */
  close(): Promise<void>;
}

/** Starts the sandbox threads. */
export function createSandbox(init: SandboxInit): Sandbox {
  const { upstreams, memoryPages, processes, poolBytes = 64 * 1_048_576, sliceFuel = null } = init;
  const capacity = executionCapacity(init.concurrency);
  const memoryBytesInAll = init.memoryBytes ?? memoryCapacity();
  const liveBytes = Math.floor(memoryBytesInAll / init.threads);
  const threads = new Set<SandboxThread>();
  const durations = new Durations();
  const waiting = new Set<Sent>();
  let closed: Promise<void> | null = null;
  let nextId = 1;
  let failedBoots = 0;

  function startThread(): SandboxThread {
    const thread = new SandboxThread(
      { upstreams, memoryPages, processes, poolBytes, liveBytes, sliceFuel },
      {
        log: init.log,
        services: init.services,
        onOutcome: dispatchWaiting,
        onGone: (unstarted, booted) => replace(thread, unstarted, booted),
      },
    );
    threads.add(thread);
    return thread;
  }

  function replace(thread: SandboxThread, unstarted: readonly Sent[], booted: boolean): void {
    threads.delete(thread);
    failedBoots = booted ? 0 : failedBoots + 1;
    if (closed === null && failedBoots < MAX_FAILED_BOOTS) {
      startThread();
      for (const sent of unstarted) {
        // The thread took the news of it along.
        if (sent.signal?.aborted === true) sent.settle(ended('cancelled', 'the caller went away', 0));
        else dispatch(sent);
      }
    } else {
      for (const sent of unstarted) sent.settle(ended('interrupted', 'no sandbox thread is left', 0));
      if (threads.size === 0) failWaiting('no sandbox thread is left; restart the node');
    }
    dispatchWaiting();
  }

  function failWaiting(message: string): void {
    for (const sent of waiting) sent.settle(ended('interrupted', message, 0));
    waiting.clear();
  }

  /** The first thread with next to nothing to do, else the one with the most room; `undefined`: it has to wait. */
  function threadFor(sent: Sent): SandboxThread | undefined {
    const { places, memoryBytes, expectedMs } = sent;
    let live = 0;
    let bytes = 0;
    let best: SandboxThread | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const thread of threads) {
      live += thread.load;
      bytes += thread.memoryBytes;
      const rank = thread.stalled
        ? STALLED + thread.load
        : thread.backlogMs + expectedMs < WORTH_WAKING_MS
          ? -1
          : thread.load;
      if (rank >= bestRank || thread.load + places > THREAD_PLACES) continue;
      best = thread;
      bestRank = rank;
    }
    // What they begin with may take half; the other half is for growing.
    const fits = live + places <= capacity && bytes + memoryBytes <= memoryBytesInAll / 2;
    return live === 0 || fits ? best : undefined;
  }

  function dispatch(sent: Sent): void {
    const thread = threadFor(sent);
    if (thread !== undefined) thread.send(sent);
    else waiting.add(sent);
  }

  function dispatchWaiting(): void {
    for (const sent of waiting) {
      const thread = threadFor(sent);
      if (thread === undefined) return;
      waiting.delete(sent);
      thread.send(sent);
    }
  }

  function enqueue(sent: Sent): void {
    const thread = waiting.size === 0 ? threadFor(sent) : undefined;
    if (thread !== undefined) {
      thread.send(sent);
      return;
    }
    if (waiting.size >= init.queue) {
      throw new InferbaseError(
        'ERR_BUSY',
        `busy: no room for another execution and ${waiting.size} are waiting; retry later, or raise limits.queue`,
      );
    }
    waiting.add(sent);
  }

  for (let index = 0; index < init.threads; index++) startThread();

  return {
    ready: Promise.all(Array.from(threads, (thread) => thread.ready)).then(() => undefined),
    run(entry, grant, context, signal) {
      if (closed !== null) return Promise.reject(new InferbaseError('ERR_CLOSED', 'the node is shutting down'));
      if (threads.size === 0) {
        return Promise.reject(new InferbaseError('ERR_CLOSED', 'no sandbox thread could be started; see the log'));
      }
      if (signal?.aborted === true) return Promise.reject(cancelled());
      return new Promise((resolve, reject) => {
        const id = nextId;
        nextId = id === MAX_EXECUTION_ID ? 1 : id + 1;
        const sent: Sent = {
          id,
          function: entry,
          grant,
          context,
          places: placesOf({ function: entry, context }),
          memoryBytes: (entry.facts.memory?.initial ?? 0) * PAGE_BYTES,
          expectedMs: durations.expectedMs(entry),
          signal,
          settle: (outcome) => {
            signal?.removeEventListener('abort', onAbort);
            durations.note(entry, outcome.usage.wallMs);
            resolve(outcome);
          },
        };
        const onAbort = (): void => {
          if (waiting.delete(sent)) {
            reject(cancelled());
            // It may have been the one that found no room for all behind it.
            dispatchWaiting();
          } else for (const thread of threads) thread.cancel(id);
        };
        try {
          enqueue(sent);
        } catch (error) {
          reject(error);
          return;
        }
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    close() {
      closed ??= (async () => {
        failWaiting('the node is shutting down');
        await Promise.all(Array.from(threads, (thread) => thread.terminate()));
      })();
      return closed;
    },
  };
}

function cancelled(): InferbaseError {
  return new InferbaseError('ERR_CANCELLED', 'the caller went away before the function ran');
}
