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

/**
 * A function's body and what is changed in it, as numbers beside each other: where each lies. Offsets are of the whole
 * file.
 */
export const BODY = {
  /** Offsets of the number of groups of locals, of the first group, of the first instruction, of the end. */
  contentAt: 0,
  groupsAt: 1,
  codeAt: 2,
  end: 3,
  /** Number of groups of locals. */
  groups: 4,
  /** Number of parameters and locals: the index of one that is added. */
  locals: 5,
  /** Fuel charged at its head; 0 where it is charged further in, or not at all. */
  cost: 6,
  /** Index in `edits` where those of the next body begin. */
  editsEnd: 7,
  /** 1 when it gets a local for the fuel. */
  needsLocal: 8,
} as const;
/** Numbers to a body. */
export const BODY_STRIDE = 9;

/** A function's body as it is read. See `BODY`. */
export type BodySpan = Readonly<Record<'contentAt' | 'groupsAt' | 'codeAt' | 'end' | 'groups' | 'locals', number>>;

/** Where no condition's side is open, or none calls: no code begins at the first byte of a file. */
const NO_ARM = 0;
/** More than one side of a condition calls, or code outside of all. */
const EVERYWHERE = -1;

/** Twice the room, with what was there. */
function enlarge(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
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
  /** Flat, in order of offset: see `EDIT_STRIDE`. The first `length` numbers are in use. */
  edits: Int32Array<ArrayBuffer> = new Int32Array(4096);
  length = 0;
  /** Flat: see `BODY`. The first `bodiesLength` numbers are in use. */
  bodies: Int32Array<ArrayBuffer> = new Int32Array(4096);
  bodiesLength = 0;
  /** Depth of the innermost open loop; 0 when there is none. */
  loopDepth = 0;
  /** The innermost loop may be branched out of: until now it holds no call and no loop. */
  plain = false;

  /** Of the open loops: depth of the one around, fuel so far of what is around, index of the edit at its head. */
  readonly #depths: Int32Array = new Int32Array(BOUNDS.nestedLoops + 1);
  readonly #costs: Int32Array = new Int32Array(BOUNDS.nestedLoops + 1);
  readonly #heads: Int32Array = new Int32Array(BOUNDS.nestedLoops + 1);
  #open = 0;
  /** The open function can take a local more. */
  #roomForLocal = true;
  #firstEdit = 0;
  /** The open side of a condition that stands in no block: where its code begins, less what the function cost there. */
  #armAt = NO_ARM;
  #armCost = 0;
  /** The only side of a condition that calls, or `NO_ARM`, or `EVERYWHERE`; what its code costs. */
  #callingAt = NO_ARM;
  #callingCost = 0;
  #loops = 0;
  #labels = 0;

  /** A function's instructions begin. @param locals its parameters and locals */
  openFunction(locals: number): void {
    this.loopDepth = 0;
    this.plain = false;
    this.#open = 0;
    this.#roomForLocal = locals < BOUNDS.locals;
    this.#firstEdit = this.length;
    this.#armAt = NO_ARM;
    this.#callingAt = NO_ARM;
    this.#callingCost = 0;
  }

  /**
   * One side of a condition that stands in no block begins.
   * @param at where its code does
   * @param cost so far of the function
   */
  openArm(at: number, cost: number): void {
    this.closeArm(cost);
    this.#armAt = at;
    this.#armCost = -cost;
  }

  closeArm(cost: number): void {
    if (this.#armAt !== NO_ARM && this.#armAt === this.#callingAt) this.#callingCost = this.#armCost + cost;
    this.#armAt = NO_ARM;
  }

  /** @param cost fuel of the instructions outside of its loops */
  closeFunction(span: BodySpan, cost: number): void {
    let head = Math.min(cost, MAX_CHARGE);
    const calling = this.#callingAt;
    if (this.length === this.#firstEdit && calling !== EVERYWHERE && cost - this.#callingCost <= LEAF_COST) {
      if (calling !== NO_ARM) this.#add(EDIT.charge, calling, calling, head);
      head = 0;
    }
    const charged = head > 0 || this.length > this.#firstEdit;
    const at = this.bodiesLength;
    if (at + BODY_STRIDE > this.bodies.length) this.bodies = enlarge(this.bodies);
    const { bodies } = this;
    bodies[at + BODY.contentAt] = span.contentAt;
    bodies[at + BODY.groupsAt] = span.groupsAt;
    bodies[at + BODY.codeAt] = span.codeAt;
    bodies[at + BODY.end] = span.end;
    bodies[at + BODY.groups] = span.groups;
    bodies[at + BODY.locals] = span.locals;
    bodies[at + BODY.cost] = head;
    bodies[at + BODY.editsEnd] = this.length;
    bodies[at + BODY.needsLocal] = charged && this.#roomForLocal ? 1 : 0;
    this.bodiesLength = at + BODY_STRIDE;
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
    const open = this.#open;
    this.#depths[open] = this.loopDepth;
    this.#costs[open] = cost;
    this.#heads[open] = this.length;
    this.#open = open + 1;
    this.loopDepth = depth;
    this.plain = true;
    this.#add(EDIT.branchOut, start, end, 0);
    if (!this.#roomForLocal) this.callsHere();
    this.#loops += 1;
    if (this.#loops > BOUNDS.loops) return `${BOUNDS.loops} loops`;
    return open >= BOUNDS.nestedLoops ? `${BOUNDS.nestedLoops} loops within loops` : null;
  }

  /** The innermost loop ends. @returns the cost so far of what is around it */
  closeLoop(at: number, cost: number): number {
    const open = this.#open - 1;
    this.edits[(this.#heads[open] as number) + 3] = Math.min(Math.max(cost, 1), MAX_CHARGE);
    if (this.plain) this.#add(EDIT.closeLoop, at, at, 0);
    this.plain = false;
    this.#open = open;
    this.loopDepth = this.#depths[open] as number;
    return this.#costs[open] as number;
  }

  /** A call. */
  call(): void {
    this.callsHere();
    if (this.#callingAt === NO_ARM) this.#callingAt = this.#armAt === NO_ARM ? EVERYWHERE : this.#armAt;
    if (this.#callingAt !== this.#armAt) this.#callingAt = EVERYWHERE;
  }

  /** The innermost loop calls, or holds another: it is charged in place, and its labels stay as they are. */
  callsHere(): void {
    if (!this.plain) return;
    this.plain = false;
    const head = this.#heads[this.#open - 1] as number;
    this.#labels -= (this.length - head) / EDIT_STRIDE - 1;
    this.length = head + EDIT_STRIDE;
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

  #add(kind: number, start: number, end: number, value: number): void {
    const at = this.length;
    if (at + EDIT_STRIDE > this.edits.length) this.edits = enlarge(this.edits);
    const { edits } = this;
    edits[at] = kind;
    edits[at + 1] = start;
    edits[at + 2] = end;
    edits[at + 3] = value;
    this.length = at + EDIT_STRIDE;
  }
}
