import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { keyPath } from '../config/key-path.ts';
import { isThere } from '../core/folder.ts';
import { loadIdentity } from '../services/identity.ts';
import { publicKeyMessage, writeKeyFiles } from '../services/key-files.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, commandSettings } from './settings-flags.ts';
import { print, printError } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase keys generate
  $ inferbase keys show
Each of them explains itself: inferbase keys COMMAND --help.

Exit codes: 0 done, 2 wrong usage or no usable key, 73 the folder cannot be read or written.`;

const GENERATE_EXAMPLES = `
Examples:
  $ inferbase keys generate                   the key of the node of this folder, before it first starts
  $ inferbase keys generate -o head/keys      head/keys/priv.bin and the files beside it
  $ inferbase serve --role head --key-file head/keys/priv.bin

Beside the private key it writes pub.bin, priv.txt and pubkey.txt (both as base64) and identity (the peer id), as
allora-keys does. priv.bin and priv.txt are secrets. A key that is there is kept.

Exit codes: 0 written, 2 wrong usage or a key file that cannot be used, 73 the folder cannot be written.`;

const SHOW_EXAMPLES = `
Examples:
  $ inferbase keys show
  $ inferbase keys show head/keys/priv.bin
  $ inferbase keys show head/keys --json | jq -r .peerId

The private key itself is never shown.

Exit codes: 0 shown, 2 wrong usage, no key file or one that cannot be used, 73 it cannot be read.`;

/** Settings that say where a node's key is. */
const KEYS = ['dataDir', 'keyFile'];

type Options = Readonly<Record<string, unknown>> & { readonly json?: boolean; readonly output?: string };

/** `keys COMMAND`: who a node is to others. */
export const addKeys: AddCommand = (program) => {
  const keys = program
    .command('keys')
    .description('Make and show libp2p keys: who a node is to others.')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  addGenerate(keys);
  addShow(keys);
};

function addGenerate(keys: Command): void {
  const command = keys
    .command('generate')
    .description(
      'Make a libp2p key, with the files that the key tools of the Go nodes make; one that is there is kept.',
    )
    .option('-o, --output <folder>', 'folder of the key files (default: where the node of this folder has its key)')
    .option('--json', 'one JSON object')
    .addHelpText('after', GENERATE_EXAMPLES);
  addSettingsFlags(command, KEYS).action(async (options: Options) => {
    const path = options.output === undefined ? await ownKey(options) : resolve(options.output, 'priv.bin');
    const kept = await isThere(path);
    const { identity, paths } = await writeKeyFiles(path);
    await warnIfReadable(path);
    const { peerId } = identity;
    if (options.json) {
      print(JSON.stringify({ peerId, keyFile: path, created: !kept, files: paths }));
      return;
    }
    print(`peer id ${peerId}`);
    print(`key file ${path}, ${kept ? 'kept as it was' : 'new'}`);
    for (const file of paths.slice(1)) print(`  ${file}`);
  });
}

function addShow(keys: Command): void {
  const command = keys
    .command('show')
    .description('Show the peer id of a key file, and where it is; never the private key.')
    .argument('[file]', 'key file, or a folder with priv.bin (default: the key of the node of this folder)')
    .option('--json', 'one JSON object')
    .addHelpText('after', SHOW_EXAMPLES);
  addSettingsFlags(command, KEYS).action(async (file: string | undefined, options: Options) => {
    const path = file === undefined ? await ownKey(options) : await inFolder(resolve(file));
    const identity = await loadIdentity(path, { create: false });
    await warnIfReadable(path);
    const publicKey = publicKeyMessage(identity).toString('base64');
    const { peerId } = identity;
    if (options.json) {
      print(JSON.stringify({ peerId, keyType: 'Ed25519', publicKey, keyFile: path }));
      return;
    }
    print(`peer id ${peerId}`);
    print(`public key ${publicKey}`);
    print(`key file ${path}`);
  });
}

async function ownKey(options: Options): Promise<string> {
  return keyPath((await commandSettings(options, { defaults: { 'log.level': 'warn' } })).settings);
}

async function inFolder(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, 'priv.bin') : path;
}

/** Tools and copies leave keys behind that everybody on the machine may read. */
async function warnIfReadable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) printError(`warning: others may read ${path}; type: chmod 600 ${path}`);
}
