import { Worker } from 'node:worker_threads';
import { type Cause, type ExecutionContext, NO_USAGE, type Outcome, type SeedFile } from '../core/execution.ts';
import { CAUSE_EXIT_CODES } from '../core/exit-codes.ts';
import {
  cellDifference,
  type FromSandbox,
  type FunctionEntry,
  type Grant,
  type RunMessage,
  type SandboxThreadData,
  THREAD_CELL,
  THREAD_CELLS,
  type ToSandbox,
  unpackOutcomes,
} from '../core/sandbox-messages.ts';
import type { ServiceReply, ServiceRequest, Services } from '../core/services.ts';
import { threadUrl } from '../core/thread-url.ts';
import { SentOnce } from './sent-once.ts';

/** How often a thread with live executions is looked at, in ms. */
const WATCH_MS = 25;
/**
 * How long past its deadline an execution may hold the CPU before its thread is terminated, in ms. A guest ends by itself
 * when its slice does; on a machine with far too much to do even that takes a while.
 */
const GRACE_MS = 250;
/** A guest this long on the CPU, in ms, makes new executions go to other threads first. */
const STALL_MS = 50;
const HEAP_MB = 512;
/** Share of a thread's heap that instances may fill; past the whole of it V8 ends the thread. */
const INSTANCES_SHARE = 0.7;
/** One place in a thread: what the instance of an ordinary module and its execution take there at most, in bytes. */
const PLACE_BYTES = 64 * 1024;

/** Places that one thread has for executions. */
export const THREAD_PLACES = Math.floor((HEAP_MB * 1_048_576 * INSTANCES_SHARE) / PLACE_BYTES);

/** Sets of files a thread keeps for later executions; each may hold 64 MiB. */
const MAX_FILE_SETS = 16;

/** What a text takes on V8's heap beside its characters, which take two bytes each at most. */
const TEXT_BYTES = 64;

/** Roughly what arguments and environment take on a heap, in bytes. */
export function inputBytes({ args, env }: Pick<ExecutionContext, 'args' | 'env'>): number {
  let bytes = 0;
  for (const text of args) bytes += TEXT_BYTES + text.length * 2;
  for (const [name, value] of env) bytes += 2 * TEXT_BYTES + (name.length + value.length) * 2;
  return bytes;
}

/** Places an execution takes: one, or more where its instance has large tables or its input is large. */
export function placesOf({ function: { facts }, context }: Pick<Sent, 'function' | 'context'>): number {
  return Math.min(THREAD_PLACES, 1 + Math.floor((facts.instanceBytes + inputBytes(context)) / PLACE_BYTES));
}

/** An execution sent to a thread, and who waits for its outcome. */
export interface Sent {
  readonly id: number;
  readonly function: FunctionEntry;
  readonly grant: Grant;
  readonly context: Pick<ExecutionContext, 'args' | 'env' | 'stdin' | 'files' | 'trace'>;
  /** See `placesOf`. */
  readonly places: number;
  /** Linear memory it begins with, in bytes. */
  readonly memoryBytes: number;
  /** How long it will probably take, in ms. */
  readonly expectedMs: number;
  /** Aborted once the caller went away. */
  readonly signal: AbortSignal | undefined;
  readonly settle: (outcome: Outcome) => void;
}

export interface SandboxThreadEvents {
  /** An execution is over and the thread has room for another. */
  onOutcome(): void;
  /** The thread is gone. `unstarted` never ran a line of guest code and may run elsewhere; the rest was settled. */
  onGone(unstarted: readonly Sent[], booted: boolean): void;
  log(line: string): void;
  /** Answers what guests ask of the front thread. */
  readonly services: Services;
}

/** The front thread's end of one sandbox thread: batches, the watchdog, and what to say of executions it took along. */
export class SandboxThread {
  readonly #worker: Worker;
  readonly #events: SandboxThreadEvents;
  readonly #cells = new Int32Array(new SharedArrayBuffer(THREAD_CELLS * 4));
  readonly #epochMs = performance.timeOrigin;
  /** In the order they were sent, which is the order they start in. */
  readonly #live = new Map<number, { readonly sent: Sent; readonly sequence: number }>();
  readonly ready: Promise<void>;
  readonly #functions = new SentOnce<FunctionEntry>();
  readonly #grants = new SentOnce<Grant>();
  readonly #files = new SentOnce<readonly SeedFile[]>(MAX_FILE_SETS);
  /** Executions that may have opened something in a service. */
  readonly #served = new Set<number>();
  #replies: ServiceReply[] = [];
  #runs: RunMessage[] = [];
  #cancels: number[] = [];
  #traced: number[] = [];
  #flushing = false;
  #sequence = 0;
  #load = 0;
  #memoryBytes = 0;
  #backlogMs = 0;
  #closing = false;
  #watch: NodeJS.Timeout | null = null;
  #watched = { id: 0, since: 0 };
  #blamed = 0;
  #booted = false;
  #closed = false;

