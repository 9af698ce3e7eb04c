import { type SandboxThreadData, THREAD_CELL, toCell } from '../core/sandbox-messages.ts';

/**
 * Says, in memory shared with the front thread, which execution's code is on the CPU; so that a thread that stopped
 * answering can be ended and the right execution blamed.
 */
export class OnCpu {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #effects: Uint8Array<SharedArrayBuffer>;
  readonly #epochMs: number;
  #turn = 0;
  /** Somebody was let go on in this turn of the event loop. */
  #resumed = false;

  constructor({ cells, effects, epochMs }: Pick<SandboxThreadData, 'cells' | 'effects' | 'epochMs'>) {
    this.#cells = cells;
    this.#effects = effects;
    this.#epochMs = epochMs;
  }

  /** The guest's code runs from here on. One whose deadline passed while others ran gets its moment to unwind. */
  enter(id: number, deadlineAt: number): void {
    const now = performance.timeOrigin + performance.now();
    Atomics.store(this.#cells, THREAD_CELL.deadline, toCell(Math.ceil(Math.max(deadlineAt, now) - this.#epochMs)));
    this.#turn = toCell(this.#turn + 1);
    Atomics.store(this.#cells, THREAD_CELL.turn, this.#turn);
    Atomics.store(this.#cells, THREAD_CELL.onCpu, id);
  }

  /** The guest parked or ended. */
  leave(): void {
    Atomics.store(this.#cells, THREAD_CELL.onCpu, 0);
  }

  started(): void {
    Atomics.add(this.#cells, THREAD_CELL.started, 1);
  }

  /** What the execution of this slot does next can be noticed outside: it must not be run again. */
  effect(slot: number): void {
    Atomics.store(this.#effects, slot, 1);
  }

  /**
   * Lets a parked guest go on: at once when no other one was let go on in this turn of the event loop, else in a turn of
   * its own. Settling a promise runs the guest in a later microtask, and two settled in one turn could not be told apart;
   * nor may guests whose host calls complete at once keep the others from their turn.
   */
  resume(id: number, deadlineAt: number, settle: () => void): void {
    if (this.#resumed || Atomics.load(this.#cells, THREAD_CELL.onCpu) !== 0) {
      this.resumeLater(id, deadlineAt, settle);
      return;
    }
    this.#resumed = true;
    setImmediate(() => {
      this.#resumed = false;
    });
    this.enter(id, deadlineAt);
    settle();
  }

  /** The same after everybody else had a turn. */
  resumeLater(id: number, deadlineAt: number, settle: () => void): void {
    setImmediate(() => {
      this.enter(id, deadlineAt);
      settle();
    });
  }
}
