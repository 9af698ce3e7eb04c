import { cellDifference, THREAD_CELL } from '../core/sandbox-messages.ts';

/** How often a thread with live executions is looked at, in ms. */
const WATCH_MS = 25;
/** How long past its deadline an execution may hold the CPU before its thread is ended, in ms. */
const GRACE_MS = 250;
/**
 * And how long without a break, in ms. A guest gives the CPU back after each slice of a millisecond; on a machine with far
 * too much to do, or where V8 compiles or collects garbage, even that takes a while, and is not the guest's doing.
 */
const HOLD_MS = 500;
/** A guest that holds the CPU this long without a break, in ms, is the first sign of a stall. */
const STALL_MS = 250;
/** Guests that are seen on the CPU for this long, in ms, make new executions go to other threads first. */
const BUSY_MS = 50;

export interface WatchdogEvents {
  /** The thread stands still, for now. */
  onStall(): void;
  /** It goes on. */
  onCalm(): void;
  /** This execution neither ends nor parks, and cannot be asked to: only ending its thread helps. */
  onHang(id: number): void;
}

/** Looks at what a sandbox thread says of itself in shared memory, which is true even while it answers nothing. */
export class Watchdog {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #epochMs: number;
  readonly #events: WatchdogEvents;
  #timer: NodeJS.Timeout | null = null;
  /** Who is on the CPU, and since when it was seen there each time. */
  #seen = { id: 0, since: 0 };
  /** Since when the CPU has been held without a break. */
  #held = { turn: 0, since: 0 };
  #stalled = false;
  /** The turn that the thread was told to be ended for; `null` as long as it was not. */
  #hung: { readonly id: number; readonly turn: number } | null = null;

  /** @param epochMs zero of the deadlines in the cells */
  constructor(cells: Int32Array<SharedArrayBuffer>, epochMs: number, events: WatchdogEvents) {
    this.#cells = cells;
    this.#epochMs = epochMs;
    this.#events = events;
  }

  /** There are executions to watch. */
  start(): void {
    if (this.#hung === null) this.#timer ??= setInterval(() => this.#look(), WATCH_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#seen = { id: 0, since: 0 };
    this.#calm();
  }

  /** One guest has been on the CPU for a while, with breaks or without: what is sent to the thread now waits for it. */
  get busy(): boolean {
    return this.#seen.id !== 0 && performance.now() - this.#seen.since > BUSY_MS;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /**
   * The execution to blame for the end of the thread, asked once the thread is gone: 0 if it was not ended for one, or if
   * that one had given the CPU back after all before the end came.
   */
  get culprit(): number {
    return this.#hung !== null && Atomics.load(this.#cells, THREAD_CELL.turn) === this.#hung.turn ? this.#hung.id : 0;
  }

  /** The thread was told to be ended because of what was seen here. */
  get hung(): boolean {
    return this.#hung !== null;
  }

  #look(): void {
    const id = Atomics.load(this.#cells, THREAD_CELL.onCpu);
    const turn = Atomics.load(this.#cells, THREAD_CELL.turn);
    const now = performance.now();
    if (id !== this.#seen.id) this.#seen = { id, since: now };
    if (id === 0 || turn !== this.#held.turn) {
      this.#held = { turn, since: now };
      this.#calm();
      return;
    }
    const heldMs = now - this.#held.since;
    if (heldMs >= STALL_MS && !this.#stalled) {
      this.#stalled = true;
      this.#events.onStall();
    }
    if (heldMs < HOLD_MS) return;
    const time = performance.timeOrigin + now - this.#epochMs;
    if (cellDifference(time, Atomics.load(this.#cells, THREAD_CELL.deadline)) < GRACE_MS) return;
    this.#hung = { id, turn };
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#events.onHang(id);
  }

  #calm(): void {
    if (!this.#stalled || this.#hung !== null) return;
    this.#stalled = false;
    this.#events.onCalm();
  }
}
