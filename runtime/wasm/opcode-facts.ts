import { OP_COSTS } from './op-costs.ts';
import { COMPUTES_FLOATS, IMMEDIATE, OPCODES } from './opcodes.ts';
import { STACK_EFFECTS } from './stack-effects.ts';

/** Bit of `OPCODE_FACTS`: it computes floating-point numbers. */
export const FLOATS = 0x100_0000;

/** Immediates that are one LEB128 number, whatever it says. */
const NUMBERS: ReadonlySet<number> = new Set([IMMEDIATE.index, IMMEDIATE.s32, IMMEDIATE.s64]);

/**
 * What the walk over code needs to know of each opcode of one byte, in one number: bits 0 to 7 its immediate, with
 * `index` for everything that is one number; 8 to 15 its effect on the stack, signed; 16 to 23 its fuel; 24 `FLOATS`.
 */
export const OPCODE_FACTS: Int32Array = Int32Array.from({ length: 256 }, (_, opcode) => {
  const immediate = OPCODES.immediates[opcode] as number;
  const merged = NUMBERS.has(immediate) ? IMMEDIATE.index : immediate;
  const effect = (STACK_EFFECTS[opcode] as number) & 0xff;
  const cost = OP_COSTS[opcode] as number;
  if (cost > 0xff) throw new RangeError(`opcode ${opcode} costs more than fits`);
  return merged | (effect << 8) | (cost << 16) | (COMPUTES_FLOATS[opcode] === 1 ? FLOATS : 0);
});
