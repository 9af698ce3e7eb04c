import { InferbaseError } from '../../core/errors.ts';
import { FRESH_MS } from '../../store/block-folder.ts';
import { watchInterrupt } from '../interrupt.ts';
import { withProgress } from '../progress.ts';
import { addSettingsFlags, COMMON_KEYS, commandSettings } from '../settings-flags.ts';
import { count, print, size } from '../terminal.ts';
import { withStoreFolder } from './open-folder.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store gc                        everything that is not pinned
  $ inferbase store gc --keep 1073741824      only until 1 GiB is left, oldest use first
Nodes may serve from the folder meanwhile. A node that serves does this by itself past store.maxBytes.`;

/** `store gc`: removes what is not pinned. */
export const addGc: AddStoreCommand = (store) => {
  const command = store
    .command('gc')
    .description('Remove blocks and prepared modules that are not pinned and were not used lately.')
    .option('--keep <bytes>', 'remove nothing while the folder is no larger (default: 0)')
    .option('--grace <seconds>', `keep what was used within this time (default: ${FRESH_MS / 1000})`)
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(
    async (options: { keep?: string; grace?: string; json?: boolean; [key: string]: unknown }) => {
      const { signal } = watchInterrupt();
      const maxBytes = whole('--keep', options.keep ?? '0');
      const freshMs = options.grace === undefined ? FRESH_MS : whole('--grace', options.grace) * 1000;
      const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn' } });
      const { collect } = await import('../../store/upkeep/collect.ts');
      const collected = await withStoreFolder(loaded, ({ layout, blocks, owner }) =>
        withProgress('collecting', { quiet: options.json === true }, () =>
          collect({ layout, folder: blocks, owner }, { maxBytes, freshMs, inUse: [], signal }),
        ),
      );
      if (options.json) return print(JSON.stringify(collected));
      const { removedFiles, removedBytes, after, freshFiles } = collected;
      print(`removed ${count(removedFiles, 'file')}, ${size(removedBytes)}; ${size(after)} left`);
      if (freshFiles > 0) print(`kept ${count(freshFiles, 'file')} used within ${freshMs / 1000} s; see --grace`);
    },
  );
};

function whole(flag: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InferbaseError('ERR_INVALID_SETTING', `${flag} is ${JSON.stringify(text)}; give a whole number`);
}
