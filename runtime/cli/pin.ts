import { basename, resolve } from 'node:path';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import { requireCoreModule } from '../wasm/first-bytes.ts';
import { importCarFile, isCarFile } from './car-file.ts';
import { watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, COMMON_KEYS, commandSettings } from './settings-flags.ts';
import { MAX_CAR_BYTES, readTree } from './target.ts';
import { print, printError, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase pin functions/hello/build/hello.wasm
  $ inferbase pin my-package --name price-feed      a folder with manifest.json and its modules
  $ inferbase pin price-feed.car                     everything below the roots of a CAR
  $ inferbase pin hello.wasm --json                 {"cid":"bafk…","name":"hello.wasm","size":1234}

Exit codes: 0 pinned, 1 cannot be read or stored, 2 wrong usage or setting, 73 data folder not writable, 130 interrupted.`;

interface PinOptions {
  readonly name?: string;
  readonly json?: boolean;
}

/** `pin <file|dir>…`: adds to the embedded store and keeps it there. */
export const addPin: AddCommand = (program) => {
  const command = program
    .command('pin')
    .description('Put files or folders (without data folders in them) into the embedded store and print their CIDs.')
    .argument('<path...>', 'files, folders and CAR files')
    .option('--name <name>', 'name of the pin (default: name of the file or folder)')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (paths: readonly string[], options: PinOptions) => {
    if (options.name !== undefined && paths.length > 1) {
      throw new InferbaseError('ERR_INVALID_SETTING', '--name is for one path; pin them one by one');
    }
    const { signal } = watchInterrupt();
    const tell = (pinned: { cid: string; name: string; size: number }): void => {
      if (options.json) print(JSON.stringify(pinned));
      else print(`${pinned.cid} ${size(pinned.size)} ${pinned.name}`);
    };
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    await withRuntime(loaded, async ({ store }) => {
      const { dataDir } = loaded.settings;
      for (const path of paths) {
        const name = options.name ?? basename(resolve(path));
        if (await isCarFile(path)) {
          const quiet = options.json === true;
          const { roots, bytes } = await importCarFile(store, path, { maxBytes: MAX_CAR_BYTES, signal, quiet });
          for (const cid of roots) await store.pin(cid, name);
          for (const cid of roots) tell({ cid, name, size: bytes });
          continue;
        }
        const files = await readTree(path, dataDir);
        const added = await store.add(files);
        await store.pin(added.cid, name);
        for (const file of files) warnOfNoModule(file.path || basename(path), file.bytes);
        tell({ cid: added.cid, name, size: added.size });
      }
    });
  });
};

/** Pinned all the same: a store keeps what it is given. */
function warnOfNoModule(name: string, bytes: Uint8Array): void {
  if (!name.endsWith('.wasm')) return;
  try {
    requireCoreModule(bytes);
  } catch (error) {
    printError(`warning: ${name} is pinned, but it would not run: ${toErrorData(error).message}`);
  }
}
