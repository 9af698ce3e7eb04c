import { withProgress } from '../progress.ts';
import { addSettingsFlags, COMMON_KEYS, commandSettings } from '../settings-flags.ts';
import { print, printable, size } from '../terminal.ts';
import { openForReading } from './open-folder.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store ls
  $ inferbase store ls --json | jq -r .cid
Pinned functions come first, then those that were run or looked at by CID and may be collected.`;

/** `store ls`: the functions that are here. */
export const addLs: AddStoreCommand = (store) => {
  const command = store
    .command('ls')
    .description('List the functions in the data folder: pinned ones, and those in the cache.')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (options: { json?: boolean; [key: string]: unknown }) => {
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn' } });
    const { listFunctions } = await import('../../store/upkeep/overview.ts');
    const { layout, blocks } = await openForReading(loaded);
    const functions = await withProgress('listing', { quiet: options.json === true }, () =>
      listFunctions({ layout, folder: blocks }),
    );
    for (const known of functions) {
      if (options.json) {
        print(JSON.stringify(known));
        continue;
      }
      const { cid, pin, blocks: all, bytes, missing } = known;
      const lacking = missing === 0 ? '' : `, ${missing} of ${all} blocks missing`;
      print(`${cid} ${size(bytes)} ${pin === null ? 'cached' : `pinned ${printable(pin)}`}${lacking}`);
    }
  });
};
