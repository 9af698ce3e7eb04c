import { importCarFile } from '../car-file.ts';
import { watchInterrupt } from '../interrupt.ts';
import { withRuntime } from '../open-runtime.ts';
import { addSettingsFlags, COMMON_KEYS, commandSettings } from '../settings-flags.ts';
import { count, print, size } from '../terminal.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store import price-feed.car
  $ ipfs dag export bafy… | inferbase store import - --pin price-feed
Every block is checked, and nothing below a root may be missing. What is not pinned is collected one day.`;

/** `store import FILE|-`: the blocks of a CAR. */
export const addImport: AddStoreCommand = (store) => {
  const command = store
    .command('import')
    .description('Store the blocks of a CAR file, version 1 or 2.')
    .argument('<file|->', 'CAR file; - is standard input')
    .option('--pin <name>', 'pin its roots under this name')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'store.maxBytes']).action(
    async (path: string, options: { pin?: string; json?: boolean }) => {
      const interrupt = watchInterrupt();
      const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
      const { maxBytes } = loaded.settings.store;
      await withRuntime(loaded, async (runtime) => {
        const quiet = options.json === true;
        const imported = await importCarFile(runtime.store, path, { maxBytes, signal: interrupt.signal, quiet });
        const { pin } = options;
        if (pin !== undefined) for (const root of imported.roots) await runtime.store.pin(root, pin);
        if (quiet) return print(JSON.stringify({ ...imported, pinned: pin !== undefined }));
        for (const root of imported.roots) print(root);
        print(
          `${count(imported.blocks, 'block')}, ${size(imported.bytes)}${pin === undefined ? '' : `, pinned as ${pin}`}`,
        );
      });
    },
  );
};
