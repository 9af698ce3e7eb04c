import { OPCODES, PREFIXED } from './opcodes.ts';

/** How many values more lie on the stack after an instruction than before; the first pattern that fits. */
const EFFECTS: readonly (readonly [name: RegExp, effect: number])[] = [
  [/\.const$|^(local|global)\.get$|^(memory|table)\.size$|^ref\.(null|func)$/, 1],
  [/^local\.tee$|^table\.get$|^memory\.grow$|^ref\.(is_null|as_non_null)$|^br_on_null$/, 0],
  [/^(memory|table)\.(init|copy|fill)$/, -3],
  [/^table\.set$|\.store(8|16|32)?$|\.store\d+_lane$|^select$|bitselect|laneselect|relaxed_n?madd|_add_s$/, -2],
  [/extract_lane/, 0],
  [/_lane$/, -1],
  [/\.load|^(block|loop|try|try_table|catch|catch_all|delegate|end|else|nop)$/, 0],
  [/^(i32|i64|f32|f64)\.(eqz|clz|ctz|popcnt|abs|neg|ceil|floor|trunc|nearest|sqrt)$/, 0],
  [/^(i32|i64|f32|f64)\.(wrap|trunc|extend|convert|demote|promote|reinterpret)/, 0],
  [/\.(splat|not|abs|neg|popcnt|any_true|all_true|bitmask|ceil|floor|trunc|nearest|sqrt)$/, 0],
  [/\.(extadd|extend|convert|demote|promote|trunc_sat|relaxed_trunc)/, 0],
  // What is left takes two values for one; or one for none: drop, sets, branches on a condition.
  [/^(i32|i64|f32|f64|v128)\.|x\d+\.|^(drop|local\.set|global\.set|br_if|br_table|if|br_on_non_null|table\.grow)$/, -1],
];

function effectOf(name: string | undefined): number {
  return name === undefined ? 0 : (EFFECTS.find(([pattern]) => pattern.test(name))?.[1] ?? 0);
}

/**
 * Of each opcode of one byte. Calls depend on a type and are counted where that is read; after what never goes on the
 * height means nothing until the block ends.
 */
export const STACK_EFFECTS: Int8Array = Int8Array.from(OPCODES.names, effectOf);

/** Prefix byte → of each of its opcodes. */
export const PREFIXED_EFFECTS: ReadonlyMap<number, Int8Array> = new Map(
  Array.from(PREFIXED, ([prefix, page]) => [prefix, Int8Array.from(page.names, effectOf)]),
);
