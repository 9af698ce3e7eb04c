import type { OnCpu } from './on-cpu.ts';

/** How long a guest may hold the CPU before its neighbours get their turn, in ms. */
const SLICE_MS = 1;
/** Where many wait for their next slice, slices are shorter, so that a round of all takes about this long, in ms. */
const ROUND_MS = 10;
const MIN_SLICE_MS = 0.05;
/** Fuel of a first slice, before its guest's pace is known; half a millisecond of most. */
const FIRST_SLICE = 400_000;
const MIN_SLICE = 1_000;
const MAX_SLICE = 100_000_000;

/** What executions of one thread know of each other's slices. */
export interface Turns {
  /** Paused executions that wait for their next slice. */
  waiting: number;
  /** Fuel of every slice, where it is not to be measured. */
  readonly fixedSlice: number | null;
}

/** The guest's global of fuel left in its slice: an i32 that is never negative. */
export interface FuelCell {
  value: number;
}

/** What a meter needs of its execution. */
export interface Metered {
  readonly id: number;
  /** In ms since the Unix epoch. */
  readonly deadlineAt: number;
  /** It was told to end. */
  readonly over: boolean;
  endOfDeadline(): void;
  endOfFuel(): void;
}

/**
 * Fuel and CPU time of one execution. Its guest holds the fuel of a slice in a global of its own and comes back here when
 * that does not reach for what is next: fuel used = given − held + owed, where `owed` is what host calls cost and was not
 * taken out of the slice yet. Given fuel never passes the limit, and the guest always dies at the same instruction: the
 * first that would take the fuel used past the limit, wherever slices end.
 */
export class Meter {
  readonly #metered: Metered;
  readonly #limit: number;
  readonly #turns: Turns;
  readonly #onCpu: OnCpu;
  /** One to an instance. */
  readonly #cells: FuelCell[] = [];
  #given = 0;
  #owed = 0;
  #cpuMs = 0;
  /** When the guest got on the CPU; NaN while it is off. */
  #since = Number.NaN;
  #slice = 0;
  #sliceBegan = 0;
  #fuelPerMs = FIRST_SLICE;

  /** @param fuel most that may be used */
  constructor(metered: Metered, fuel: number, components: { turns: Turns; onCpu: OnCpu }) {
    this.#metered = metered;
    this.#limit = fuel;
    this.#turns = components.turns;
    this.#onCpu = components.onCpu;
  }

  /** @param cell the guest's global of fuel left; each instance of an execution has its own */
  connect(cell: FuelCell): void {
    this.#cells.push(cell);
  }

  /** The guest's code runs from here on. */
  enter(): void {
    this.#since = performance.now();
  }

  /** It parked, paused or ended. */
  leave(): void {
    this.#cpuMs = this.cpuMs;
    this.#since = Number.NaN;
  }

  /** Time of its own on the CPU, in ms. */
  get cpuMs(): number {
    return Number.isNaN(this.#since) ? this.#cpuMs : this.#cpuMs + performance.now() - this.#since;
  }

  /** Fuel used so far. */
  get used(): number {
    let held = 0;
    for (const cell of this.#cells) held += cell.value;
    return this.#given - held + this.#owed;
  }

  /**
   * Answers the guest's `tick`.
   * @param cell of the instance that asks
   */
  tick(missing: number, cell: FuelCell | null): number {
    if (this.#cells.length > 1 && cell !== null) {
      const moved = this.#gather(cell);
      if (moved >= missing) return moved;
      if (moved > 0) {
        cell.value += moved;
        return this.#more(missing - moved);
      }
    }
    return this.#more(missing);
  }

  /** Takes what other instances still hold of the slice: so fuel does not depend on who holds it. */
  #gather(to: FuelCell): number {
    let moved = 0;
    for (const cell of this.#cells) {
      if (cell === to) continue;
      moved += cell.value;
      cell.value = 0;
    }
    return moved;
  }

  #more(missing: number): number {
    if (this.#slice !== 0) return this.#mustDie(missing) ? -1 : 0;
    // The first slice: its deadline is looked at when the slice is used up.
    if (this.#cannotPay(missing)) return -1;
    return this.#give(missing);
  }

  /** Answers the guest's `pause`: everybody else has a turn before it goes on. */
  pause(missing: number): Promise<number> {
    const { id, deadlineAt } = this.#metered;
    this.#learn();
    this.leave();
    this.#onCpu.leave();
    this.#turns.waiting += 1;
    return new Promise((resolve) => {
      this.#onCpu.resumeLater(id, deadlineAt, () => {
        this.#turns.waiting -= 1;
        this.enter();
        resolve(this.#mustDie(missing) ? -1 : this.#give(missing));
      });
    });
  }

  /**
   * Charges what a host call cost.
   * @returns false when that was more than is left; its execution is told to end
   */
  charge(fuel: number): boolean {
    this.#owed += fuel;
    if (this.#owed < this.#slice && this.#given + this.#owed <= this.#limit) return true;
    // What is owed comes out of the slice. If that is not enough, the guest asks for more at once, and pays then.
    for (const cell of this.#cells) {
      const paid = Math.min(cell.value, this.#owed);
      cell.value -= paid;
      this.#owed -= paid;
    }
    if (this.used <= this.#limit) return true;
    this.#metered.endOfFuel();
    return false;
  }

  #mustDie(missing: number): boolean {
    const metered = this.#metered;
    if (this.#cannotPay(missing)) return true;
    if (performance.timeOrigin + performance.now() >= metered.deadlineAt) metered.endOfDeadline();
    return metered.over;
  }

  #cannotPay(missing: number): boolean {
    if (this.#given + this.#owed + missing > this.#limit) this.#metered.endOfFuel();
    return this.#metered.over;
  }

  /** A slice, or more where a single charge is dearer; what is owed is kept of it. */
  #give(missing: number): number {
    const needed = missing + this.#owed;
    this.#slice = Math.max(needed, Math.min(this.#nextSlice(), this.#limit - this.#given));
    this.#given += this.#slice;
    const handed = this.#slice - this.#owed;
    this.#owed = 0;
    // A first slice began with its guest; asking for the time takes longer than the rest of this.
    if (this.#given !== this.#slice) this.#sliceBegan = this.cpuMs;
    return handed;
  }

  #nextSlice(): number {
    const { fixedSlice, waiting } = this.#turns;
    if (fixedSlice !== null) return fixedSlice;
    const ms = Math.max(MIN_SLICE_MS, Math.min(SLICE_MS, ROUND_MS / (waiting + 1)));
    return Math.max(MIN_SLICE, Math.min(MAX_SLICE, Math.floor(this.#fuelPerMs * ms)));
  }

  /** A slice is used up: down at once when it took long, up by and by. */
  #learn(): void {
    const ms = this.cpuMs - this.#sliceBegan;
    const pace = this.#slice / Math.max(ms, 0.01);
    this.#fuelPerMs = pace < this.#fuelPerMs ? pace : Math.min(pace, this.#fuelPerMs * 2);
  }
}
