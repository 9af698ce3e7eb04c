import { type MessagePort, Worker } from 'node:worker_threads';
import { fromErrorData, InferbaseError } from '../../core/errors.ts';
import type { ModuleFacts } from '../../core/module-facts.ts';
import { threadEnvironment, threadUrl } from '../../core/thread-url.ts';
import { abortable, cancelled } from '../single-flight.ts';
import type { SourcePort } from '../sources/port-source.ts';
import type { FromThread, Job, Results, ThreadData, ToThread } from './protocol.ts';

/** Jobs beyond these are refused: each may hold a whole function in memory. */
const MAX_JOBS = 256;
const MAX_AT_ONCE = 16;
/** A job that a dying thread interrupted is run again once. */
const MAX_ATTEMPTS = 2;
const CLOSE_MS = 2_000;
/**
 * Function types after which no further module is taken in. V8 keeps every distinct one for the life of the process and
 * aborts it at two million; ordinary modules share most of theirs, so only thousands made for this get here.
 */
const MAX_TYPES = 1_500_000;
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 512 };

export interface PreparationInit {
  readonly thread: Omit<ThreadData, 'stepCell' | 'sources'>;
  /** Called for each thread that is started, of which there may be several one after the other. */
  readonly connectSources?: (() => readonly SourcePort[]) | undefined;
  /** Longest time one step may keep the thread busy, in ms. */
  readonly cpuTimeoutMs: number;
  /** Most function types taken in; default 1 500 000. */
  readonly maxTypes?: number | undefined;
  readonly log: (line: string, fields?: object) => void;
  readonly onStep?: ((step: string) => void) | undefined;
}

export interface Preparation {
  /**
   * Runs a job on the preparation thread, which starts with the first one.
   * @throws InferbaseError of the job; `ERR_CANCELLED`, `ERR_BUSY`, `ERR_CLOSED`; `ERR_INVALID_MODULE` when one step took
   * too long
   */
  run<K extends Job['kind']>(job: Extract<Job, { kind: K }>, signal: AbortSignal): Promise<Results[K]>;
  /** Tells of a module from disk that this process compiled without the thread. */
  countTypes(facts: ModuleFacts): void;
  /** Gives the thread, if there is one, another port for a source of the same name. */
  renewSource(source: SourcePort): void;
  /** Starts the thread ahead of the first job. */
  warm(): void;
  /** Ends the thread after the writes under way; jobs end with `ERR_CLOSED`. */
  close(): Promise<void>;
}

interface Pending {
  readonly id: number;
  readonly job: Job;
  readonly resolve: (result: Results[keyof Results]) => void;
  readonly reject: (error: InferbaseError) => void;
  attempts: number;
}

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  ready: boolean;
  /** The job whose step keeps the thread busy now. */
  heavy: { id: number; step: string; timer: NodeJS.Timeout } | undefined;
}