  constructor(data: Omit<SandboxThreadData, 'cells' | 'epochMs'>, events: SandboxThreadEvents) {
    this.#events = events;
    const workerData: SandboxThreadData = { ...data, cells: this.#cells, epochMs: this.#epochMs };
    this.#worker = new Worker(threadUrl('guest/thread'), {
      workerData,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.ready = new Promise((resolve) => {
      this.#worker.on('message', (message: FromSandbox) => {
        if (message.ready === true) {
          this.#booted = true;
          resolve();
        }
        this.#receive(message);
      });
      this.#worker.once('exit', () => resolve());
    });
    this.#worker.on('error', (error: Error) => events.log(`sandbox thread failed: ${error.message}`));
    this.#worker.once('exit', () => this.#gone());
  }

  /** Places taken by executions that were sent and are not over. */
  get load(): number {
    return this.#load;
  }

  /** Linear memory that executions here began with, in bytes. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** What the executions here will probably take one after the other, in ms. */
  get backlogMs(): number {
    return this.#backlogMs;
  }

  /** One guest has held the CPU for a while: what is sent here now waits for it. */
  get stalled(): boolean {
    return this.#watched.id !== 0 && performance.now() - this.#watched.since > STALL_MS;
  }

  send(sent: Sent): void {
    const { id, context } = sent;
    this.#live.set(id, { sent, sequence: ++this.#sequence });
    this.#load += sent.places;
    this.#memoryBytes += sent.memoryBytes;
    this.#backlogMs += sent.expectedMs;
    this.#runs.push([
      id,
      this.#functions.numberOf(sent.function),
      this.#grants.numberOf(sent.grant),
      context.args,
      context.env.flat(),
      context.stdin.length === 0 ? null : context.stdin,
      this.#filesNumber(context.files),
    ]);
    if (context.trace === true) this.#traced.push(id);
    this.#flushSoon();
    this.#watch ??= setInterval(() => this.#look(), WATCH_MS).unref();
  }

  #filesNumber(files: readonly SeedFile[] | null | undefined): number {
    if (files === null) return -1;
    return files === undefined || files.length === 0 ? 0 : this.#files.numberOf(files);
  }

  cancel(id: number): void {
    if (!this.#live.has(id)) return;
    this.#cancels.push(id);
    this.#flushSoon();
  }

  async terminate(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      const message: ToSandbox = {
        functions: this.#functions.takeFresh(),
        grants: this.#grants.takeFresh(),
        files: this.#files.takeFresh(),
        runs: this.#runs,
        cancels: this.#cancels,
        droppedFunctions: this.#functions.takeDropped(),
        droppedGrants: this.#grants.takeDropped(),
        droppedFiles: this.#files.takeDropped(),
        ...(this.#traced.length > 0 ? { traced: this.#traced } : {}),
        ...(this.#replies.length > 0 ? { replies: this.#replies } : {}),
      };
      this.#replies = [];
      this.#runs = [];
      this.#cancels = [];
      this.#traced = [];
      this.#worker.postMessage(message);
    });
  }

  #receive(message: FromSandbox): void {
    for (const line of message.logs) this.#events.log(line);
    for (const request of message.requests ?? []) void this.#serve(request);
    for (const [id, outcome] of unpackOutcomes(message)) {
      const live = this.#live.get(id);
      if (live === undefined) continue;
      this.#live.delete(id);
      this.#release(id);
      this.#load -= live.sent.places;
      this.#memoryBytes -= live.sent.memoryBytes;
      this.#backlogMs = this.#live.size === 0 ? 0 : this.#backlogMs - live.sent.expectedMs;
      live.sent.settle(outcome);
      this.#events.onOutcome();
    }
    if (this.#live.size === 0) this.#stopWatching();
  }

  /** Always answers, so that the thread forgets the question; what was opened for an execution that ended is released. */
  async #serve([call, execution, op, payload]: ServiceRequest): Promise<void> {
    let reply: ServiceReply;
    try {
      if (!this.#live.has(execution)) throw new Error('the execution is over');
      this.#served.add(execution);
      reply = [call, null, await this.#events.services.ask(execution, op, payload)];
    } catch (error) {
      reply = [call, error instanceof Error ? error.message : String(error), null];
    }
    if (this.#closed) return;
    this.#replies.push(reply);
    this.#flushSoon();
  }

  #release(execution: number): void {
    if (this.#served.delete(execution)) this.#events.services.release(execution);
  }

  /** A thread whose guest neither ends nor parks cannot be asked to stop: it is terminated. */
  #look(): void {
    const id = Atomics.load(this.#cells, THREAD_CELL.onCpu);
    if (id !== this.#watched.id) this.#watched = { id, since: performance.now() };
    if (id === 0) return;
    const now = performance.timeOrigin + performance.now() - this.#epochMs;
    if (cellDifference(now, Atomics.load(this.#cells, THREAD_CELL.deadline)) < GRACE_MS) return;
    this.#blamed = id;
    this.#stopWatching();
    void this.#worker.terminate();
  }

  #stopWatching(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#watched = { id: 0, since: 0 };
  }

  #gone(): void {
    this.#closed = true;
    this.#stopWatching();
    for (const execution of this.#served) this.#events.services.release(execution);
    this.#served.clear();
    const started = Atomics.load(this.#cells, THREAD_CELL.started);
    const lost = [...this.#live.values()];
    this.#live.clear();
    this.#load = 0;
    this.#memoryBytes = 0;
    this.#backlogMs = 0;
    const unstarted: Sent[] = [];
    for (const { sent, sequence } of lost) {
      if (cellDifference(sequence, started) > 0) unstarted.push(sent);
      else if (sent.id === this.#blamed) {
        const { deadlineMs } = sent.grant.limits;
        sent.settle(
          ended('deadline', `held the CPU past its deadline of ${deadlineMs} ms (limits.deadlineMs)`, deadlineMs),
        );
      } else {
        const message = this.#closing
          ? 'the node was shut down; send the request again'
          : 'its sandbox thread was ended because of another execution; send the request again';
        sent.settle(ended('interrupted', message, 0));
      }
    }
    this.#events.onGone(unstarted, this.#booted);
  }
}

/** Outcome of an execution whose thread is gone, and its output with it. */
export function ended(cause: Exclude<Cause, 'exited' | 'trapped'>, message: string, wallMs: number): Outcome {
  return {
    cause,
    exitCode: CAUSE_EXIT_CODES[cause],
    message,
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
    stdoutTruncated: false,
    stderrTruncated: false,
    usage: { ...NO_USAGE, wallMs },
  };
}
