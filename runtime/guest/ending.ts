import type { Cause, Outcome } from '../core/execution.ts';
import { CAUSE_EXIT_CODES, trapExitCode } from '../core/exit-codes.ts';

/** How an execution ends: recorded before the guest is told, and the first one stays. */
export type Ending = Pick<Outcome, 'cause' | 'exitCode' | 'message'>;

/** wasi-common passes on exit codes up to 125; others come out as 255. */
const MAX_EXIT_CODE = 125;

/** The guest returned, or called `proc_exit(code)`. */
export function exitEnding(code: number): Ending {
  return { cause: 'exited', exitCode: code <= MAX_EXIT_CODE ? code : 255, message: '' };
}

/** Its host ends it. */
export function hostEnding(cause: Exclude<Cause, 'exited' | 'trapped'>, message: string): Ending {
  return { cause, exitCode: CAUSE_EXIT_CODES[cause], message };
}

/**
 * Something came out of the guest: a trap, or an exception that it did not catch.
 * @param refusedPages linear memory it may have, in pages, if `memory.grow` was refused; else `null`. AssemblyScript runs
 * `unreachable` when it can get no more memory, as it does for other reasons.
 */
export function trapEnding(error: unknown, refusedPages: number | null): Ending {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof WebAssembly.RuntimeError && text.includes('unreachable') && refusedPages !== null) {
    const message = `out of memory: it may have ${refusedPages} pages (limits.memoryPages), less on a full machine`;
    return { cause: 'memory', exitCode: trapExitCode(text), message };
  }
  if (error instanceof WebAssembly.Exception) {
    return { cause: 'trapped', exitCode: 255, message: 'uncaught WebAssembly exception' };
  }
  return { cause: 'trapped', exitCode: trapExitCode(text), message: text + calledFrom(error) };
}

/** Functions that are told of a trap, the innermost first. */
const FRAMES = 4;
const NAME_LENGTH = 100;

/** ` in inner, called by outer, main`: the guest's functions, by the names its build left in it; else by number. */
function calledFrom(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  // A name may have line ends in it.
  const frames = [...stack.matchAll(/^ {4}at (?:([\s\S]*?) \()?wasm:\/\/.*:wasm-function\[(\d+)\]:0x/gm)];
  const names = frames.slice(0, FRAMES).map(([, name, index]) => readable(name ?? `function ${index}`));
  const [inner, ...outer] = names;
  if (inner === undefined) return '';
  return outer.length === 0 ? ` in ${inner}` : ` in ${inner}, called by ${outer.join(', ')}`;
}

/** A stranger chose it. */
function readable(name: string): string {
  const plain = name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return plain.length > NAME_LENGTH ? `${plain.slice(0, NAME_LENGTH)}…` : plain;
}
