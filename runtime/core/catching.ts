import { InferbaseError } from './errors.ts';
import type { ModuleFacts } from './module-facts.ts';

/**
 * Refuses a module that could go on after its end, on a V8 where the sandbox's self-test found that guests can catch it.
 * @param refused encodings of exceptions in which they can; empty where ending is final
 * @throws InferbaseError ERR_INVALID_MODULE naming the instruction
 */
export function checkCatching({ catches }: Pick<ModuleFacts, 'catches'>, refused: readonly string[]): void {
  if (catches === null || !refused.includes(catches)) return;
  throw new InferbaseError(
    'ERR_INVALID_MODULE',
    `the module catches exceptions (${catches}), and on this version of Node it could catch its own end; ` +
      'build it without exceptions, or run the node on another one',
  );
}
