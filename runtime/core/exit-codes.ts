import type { Cause } from './execution.ts';

/** Exit code of an execution that its host ended, as bls-runtime numbers them (its README, "exit codes"). */
export const CAUSE_EXIT_CODES: Readonly<Record<Exclude<Cause, 'exited' | 'trapped'>, number>> = {
  fuel: 1,
  interrupted: 12,
  deadline: 15,
  memory: 16,
  output: 255,
  calls: 255,
  cancelled: 255,
};

/**
 * Trap texts of V8, each with bls-runtime's exit code for that trap. An indirect call of nothing and one of the wrong type
 * (6 and 7) read the same, in Node 24 "null function or function signature mismatch".
 */
const TRAP_EXIT_CODES: readonly (readonly [text: string, exitCode: number])[] = [
  ['call stack size exceeded', 2],
  ['memory access out of bounds', 3],
  ['does not support unaligned accesses', 4],
  ['table index is out of bounds', 5],
  ['table access out of bounds', 5],
  ['dereferencing a null pointer', 6],
  ['function signature mismatch', 7],
  ['divide result unrepresentable', 8],
  ['divide by zero', 9],
  ['remainder by zero', 9],
  ['float unrepresentable in integer range', 10],
  ['unreachable', 11],
];

/** bls-runtime's exit code for a trap, told by V8's text; 255 for one it does not name. */
export function trapExitCode(text: string): number {
  const row = TRAP_EXIT_CODES.find(([part]) => text.includes(part));
  return row === undefined ? 255 : row[1];
}

/** bls-runtime's own codes for traps; 101 is what its crash leaves. */
const TRAPS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 101]);

/**
 * The likeliest cause behind the exit code of a node that tells no more. A guest may exit with any of these itself; 1 is
 * taken for the guest's own, since out of fuel is rarer by far than a plain failure.
 * @param exitCode below 0: the process was killed
 */
export function causeOfExitCode(exitCode: number): Cause {
  if (TRAPS.has(exitCode)) return 'trapped';
  if (exitCode === CAUSE_EXIT_CODES.interrupted || exitCode < 0) return 'interrupted';
  if (exitCode === CAUSE_EXIT_CODES.deadline) return 'deadline';
  if (exitCode === CAUSE_EXIT_CODES.memory) return 'memory';
  return 'exited';
}
