import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';
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
  } catch (error) {
    throw tellFolder(error, settings.dataDir);
  } finally {
    await runtime.close();
  }
}

/**
 * The same for work that needs nothing from the data folder: where the usual one cannot be written, in a folder that is
 * removed afterwards. A data folder that somebody named has to be usable.
 */
export async function withAnyRuntime<T>(loaded: CommandSettings, use: (runtime: Runtime) => Promise<T>): Promise<T> {
  try {
    await prepareDataFolder(loaded.settings);
  } catch (error) {
    if (loaded.origin('dataDir') !== 'default') throw error;
    const dataDir = await mkdtemp(join(tmpdir(), 'inferbase-'));
    try {
      return await withRuntime({ ...loaded, settings: { ...loaded.settings, dataDir } }, use);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  }
  return withRuntime(loaded, use);
}

/** Which store it is not in; said here and not by the store, whose callers may be strangers. */
function tellFolder(error: unknown, dataDir: string): unknown {
  if (!(error instanceof InferbaseError) || error.code !== 'ERR_FUNCTION_NOT_FOUND') return error;
  const details = [...error.details, `data folder: ${dataDir}`];
  return new InferbaseError(error.code, error.message, { cause: error, details });
}
