import type { Runtime } from '../runtime.ts';
import { createProcessGroups } from './process-groups.ts';
import { type CommandSettings, prepareDataFolder } from './settings-flags.ts';

/**
 * Opens the runtime, hands it to `use`, and closes it in order whatever happens.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE when the data folder cannot be written
 */
export async function withRuntime<T>(
  { settings, log }: Pick<CommandSettings, 'settings' | 'log'>,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  await prepareDataFolder(settings);
  const { openRuntime } = await import('../runtime.ts');
  const runtime = await openRuntime(settings, log, createProcessGroups());
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}
