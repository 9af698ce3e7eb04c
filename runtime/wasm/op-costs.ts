import { OPCODES } from './opcodes.ts';

/** Instructions that take V8 far longer than most, in fuel; one unit is about half a nanosecond. */
const DEAR: readonly (readonly [name: RegExp, cost: number])[] = [
  [/^(i32|i64)\.(div|rem)_|\.sqrt$/, 8],
  [/^(call|call_indirect|call_ref|return_call|return_call_indirect|return_call_ref)$/, 3],
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

/** Fuel of calling a function, beside the instructions in it: frame, arguments, check of the stack. */
export const FUNCTION_COST = 3;

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
