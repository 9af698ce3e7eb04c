import type { StoreFolder } from '../../store/store-folder.ts';
import type { CommandSettings } from '../settings-flags.ts';
import { prepareDataFolder } from '../settings-flags.ts';

/** Opens the data folder for work that needs neither threads nor a network, and closes it whatever happens. */
export async function withStoreFolder<T>(
  { settings, log }: Pick<CommandSettings, 'settings' | 'log'>,
  use: (folder: StoreFolder) => Promise<T>,
): Promise<T> {
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
