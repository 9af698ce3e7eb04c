import { BOUNDS } from './bounds.ts';
import { LEAF_COST, MAX_CHARGE } from './op-costs.ts';

/** What the rewriter does at one place of the code. Offsets are of the whole file. */
export const EDIT = {
  /** A loop's head: insert a charge of `value` fuel. */
  charge: 0,
  /** A loop without calls, its header from `start` to `end`: charge `value` fuel by way of an added outer loop. */
  branchOut: 1,
  /** Close that outer loop. */
  closeLoop: 2,
  /** Write the label `value` instead of the one here. */
  label: 3,
  /** Call what grows memory instead. */
  grow: 4,
  /** Insert a call that charges for the bytes, or elements, whose number is on top of the stack. */
  bulkMemory: 5,
  bulkTable: 6,
  /** Insert a charge for an exception that is thrown here. */
  throw: 7,
} as const;

/** Numbers to an edit: kind, start, end, value. */
export const EDIT_STRIDE = 4;

/** A function's body. Offsets are of the whole file. */
export interface BodySpan {
  /** Of the number of groups of locals, of the first group, of the first instruction, of the end. */
  readonly contentAt: number;
  readonly groupsAt: number;
  readonly codeAt: number;
  readonly end: number;
  readonly groups: number;
  /** Number of parameters and locals: the index of one that is added. */
  readonly locals: number;
}
/** A body and what is changed in it. */
export interface EditedBody extends BodySpan {
  /** Fuel charged at its head; 0 where it is charged further in, or not at all. */
  readonly cost: number;
  /** Index in `edits` where those of the next body begin. */
  readonly editsEnd: number;
  /** It gets a local for the fuel. */
  readonly needsLocal: boolean;
}

/** One side of a condition: where its code begins, and what it costs. */
interface Arm {
  readonly at: number;
  cost: number;
}

/**
 * Collects, while the code of a module is walked over, what the rewriter changes in it. Fuel is charged at the head of
 * each function and of each loop, for the instructions that belong to it and to no loop inside.
 *
 * A function that does little before it calls, and calls on one side of a condition only, is charged on that side; one
 * that does little and never calls is not charged: see `LEAF_COST`.
 *
 * V8 unrolls a loop only where nothing calls. So in a loop that neither calls nor holds another loop, the cold path of
 * the charge leaves for an outer loop, added around it, which calls and enters again. Labels that point further out
 * count one more; whether they must is known only at the end of the loop, so they are noted and, maybe, taken back.
 */
export class CodeEdits {
  /** Flat, in order of offset: see `EDIT_STRIDE`. */
  readonly edits: number[] = [];
  readonly bodies: EditedBody[] = [];
  /** Depth of the innermost open loop; 0 when there is none. */
  loopDepth = 0;
  /** The innermost loop may be branched out of: until now it holds no call and no loop. */
  plain = false;

  readonly #depths: number[] = [];
  readonly #heads: number[] = [];
  readonly #costs: number[] = [];
  /** The open function can take a local more. */
  #roomForLocal = true;
  #firstEdit = 0;
  #arm: Arm | null = null;
  /** The only side of a condition that calls; `null` when nothing does; `everywhere` when other code does as well. */
  #calling: Arm | null | 'everywhere' = null;
  #loops = 0;
  #labels = 0;

  /** A function's instructions begin. @param locals its parameters and locals */
  openFunction(locals: number): void {
    this.loopDepth = 0;
    this.plain = false;
    this.#depths.length = 0;
    this.#costs.length = 0;
    this.#heads.length = 0;
    this.#roomForLocal = locals < BOUNDS.locals;
    this.#firstEdit = this.edits.length;
    this.#arm = null;
    this.#calling = null;
  }

  /**
   * One side of a condition that stands in no block begins.
   * @param at where its code does
   * @param cost so far of the function
   */
  openArm(at: number, cost: number): void {
    this.closeArm(cost);
    this.#arm = { at, cost: -cost };
  }

  closeArm(cost: number): void {
    if (this.#arm !== null) this.#arm.cost += cost;
    this.#arm = null;
  }

  /** @param cost fuel of the instructions outside of its loops */
  closeFunction(span: BodySpan, cost: number): void {
    let head = Math.min(cost, MAX_CHARGE);
    const calling = this.#calling;
    if (this.edits.length === this.#firstEdit && calling !== 'everywhere') {
      if (cost - (calling === null ? 0 : calling.cost) <= LEAF_COST) {
        if (calling !== null) this.#add(EDIT.charge, calling.at, calling.at, head);
        head = 0;
      }
    }
    const charged = head > 0 || this.edits.length > this.#firstEdit;
    this.bodies.push({ ...span, cost: head, editsEnd: this.edits.length, needsLocal: charged && this.#roomForLocal });
  }

  /**
   * A loop begins.
   * @param start of its opcode
   * @param end after its block type
   * @param cost so far of what is around it
   * @returns what there are too many of, in the module or within each other; `null` when there are not
   */
  openLoop(start: number, end: number, depth: number, cost: number): string | null {
    this.callsHere();
    this.#depths.push(this.loopDepth);
    this.#costs.push(cost);
    this.loopDepth = depth;
    this.plain = true;
    this.#heads.push(this.#add(EDIT.branchOut, start, end, 0));
    if (!this.#roomForLocal) this.callsHere();
    this.#loops += 1;
    if (this.#loops > BOUNDS.loops) return `${BOUNDS.loops} loops`;
    return this.#depths.length > BOUNDS.nestedLoops ? `${BOUNDS.nestedLoops} loops within loops` : null;
  }

  /** The innermost loop ends. @returns the cost so far of what is around it */
  closeLoop(at: number, cost: number): number {
    const head = this.#heads.pop() as number;
    this.edits[head + 3] = Math.min(Math.max(cost, 1), MAX_CHARGE);
    if (this.plain) this.#add(EDIT.closeLoop, at, at, 0);
    this.plain = false;
    this.loopDepth = this.#depths.pop() as number;
    return this.#costs.pop() as number;
  }

  /** A call. */
  call(): void {
    this.callsHere();
    this.#calling ??= this.#arm ?? 'everywhere';
    if (this.#calling !== this.#arm) this.#calling = 'everywhere';
  }

  /** The innermost loop calls, or holds another: it is charged in place, and its labels stay as they are. */
  callsHere(): void {
    if (!this.plain) return;
    this.plain = false;
    const head = this.#heads.at(-1) as number;
    this.#labels -= (this.edits.length - head) / EDIT_STRIDE - 1;
    this.edits.length = head + EDIT_STRIDE;
    this.edits[head] = EDIT.charge;
    this.edits[head + 1] = this.edits[head + 2] as number;
  }

  /** A label in a plain loop. @param depth number of blocks open where it counts from */
  label(start: number, end: number, depth: number, label: number): void {
    if (label <= depth - this.loopDepth) return;
    this.#labels += 1;
    if (this.#labels > BOUNDS.movedLabels) this.callsHere();
    else this.#add(EDIT.label, start, end, label + 1);
  }

  grow(start: number, end: number): void {
    this.callsHere();
    this.#add(EDIT.grow, start, end, 0);
  }

  /** Something that is charged where it happens. */
  dynamic(kind: typeof EDIT.bulkMemory | typeof EDIT.bulkTable | typeof EDIT.throw, at: number): void {
    this.callsHere();
    this.#add(kind, at, at, 0);
  }

  #add(kind: number, start: number, end: number, value: number): number {
    return this.edits.push(kind, start, end, value) - EDIT_STRIDE;
  }
}
