import { checkCatching } from '../core/catching.ts';
import { InferbaseError } from '../core/errors.ts';
import type { ExecutionContext, Outcome } from '../core/execution.ts';
import {
  type FunctionEntry,
  type Grant,
  initialPages,
  MAX_EXECUTION_ID,
  type SandboxThreadData,
} from '../core/sandbox-messages.ts';
import type { Services } from '../core/services.ts';
import { executionCapacity, memoryCapacity } from './capacity.ts';
import { Durations } from './durations.ts';
import { FilesInUse } from './files-in-use.ts';
import { Quarantine } from './quarantine.ts';
import { functionCap, Queue } from './queue.ts';
import { ended, type Gone, placesOf, type Sent } from './sandbox-thread.ts';
import { Threads } from './threads.ts';

const PAGE_BYTES = 65_536;
const SEED_BYTES = 512 * 1_048_576;
const PATIENCE_MS = 5_000;
/** Most of those waiting that are looked at for one that fits. */
const LOOK_AHEAD = 256;

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
  /** Most bytes of files that live executions are given together, shared ones counted once; default 512 MiB. */
  readonly seedBytes?: number;
  /** Most bytes of linear memory that live executions have together; default half of the machine's. */
  readonly memoryBytes?: number;
  /**
   * An execution may be overtaken by smaller ones while it waits for room, for this long, in ms; from then on it is
   * first, or it would wait for ever. Default 5 000.
   */
  readonly patienceMs?: number;
  /** What guests may ask of this thread. */
  readonly services: Services;
  log(line: string): void;
  /** Guests could catch their end in these encodings of exceptions: modules that use them are refused here. */
  onCatching?(encodings: readonly string[]): void;
  /** For tests: see `SandboxThreadData`. */
  readonly catchableTrap?: boolean;
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
   * @throws InferbaseError ERR_BUSY when the queue is full, ERR_CANCELLED, ERR_CLOSED, ERR_QUARANTINED; ERR_INVALID_MODULE
   * for one that could catch its end
   */
  run(entry: FunctionEntry, grant: Grant, context: Input, signal?: AbortSignal): Promise<Outcome>;
  /** Terminates the threads; what still runs ends `interrupted`. */
  close(): Promise<void>;
}

