import { Worker } from 'node:worker_threads';
import type { InferbaseError } from '../core/errors.ts';
import { type Cause, type ExecutionContext, NO_USAGE, type Outcome, type SeedFile } from '../core/execution.ts';
import { CAUSE_EXIT_CODES } from '../core/exit-codes.ts';
import { packRuns, unpackFromSandbox, unpackOutcomes } from '../core/packed-messages.ts';
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
} from '../core/sandbox-messages.ts';
import type { ServiceReply, ServiceRequest, Services } from '../core/services.ts';
import { threadEnvironment, threadUrl } from '../core/thread-url.ts';
import { bytesOf } from './files-in-use.ts';
import { SentOnce } from './sent-once.ts';
import { Watchdog } from './watchdog.ts';

const HEAP_MB = 512;
/** Share of a thread's heap that instances may fill; past the whole of it V8 ends the thread. */
const INSTANCES_SHARE = 0.7;
/** One place in a thread: what the instance of an ordinary module and its execution take there at most, in bytes. */
const PLACE_BYTES = 64 * 1024;

/** Places that one thread has for executions. */
export const THREAD_PLACES = Math.floor((HEAP_MB * 1_048_576 * INSTANCES_SHARE) / PLACE_BYTES);

/** Sets of files a thread keeps for later executions, and what they may hold together; the latest is kept in any case. */
const MAX_FILE_SETS = 16;
const MAX_FILE_BYTES = 64 * 1_048_576;

/** What a text takes on V8's heap beside its characters, which take two bytes each at most. */
const TEXT_BYTES = 64;

/** Roughly what arguments and environment take on a heap, in bytes. */
function inputBytes({ args, env }: Pick<ExecutionContext, 'args' | 'env'>): number {
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
  /** Times that a thread was ended under it because of another execution. */
  reruns: number;
  /** When it was asked for, as `performance.now()` has it. */
  readonly askedAt: number;
  readonly settle: (outcome: Outcome) => void;
  /** It will not run. */
  readonly refuse: (error: InferbaseError) => void;
}

/** What was in a thread that is gone. */
export interface Gone {
  /** It had got so far as to take executions. */
  readonly booted: boolean;
  /** The execution that the thread had to be ended for. */
  readonly culprit: Sent | undefined;
  /** Those that are over with the thread, the culprit among them; each was settled. */
  readonly over: readonly Sent[];
  /** Those that may run elsewhere: they never ran a line of guest code, or did nothing that can be noticed outside. */
  readonly again: readonly Sent[];
}

export interface SandboxThreadEvents {
  /** The thread takes executions. @param catching see `FromSandbox` */
  onReady(catching: readonly string[]): void;
  /** An execution is over and the thread has room for another. */
  onOutcome(sent: Sent): void;
  /** A guest holds up the thread, which may have to be ended for it. */
  onStall(): void;
  /** It goes on after all. */
  onCalm(): void;
  onGone(gone: Gone): void;
  log(line: string): void;
  /** Answers what guests ask of the front thread. */
  readonly services: Services;
}

interface Live {
  readonly sent: Sent;
  /** How many were sent before it. */
  readonly sequence: number;
  /** Its byte in `#effects`. */
  readonly slot: number;
}

/** The front thread's end of one sandbox thread: batches, the watchdog, and what to say of executions it took along. */
export class SandboxThread {
  readonly #worker: Worker;
  readonly #events: SandboxThreadEvents;
  readonly #cells = new Int32Array(new SharedArrayBuffer(THREAD_CELLS * 4));
  readonly #effects = new Uint8Array(new SharedArrayBuffer(THREAD_PLACES));
  readonly #watchdog: Watchdog;
  /** Bytes of `#effects` that no execution has. */
  readonly #freeSlots: number[] = [];
  #slots = 0;
  /** In the order they were sent, which is the order they start in. */
  readonly #live = new Map<number, Live>();
  readonly ready: Promise<void>;
  readonly #functions = new SentOnce<FunctionEntry>();
  readonly #grants = new SentOnce<Grant>();
  readonly #files = new SentOnce<readonly SeedFile[]>(MAX_FILE_SETS, MAX_FILE_BYTES, bytesOf);
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
  #retiring = false;
  #booted = false;
  #closed = false;

