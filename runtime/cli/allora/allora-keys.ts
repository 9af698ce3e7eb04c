import { resolve } from 'node:path';
import { writeKeyFiles } from '../../services/key-files.ts';
import { print } from '../terminal.ts';
import type { Flag } from './pflag.ts';
import { runGoCommand } from './run-go-command.ts';

const FLAGS: readonly Flag[] = [
  { name: 'output', short: 'o', kind: 'string', text: 'folder that the key files are written to', fallback: '.' },
];

const MORE = `Makes a libp2p key: priv.bin, pub.bin, priv.txt, pubkey.txt, identity. A key that is there is kept.
The same as: inferbase keys generate --output FOLDER

Examples:
  $ allora-keys                   here, as the Go nodes' own does
  $ allora-keys -o head/keys`;

/**
 * `allora-keys`, as the images of the Go nodes have it.
 * @returns the exit code
 */
export function runAlloraKeys(args: readonly string[]): Promise<number> {
  return runGoCommand({ name: 'allora-keys', flags: FLAGS, more: MORE }, args, async ({ values }) => {
    const { identity } = await writeKeyFiles(resolve(String(values.get('output') ?? '.'), 'priv.bin'));
    print(`peer id ${identity.peerId}`);
  });
}