/** The front thread's side of the preparation thread; one thread at a time, replaced when it hangs or dies. */
export function createPreparation(init: PreparationInit): Preparation {
  const pending = new Map<number, Pending>();
  /** Ids that the thread works on; the rest of `pending` waits. */
  const posted = new Set<number>();
  const stepCell = init.onStep === undefined ? null : new SharedArrayBuffer(4);
  let thread: Thread | undefined;
  let nextId = 1;
  let types = 0;
  const counted = new Set<string>();
  let closed = false;

  function send(to: Thread, message: ToThread, transfer: readonly MessagePort[] = []): void {
    to.worker.postMessage(message, [...transfer]);
  }

  function start(): Thread {
    const sources = init.connectSources?.() ?? [];
    const workerData: ThreadData = { ...init.thread, sources, stepCell };
    const worker = new Worker(threadUrl('store/preparation/thread'), {
      workerData,
      transferList: sources.map(({ port }) => port),
      env: threadEnvironment(),
      resourceLimits: RESOURCE_LIMITS,
    });
    // An idle thread keeps no process alive.
    worker.unref();
    const { promise: exited, resolve } = Promise.withResolvers<void>();
    const started: Thread = { worker, exited, ready: false, heavy: undefined };
    worker.on('message', (message: FromThread) => onMessage(started, message));
    worker.on('error', (error) => init.log('the preparation thread died', { error: String(error) }));
    worker.on('exit', () => {
      resolve();
      onGone(started);
    });
    return started;
  }

  /** Gives waiting jobs to the thread, up to what it may hold at once. */
  function feed(): void {
    for (const item of pending.values()) {
      if (posted.size >= MAX_AT_ONCE) break;
      if (posted.has(item.id)) continue;
      thread ??= start();
      posted.add(item.id);
      item.attempts++;
      send(thread, { type: 'run', id: item.id, job: item.job });
    }
    if (pending.size > 0) thread?.worker.ref();
    else thread?.worker.unref();
  }

  function forget(id: number): Pending | undefined {
    const item = pending.get(id);
    pending.delete(id);
    posted.delete(id);
    return item;
  }

  function onMessage(from: Thread, message: FromThread): void {
    if (message.type === 'ready') from.ready = true;
    else if (message.type === 'heavy') {
      from.heavy = { ...message, timer: setTimeout(onOverdue, init.cpuTimeoutMs, from, message.id) };
    } else if (message.type === 'light') {
      types += message.types;
      endHeavy(from);
    } else if (message.type === 'log') init.log(message.line, message.fields);
    else if (message.type === 'step') onStep(message.step);
    else {
      const item = forget(message.id);
      if (message.type === 'done') {
        if ('facts' in message.result) counted.add(message.result.facts.sha256);
        item?.resolve(message.result);
      } else item?.reject(fromErrorData(message.error));
      feed();
    }
  }

  function onStep(step: string): void {
    try {
      init.onStep?.(step);
    } finally {
      if (stepCell !== null) {
        Atomics.store(new Int32Array(stepCell), 0, 1);
        Atomics.notify(new Int32Array(stepCell), 0);
      }
    }
  }

  function endHeavy(of: Thread): void {
    clearTimeout(of.heavy?.timer);
    of.heavy = undefined;
  }

  /** If it was this thread that stood still, the message that ends the step is already there: let it in first. */
  function onOverdue(of: Thread, id: number): void {
    setImmediate(() => {
      if (of.heavy?.id !== id || of !== thread) return;
      const { step } = of.heavy;
      forget(id)?.reject(
        new InferbaseError(
          'ERR_INVALID_MODULE',
          `${step} took more than ${init.cpuTimeoutMs} ms; make the function smaller.`,
        ),
      );
      init.log('the preparation thread hung and was replaced', { step });
      replace(of);
    });
  }

  /** Ends a thread at once; what it worked on is given to the next one, once. */
  function replace(old: Thread): void {
    endHeavy(old);
    thread = undefined;
    void old.worker.terminate();
    posted.clear();
    for (const item of [...pending.values()]) {
      if (item.attempts < MAX_ATTEMPTS) continue;
      forget(item.id)?.reject(
        new InferbaseError('ERR_INTERNAL', 'The preparation thread died twice during this; see the log.'),
      );
    }
    feed();
  }

  function onGone(gone: Thread): void {
    if (gone !== thread || closed) return;
    // Out of memory, most likely: the job that was at it does not get to try again.
    const culprit = gone.heavy === undefined ? undefined : forget(gone.heavy.id);
    culprit?.reject(
      new InferbaseError(
        'ERR_INVALID_MODULE',
        `The preparation thread died while ${gone.heavy?.step}; make the function smaller.`,
      ),
    );
    if (!gone.ready) {
      // A thread that cannot even start would be started for ever.
      thread = undefined;
      failAll(new InferbaseError('ERR_INTERNAL', 'The preparation thread does not start; see the log.'));
      return;
    }
    replace(gone);
  }

  function failAll(error: InferbaseError): void {
    for (const id of [...pending.keys()]) forget(id)?.reject(error);
  }

  return {
    async run<K extends Job['kind']>(job: Extract<Job, { kind: K }>, signal: AbortSignal): Promise<Results[K]> {
      if (closed) throw closedError();
      if (signal.aborted) throw cancelled(signal);
      if (pending.size >= MAX_JOBS) {
        throw new InferbaseError('ERR_BUSY', `${MAX_JOBS} functions are being prepared already; try again later.`);
      }
      if (types >= (init.maxTypes ?? MAX_TYPES) && job.kind.startsWith('prepare')) {
        throw new InferbaseError(
          'ERR_BUSY',
          `The modules of this process declare ${types} function types, near what V8 can hold; restart the node.`,
        );
      }
      const id = nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<Results[keyof Results]>();
      pending.set(id, { id, job, resolve, reject, attempts: 0 });
      feed();
      try {
        // The thread answers a job with the result of its kind.
        return (await abortable(promise, signal)) as Results[K];
      } finally {
        if (posted.has(id) && thread !== undefined) send(thread, { type: 'abort', id });
        if (forget(id) !== undefined) feed();
      }
    },
    countTypes({ sha256, types: count }) {
      if (counted.has(sha256)) return;
      counted.add(sha256);
      types += count;
    },
    renewSource(source) {
      if (thread !== undefined) send(thread, { type: 'source', source }, [source.port]);
      else source.port.close();
    },
    warm() {
      if (!closed) thread ??= start();
    },
    async close() {
      const last = thread;
      const first = !closed;
      closed = true;
      failAll(closedError());
      if (last === undefined) return;
      if (!first) return await last.exited;
      endHeavy(last);
      last.worker.ref();
      send(last, { type: 'close' });
      const timer = setTimeout(() => void last.worker.terminate(), CLOSE_MS);
      await last.exited;
      clearTimeout(timer);
    },
  };
}

function closedError(): InferbaseError {
  return new InferbaseError('ERR_CLOSED', 'The store is closed.');
}