  constructor(data: Omit<SandboxThreadData, 'cells' | 'effects' | 'epochMs'>, events: SandboxThreadEvents) {
    this.#events = events;
    const epochMs = performance.timeOrigin;
    const workerData: SandboxThreadData = { ...data, cells: this.#cells, effects: this.#effects, epochMs };
    this.#watchdog = new Watchdog(this.#cells, epochMs, {
      onStall: () => events.onStall(),
      onCalm: () => events.onCalm(),
      onHang: () => void this.#worker.terminate(),
    });
    this.#worker = new Worker(threadUrl('guest/thread'), {
      workerData,
      env: threadEnvironment(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.ready = new Promise((resolve) => {
      this.#worker.on('message', (packed: FromSandbox | string) => {
        const message = unpackFromSandbox(packed);
        if (message.ready !== undefined) {
          this.#booted = true;
          events.onReady(message.ready.catching);
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

  /** See `Watchdog`. */
  get busy(): boolean {
    return this.#watchdog.busy;
  }

  get stalled(): boolean {
    return this.#watchdog.stalled;
  }

  /** It takes no further executions and ends once it has none. */
  get retiring(): boolean {
    return this.#retiring;
  }

  retire(): void {
    this.#retiring = true;
    if (this.#live.size === 0) void this.#worker.terminate();
  }

  send(sent: Sent): void {
    const { id, context } = sent;
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    Atomics.store(this.#effects, slot, 0);
    this.#live.set(id, { sent, sequence: ++this.#sequence, slot });
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
      slot,
    ]);
    if (context.trace === true) this.#traced.push(id);
    this.#flushSoon();
    this.#watchdog.start();
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
      this.#worker.postMessage(packRuns(message));
    });
  }

  #receive(message: FromSandbox): void {
    for (const line of message.logs) this.#events.log(line);
    for (const request of message.requests ?? []) void this.#serve(request);
    for (const [id, outcome] of unpackOutcomes(message)) {
      const live = this.#live.get(id);
      if (live === undefined) continue;
      this.#live.delete(id);
      this.#freeSlots.push(live.slot);
      this.#release(id);
      this.#load -= live.sent.places;
      this.#memoryBytes -= live.sent.memoryBytes;
      this.#backlogMs = this.#live.size === 0 ? 0 : this.#backlogMs - live.sent.expectedMs;
      live.sent.settle(outcome);
      this.#events.onOutcome(live.sent);
    }
    if (this.#live.size > 0) return;
    this.#watchdog.stop();
    if (this.#retiring) void this.#worker.terminate();
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

  #gone(): void {
    this.#closed = true;
    this.#watchdog.stop();
    for (const execution of this.#served) this.#events.services.release(execution);
    this.#served.clear();
    const culprit = this.#live.get(this.#watchdog.culprit)?.sent;
    const lost = [...this.#live.values()];
    this.#live.clear();
    this.#load = 0;
    this.#memoryBytes = 0;
    this.#backlogMs = 0;
    const over: Sent[] = [];
    const again: Sent[] = [];
    for (const live of lost) {
      const { sent } = live;
      if (sent !== culprit && this.#mayRunAgain(live)) again.push(sent);
      else over.push(sent);
    }
    for (const sent of over) sent.settle(this.#lastWords(sent, sent === culprit));
    this.#events.onGone({ booted: this.#booted, culprit, over, again });
  }

  /** Runs it elsewhere: it had not begun, or the thread was ended because of another and it left no trace outside. */
  #mayRunAgain({ sent, sequence, slot }: Live): boolean {
    if (cellDifference(sequence, Atomics.load(this.#cells, THREAD_CELL.started)) > 0) return true;
    if (this.#closing || !this.#watchdog.hung || sent.reruns > 0) return false;
    if (Atomics.load(this.#effects, slot) !== 0) return false;
    sent.reruns++;
    return true;
  }

  #lastWords({ grant }: Sent, isCulprit: boolean): Outcome {
    const { deadlineMs } = grant.limits;
    if (isCulprit) {
      return ended('deadline', `held the CPU past its deadline of ${deadlineMs} ms (limits.deadlineMs)`, deadlineMs);
    }
    const message = this.#closing
      ? 'the node was shut down; send the request again'
      : 'its sandbox thread was ended because of another execution; send the request again';
    return ended('interrupted', message, 0);
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
