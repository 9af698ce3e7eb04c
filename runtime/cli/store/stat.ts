import { addSettingsFlags, COMMON_KEYS, commandSettings } from '../settings-flags.ts';
import { print, size } from '../terminal.ts';
import { openForReading } from './open-folder.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store stat
  $ inferbase store stat --json | jq .bytes`;

/** `store stat`: how much of what there is. */
export const addStat: AddStoreCommand = (store) => {
  const command = store
    .command('stat')
    .description('Show how large the data folder is, of what, and how large it may become.')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'store.maxBytes']).action(
    async (options: { json?: boolean; [key: string]: unknown }) => {
      const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn' } });
      const { maxBytes } = loaded.settings.store;
      const { dataDir } = loaded.settings;
      const { measureStore } = await import('../../store/upkeep/overview.ts');
      const measured = await measureStore((await openForReading(loaded)).layout);
      if (options.json) return print(JSON.stringify({ dataDir, maxBytes, ...measured }));
      const { files, bytes, pins } = measured;
      print(`folder   ${dataDir}`);
      print(`size     ${size(bytes)} of ${size(maxBytes)} (${Math.round((bytes / maxBytes) * 1000) / 10} %)`);
      print(`pins     ${pins}`);
      for (const [kind, label] of LABELS) {
        const { count, bytes: sum } = files[kind];
        if (count > 0 || kind === 'block' || kind === 'module') print(`${label.padEnd(8)} ${count}, ${size(sum)}`);
      }
    },
  );
};

const LABELS = [
  ['block', 'blocks'],
  ['module', 'modules'],
  ['record', 'records'],
  ['files', 'files'],
  ['old', 'old'],
  ['other', 'other'],
] as const;
