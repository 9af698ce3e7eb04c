import type { StoreFolder, StoreReader } from '../../store/store-folder.ts';
import { requireDataFolder } from '../data-folder.ts';
import { type CommandSettings, prepareDataFolder } from '../settings-flags.ts';

/**
 * Opens the data folder to change what is in it, with neither threads nor a network, and closes it whatever happens.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE where there is none, or it cannot be written
 */
export async function withStoreFolder<T>(
  loaded: CommandSettings,
  use: (folder: StoreFolder) => Promise<T>,
): Promise<T> {
  const { settings, log } = loaded;
  await requireDataFolder(loaded);
  await prepareDataFolder(settings);
  const { openStoreFolder } = await import('../../store/store-folder.ts');
  const folder = await openStoreFolder({
    dataDir: settings.dataDir,
    log: (line, fields = {}) => log.info({ ...fields }, line),
  });
  try {
    return await use(folder);
  } finally {
    folder.close();
  }
}

/**
 * Opens it to look at.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE where there is none
 */
export async function openForReading(loaded: CommandSettings): Promise<StoreReader> {
  await requireDataFolder(loaded);
  const { openStoreReader } = await import('../../store/store-folder.ts');
  const { settings, log } = loaded;
  return openStoreReader({ dataDir: settings.dataDir, log: (line, fields = {}) => log.info({ ...fields }, line) });
}
