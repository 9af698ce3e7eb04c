import { OPCODES } from './opcodes.ts';

/** Fuel of a call: the frame, and as much as a function may do that is not charged for, see `LEAF_COST`. */
const CALL_COST = 6;

/** Instructions that take V8 far longer than most, in fuel; one unit is about half a nanosecond. */
const DEAR: readonly (readonly [name: RegExp, cost: number])[] = [
  [/^(i32|i64)\.(div|rem)_|\.sqrt$/, 8],
  [/^(call|call_indirect|call_ref|return_call|return_call_indirect|return_call_ref)$/, CALL_COST],
  [/^table\.(get|set)$/, 4],
];
/** What only gives code its shape. */
const FREE = /^(block|loop|else|try|try_table|catch|catch_all|delegate|end|nop)$/;

function costOf(name: string | undefined): number {
  if (name === undefined || FREE.test(name)) return 0;
  return DEAR.find(([pattern]) => pattern.test(name))?.[1] ?? 1;
}

/** Fuel of each opcode of one byte; what it does by length comes on top (see `BULK_COST`). */
export const OP_COSTS: Uint16Array = Uint16Array.from(OPCODES.names, costOf);

/**
 * Most fuel of a way through a function, without loops and calls, that is not charged for: who calls it paid for that.
 * So a comparison function, or the end of a recursion, costs no more than it does unmetered; and whatever goes on for
 * ever still pays, since it loops or calls.
 */
export const LEAF_COST = 16;

/** Locals of a function that are zeroed for one unit of fuel. */
export const LOCALS_PER_FUEL = 4;

/**
 * What is charged where it happens and not ahead: `memory.fill`, `memory.copy`, `memory.init` and the same of tables take
 * `bulk` and by length, as bytes for one unit and as units of an element, both in powers of two. An exception is built and
 * unwound to its handler, which takes microseconds.
 */
export const DYNAMIC_COST = { bulk: 16, bytesShift: 4, elementShift: 3, throw: 2_000 } as const;

/** Most that one charge can be. */
export const MAX_CHARGE = 0x3fff_ffff;
