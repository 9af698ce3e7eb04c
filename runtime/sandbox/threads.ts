import type { SandboxThreadData } from '../core/sandbox-messages.ts';
import type { Services } from '../core/services.ts';
import { type Gone, SandboxThread, type Sent, THREAD_PLACES } from './sandbox-thread.ts';

/** Threads that die before they are ready are not replaced for ever. */
const MAX_FAILED_BOOTS = 3;
/** Ranks of a thread that a guest keeps busy, and of one that it holds up: behind every other. */
const BUSY = 1_000_000;
const STALLED = 2_000_000;
/** A thread with less to do than this, in ms, is given more before another one is woken: waking costs more than it wins. */
const WORTH_WAKING_MS = 1;

export interface ThreadsInit {
  /** How many there are to be. */
  readonly count: number;
  readonly data: Omit<SandboxThreadData, 'cells' | 'effects' | 'epochMs'>;
  /** Most executions alive in all of them. */
  readonly capacity: number;
  /** Most bytes of linear memory that executions begin with in all of them. */
  readonly memoryBytes: number;
}

export interface ThreadsEvents {
  onReady(catching: readonly string[]): void;
  onOutcome(sent: Sent): void;
  /** A thread is gone, and a new one started in its place if there is to be one. */
  onGone(gone: Gone): void;
  log(line: string): void;
  readonly services: Services;
}

/** The sandbox threads: as many as were asked for, and one more for as long as one of them is held up. */
export class Threads {
  readonly #init: ThreadsInit;
  readonly #events: ThreadsEvents;
  readonly #threads = new Set<SandboxThread>();
  readonly ready: Promise<void>;
  #failedBoots = 0;
  #closing = false;

  constructor(init: ThreadsInit, events: ThreadsEvents) {
    this.#init = init;
    this.#events = events;
    for (let index = 0; index < init.count; index++) this.#start();
    this.ready = Promise.all(Array.from(this.#threads, (thread) => thread.ready)).then(() => undefined);
  }

  /** None is left, and none will be. */
  get gone(): boolean {
    return this.#threads.size === 0;
  }

  /** Whether not even an execution without memory of its own would find a place. */
  get full(): boolean {
    let live = 0;
    let room = false;
    for (const thread of this.#threads) {
      live += thread.load;
      if (!thread.retiring && thread.load < THREAD_PLACES) room = true;
    }
    return !room || (live > 0 && live >= this.#init.capacity);
  }

  /** The first thread with next to nothing to do, else the one with the most room; `undefined`: it has to wait. */
  placeFor({ places, memoryBytes, expectedMs, grant }: Sent): SandboxThread | undefined {
    let live = 0;
    let bytes = 0;
    let best: SandboxThread | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const thread of this.#threads) {
      live += thread.load;
      bytes += thread.memoryBytes;
      if (thread.retiring || thread.load + places > THREAD_PLACES) continue;
      const rank = rankOf(thread, expectedMs);
      if (rank >= bestRank) continue;
      best = thread;
      bestRank = rank;
    }
    const capacity = Math.min(this.#init.capacity, grant.limits.concurrency);
    const fits = live + places <= capacity && bytes + memoryBytes <= this.#init.memoryBytes;
    return live === 0 || fits ? best : undefined;
  }

  cancel(id: number): void {
    for (const thread of this.#threads) thread.cancel(id);
  }

  async terminate(): Promise<void> {
    this.#closing = true;
    await Promise.all(Array.from(this.#threads, (thread) => thread.terminate()));
  }

  #start(): void {
    const { onReady, onOutcome, log, services } = this.#events;
    const thread = new SandboxThread(this.#init.data, {
      onReady,
      onOutcome,
      log,
      services,
      onStall: () => this.#bringSpare(),
      onCalm: () => this.#retireSpare(),
      onGone: (gone) => this.#replace(thread, gone),
    });
    this.#threads.add(thread);
  }

  /** Started before the thread is ended, so that nobody waits for one to boot; idle, it would cost 20 MB for nothing. */
  #bringSpare(): void {
    if (!this.#closing && this.#threads.size === this.#init.count) this.#start();
  }

  #retireSpare(): void {
    const staying = [...this.#threads].filter((thread) => !thread.retiring);
    if (staying.length <= this.#init.count || staying.some((thread) => thread.stalled)) return;
    const idlest = staying.reduce((best, thread) => (thread.load <= best.load ? thread : best));
    idlest.retire();
  }

  #replace(thread: SandboxThread, gone: Gone): void {
    this.#threads.delete(thread);
    // One that was not needed after all may have been ended before it was ready.
    if (!thread.retiring) this.#failedBoots = gone.booted ? 0 : this.#failedBoots + 1;
    const staying = [...this.#threads].filter(({ retiring }) => !retiring).length;
    if (!this.#closing && this.#failedBoots < MAX_FAILED_BOOTS && staying < this.#init.count) this.#start();
    this.#events.onGone(gone);
  }
}

function rankOf(thread: SandboxThread, expectedMs: number): number {
  if (thread.stalled) return STALLED + thread.load;
  if (thread.busy) return BUSY + thread.load;
  return thread.backlogMs + expectedMs < WORTH_WAKING_MS ? -1 : thread.load;
}
