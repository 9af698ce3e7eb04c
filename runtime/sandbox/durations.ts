import type { FunctionEntry } from '../core/sandbox-messages.ts';

/** How much the latest execution counts against those before it. */
const WEIGHT = 0.1;
/** Assumed of a function that never ran here, in ms. */
const UNKNOWN_MS = 1;

/** How long executions of each function take, waiting included; a moving average in ms. */
export class Durations {
  readonly #average = new WeakMap<FunctionEntry, number>();

  expectedMs(entry: FunctionEntry): number {
    return this.#average.get(entry) ?? UNKNOWN_MS;
  }

  note(entry: FunctionEntry, wallMs: number): void {
    const before = this.#average.get(entry);
    this.#average.set(entry, before === undefined ? wallMs : before + (wallMs - before) * WEIGHT);
  }
}
