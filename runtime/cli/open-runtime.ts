import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';
import type { Runtime } from '../runtime.ts';
import type { StoreInit } from '../store/function-store.ts';
import { requireDataFolder, whyNoDataFolder } from './data-folder.ts';
import { createProcessGroups } from './process-groups.ts';
import { type CommandSettings, prepareDataFolder } from './settings-flags.ts';
import { openForReading } from './store/open-folder.ts';

/**
 * Opens the runtime, hands it to `use`, and closes it in order whatever happens.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE when the data folder cannot be written
 */
export async function withRuntime<T>(
  loaded: Pick<CommandSettings, 'settings' | 'log'>,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  await prepareDataFolder(loaded.settings);
  return await within(loaded, use);
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
    return await inScratchFolder(loaded, use);
  }
  return await within(loaded, use);
}

/**
 * The same for work with what is in the data folder, or can be fetched: none is made where nothing can. Out of one that
 * cannot be written it reads, and keeps nothing.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE when there is no data folder and none can be made
 */
export async function withReadingRuntime<T>(
  loaded: CommandSettings,
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const { settings, log } = loaded;
  const { dataDir, gateways, peers } = settings;
  if (gateways.length === 0 && !peers.enabled) await requireDataFolder(loaded);
  try {
    await prepareDataFolder(settings);
  } catch (error) {
    if ((await whyNoDataFolder(dataDir)) !== undefined) throw error;
    log.info(`the data folder ${dataDir} cannot be written: what is prepared or fetched is not kept`);
    const { blocks } = await openForReading(loaded);
    const { connectFolder } = await import('../store/sources/folder-source.ts');
    const name = `data folder ${dataDir}`;
    return await inScratchFolder(loaded, use, { connectSources: () => [connectFolder(blocks, name)] });
  }
  return await within(loaded, use);
}

async function inScratchFolder<T>(
  loaded: CommandSettings,
  use: (runtime: Runtime) => Promise<T>,
  more: Pick<StoreInit, 'connectSources'> = {},
): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'inferbase-'));
  try {
    return await within({ ...loaded, settings: { ...loaded.settings, dataDir } }, use, more);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function within<T>(
  { settings, log }: Pick<CommandSettings, 'settings' | 'log'>,
  use: (runtime: Runtime) => Promise<T>,
  more: Pick<StoreInit, 'connectSources'> = {},
): Promise<T> {
  const { openRuntime } = await import('../runtime.ts');
  const runtime = await openRuntime(settings, log, createProcessGroups(), more);
  try {
    return await use(runtime);
  } catch (error) {
    // The sources are told already.
    throw more.connectSources === undefined ? tellFolder(error, settings.dataDir) : error;
  } finally {
    await runtime.close();
  }
}

/** Which store it is not in; said here and not by the store, whose callers may be strangers. */
function tellFolder(error: unknown, dataDir: string): unknown {
  if (!(error instanceof InferbaseError) || error.code !== 'ERR_FUNCTION_NOT_FOUND') return error;
  const details = [...error.details, `data folder: ${dataDir}`];
  return new InferbaseError(error.code, error.message, { cause: error, details });
}
