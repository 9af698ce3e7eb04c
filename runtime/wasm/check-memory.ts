import type { ModuleFacts } from '../core/module-facts.ts';
import { invalidModule } from './invalid-module.ts';

/**
 * Holds a module's initial memory against what the operator allows. Apart from preparing, so that a prepared module
 * stays good when the setting changes.
 * @param pages the operator's ceiling, in 64 KiB pages
 * @throws InferbaseError ERR_INVALID_MODULE when the module could never start
 */
export function checkMemory(facts: Pick<ModuleFacts, 'memory'>, pages: number): void {
  const initial = facts.memory?.initial ?? 0;
  if (initial <= pages) return;
  throw invalidModule(
    `the module declares ${initial} pages of memory, the operator allows ${pages}; declare less or raise limits.memoryPages`,
  );
}