/** Starts the sandbox threads. */
export function createSandbox(init: SandboxInit): Sandbox {
  const { upstreams, memoryPages, processes, poolBytes = 64 * 1_048_576, sliceFuel = null } = init;
  const patienceMs = init.patienceMs ?? PATIENCE_MS;
  const memoryBytes = init.memoryBytes ?? memoryCapacity();
  const liveBytes = Math.floor(memoryBytes / init.threads);
  const capacity = executionCapacity(init.concurrency);
  const durations = new Durations();
  const queue = new Queue();
  const quarantine = new Quarantine();
  /** Hash of a function → its executions in threads. */
  const alive = new Map<string, number>();
  const filesInUse = new FilesInUse(init.seedBytes ?? SEED_BYTES);
  let catching: readonly string[] = [];
  let closed: Promise<void> | null = null;
  let nextId = 1;

  const threads = new Threads(
    {
      count: init.threads,
      data: {
        upstreams,
        memoryPages,
        processes,
        poolBytes,
        liveBytes,
        sliceFuel,
        catchableTrap: init.catchableTrap ?? false,
      },
      capacity,
      // What they begin with may take half; the other half is for growing.
      memoryBytes: memoryBytes / 2,
    },
    { onReady, onOutcome, onGone, log: init.log, services: init.services },
  );
  /** Modules that catch exceptions wait for the self-test of the threads. */
  let tested: Promise<void> | null = threads.ready.then(() => {
    tested = null;
  });

  function onReady(found: readonly string[]): void {
    if (found.length === 0 || catching.length > 0) return;
    catching = found;
    const names = found.join(', ');
    init.log(`Guests can catch their own end on this version of Node; modules that use ${names} are refused.`);
    init.onCatching?.(found);
  }

  function onOutcome(sent: Sent): void {
    countAlive(sent, -1);
    if (queue.size > 0) dispatchWaiting(sent.function.facts.sha256);
  }

  function onGone({ culprit, over, again }: Gone): void {
    for (const sent of [...over, ...again]) countAlive(sent, -1);
    if (culprit !== undefined && closed === null) strike(culprit.function.facts.sha256);
    for (const sent of again) runAgain(sent);
    if (threads.gone) failWaiting('no sandbox thread is left; restart the node');
    for (const hash of new Set([...over, ...again].map((sent) => sent.function.facts.sha256))) dispatchWaiting(hash);
  }

  function strike(hash: string): void {
    if (!quarantine.strike(hash)) return;
    const refusal = quarantine.refusal(hash);
    if (refusal === undefined) return;
    init.log(refusal.message);
    for (const sent of queue.takeAll(hash)) sent.refuse(refusal);
  }

  function runAgain(sent: Sent): void {
    if (closed !== null || threads.gone) sent.settle(ended('interrupted', 'no sandbox thread is left', 0));
    // The thread took the news of it along.
    else if (sent.signal?.aborted === true) sent.settle(ended('cancelled', 'the caller went away', 0));
    else {
      const refusal = quarantine.refusal(sent.function.facts.sha256);
      if (refusal !== undefined) sent.refuse(refusal);
      else dispatch(sent);
    }
  }

  function failWaiting(message: string): void {
    for (const sent of queue.takeAll()) sent.settle(ended('interrupted', message, 0));
  }

  function countAlive({ function: { facts }, context }: Sent, by: 1 | -1): void {
    filesInUse.count(context.files, by);
    const count = (alive.get(facts.sha256) ?? 0) + by;
    if (count === 0) alive.delete(facts.sha256);
    else alive.set(facts.sha256, count);
  }

  /** Puts it into a thread; else says what it has to wait for. */
  function tryStart(sent: Sent): 'started' | 'capped' | 'lacking' {
    if ((alive.get(sent.function.facts.sha256) ?? 0) >= functionCap(sent)) return 'capped';
    if (!filesInUse.fits(sent.context.files)) return 'lacking';
    const thread = threads.placeFor(sent);
    if (thread === undefined) return 'lacking';
    countAlive(sent, 1);
    thread.send(sent);
    return 'started';
  }

  function dispatch(sent: Sent): void {
    const how = tryStart(sent);
    if (how === 'capped') queue.addCapped(sent);
    else if (how === 'lacking') queue.addLacking(sent);
  }

  /** @param hash of the function one of whose executions has just made room */
  function dispatchWaiting(hash: string): void {
    for (;;) {
      const sent = queue.takeCapped(hash, alive.get(hash) ?? 0);
      if (sent === undefined) break;
      // In front of those that lack room: it waited for something else, and there is room now, or it joins them.
      if (tryStart(sent) === 'started') continue;
      queue.addLacking(sent);
      break;
    }
    let looked = 0;
    for (const sent of queue.lacking) {
      const how = tryStart(sent);
      if (how !== 'lacking') queue.delete(sent);
      if (how === 'capped') queue.addCapped(sent);
      if (how === 'lacking' && (threads.full || isFirst(sent) || ++looked === LOOK_AHEAD)) return;
    }
  }

  /** It has been overtaken for long enough; one that itself asked for few neighbours must not claim the node for that. */
  function isFirst(sent: Sent): boolean {
    return performance.now() - sent.askedAt >= patienceMs && sent.grant.limits.concurrency >= capacity;
  }

  function enqueue(sent: Sent): void {
    const [first] = queue.lacking.size === 0 ? [] : queue.lacking;
    // Whoever else waits does not fit, or it would not wait.
    const how = first !== undefined && isFirst(first) ? 'lacking' : tryStart(sent);
    if (how === 'started') return;
    const { limits } = sent.grant;
    const most = Math.min(init.queue, limits.queue);
    if (queue.size >= most) {
      throw busy(`no room for another execution and ${queue.size} are waiting; retry later, or raise limits.queue`);
    }
    if (how === 'lacking') {
      queue.addLacking(sent);
      return;
    }
    if (queue.cappedSize >= Math.ceil(most / 2)) {
      throw busy(
        `${functionCap(sent)} executions of this function are alive and ${queue.cappedSize} wait for such; ` +
          'retry later, or raise limits.functionConcurrency or limits.queue',
      );
    }
    queue.addCapped(sent);
  }

  function run(entry: FunctionEntry, grant: Grant, context: Input, signal?: AbortSignal): Promise<Outcome> {
    if (closed !== null) return Promise.reject(new InferbaseError('ERR_CLOSED', 'the node is shutting down'));
    if (threads.gone) {
      return Promise.reject(new InferbaseError('ERR_CLOSED', 'no sandbox thread could be started; see the log'));
    }
    if (signal?.aborted === true) return Promise.reject(cancelled());
    const refusal = quarantine.refusal(entry.facts.sha256);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      for (const { facts } of [entry, ...(entry.libraries ?? [])]) checkCatching(facts, catching);
      const id = nextId;
      nextId = id === MAX_EXECUTION_ID ? 1 : id + 1;
      const over = (): void => signal?.removeEventListener('abort', onAbort);
      const sent: Sent = {
        id,
        function: entry,
        grant,
        context,
        places: placesOf({ function: entry, context }),
        memoryBytes: initialPages(entry) * PAGE_BYTES,
        expectedMs: durations.expectedMs(entry),
        signal,
        reruns: 0,
        askedAt: performance.now(),
        settle: (outcome) => {
          over();
          durations.note(entry, outcome.usage.wallMs);
          resolve(outcome);
        },
        refuse: (error) => {
          over();
          reject(error);
        },
      };
      const onAbort = (): void => {
        if (queue.delete(sent)) {
          reject(cancelled());
          // It may have been the one that found no room for all behind it.
          dispatchWaiting(entry.facts.sha256);
        } else threads.cancel(id);
      };
      enqueue(sent);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  return {
    ready: threads.ready,
    run(entry, grant, context, signal) {
      const catches = [entry, ...(entry.libraries ?? [])].some(({ facts }) => facts.catches !== null);
      if (!catches || tested === null) return run(entry, grant, context, signal);
      return tested.then(() => run(entry, grant, context, signal));
    },
    close() {
      closed ??= (async () => {
        failWaiting('the node is shutting down');
        await threads.terminate();
      })();
      return closed;
    },
  };
}

function busy(why: string): InferbaseError {
  return new InferbaseError('ERR_BUSY', `busy: ${why}`);
}

function cancelled(): InferbaseError {
  return new InferbaseError('ERR_CANCELLED', 'the caller went away before the function ran');
}
