import { existsSync } from 'node:fs';
import { watchInterrupt } from '../interrupt.ts';
import { serveUntil } from '../serve.ts';
import { commandSettings } from '../settings-flags.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { nodeSettings } from './node-settings.ts';
import { runGoCommand } from './run-go-command.ts';

const MORE = `The node of inferbase under the flags of the Allora inference base: the same as inferbase serve, whose settings
(INFERBASE_* in the environment, inferbase.yaml) hold where no flag here says otherwise.

Examples:
  $ allora-node --role=head --port=9010 --rest-api=:6000 --private-key=/data/head/key/priv.bin
  $ allora-node --role=worker --port=9011 --topic=allora-topic-1-worker --boot-nodes=/ip4/HEAD/tcp/9010/p2p/ID

Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage or setting, 69 address taken, 73 data folder not writable,
130 ended by a second Ctrl-C.`;

/**
 * `allora-node`, as the images of the Allora inference base have it.
 * @returns the exit code
 */
export function runAlloraNode(args: readonly string[]): Promise<number> {
  return runGoCommand({ name: 'allora-node', flags: NODE_FLAGS, more: MORE }, args, async (parsed) => {
    const interrupt = watchInterrupt();
    const { warnings, ...sources } = nodeSettings(parsed, existsSync);
    const loaded = await commandSettings({}, sources);
    for (const line of warnings) loaded.log.warn(line);
    // As before, wherever the image or the environment would have it.
    const workerApi = false;
    await serveUntil(interrupt, loaded, workerApi);
  });
}
