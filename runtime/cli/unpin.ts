import { parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import { requireDataFolder } from './data-folder.ts';
import { watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import { openPlaces } from './places.ts';
import type { AddCommand } from './program.ts';
import { gathered } from './remote-pin.ts';
import { addSettingsFlags, COMMON_KEYS, collect, commandSettings } from './settings-flags.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase unpin price-feed
  $ inferbase unpin bafy… --to local --to kubo=http://127.0.0.1:5001
The blocks stay until they are collected.

Exit codes: 0 given up, 1 not pinned there or the place failed, 2 wrong usage or setting, 73 data folder not writable, 130 interrupted.`;

interface Named {
  readonly cid: string;
  readonly name: string;
}

/** `unpin CID|NAME`: it may be collected again. */
export const addUnpin: AddCommand = (program) => {
  const command = program
    .command('unpin')
    .description('Give up a pin, here or elsewhere, by CID or by name.')
    .argument('<cid|name>', 'what pins shows')
    .option('--to <place>', 'local, kubo=URL or service=NAME; may be repeated (default: local)', collect)
    .option('--json', 'one JSON object per place')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (text: string, options: { to?: string[]; json?: boolean }) => {
    const { signal } = watchInterrupt();
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    const places = await openPlaces(options.to, loaded.settings);
    const failures: [place: string, error: unknown][] = [];
    const at = async (to: string, list: () => Promise<readonly Named[]>, remove: (cid: string) => Promise<boolean>) => {
      try {
        const cid = await resolve(text, to, list);
        if (!(await remove(cid))) throw notPinned(text, to);
        print(options.json ? JSON.stringify({ cid, to }) : `${cid} unpinned, ${to}`);
      } catch (error) {
        failures.push([to, error]);
      }
    };
    if (places.local) {
      await requireDataFolder(loaded);
      await withRuntime(loaded, ({ store }) =>
        at(
          'local',
          () => store.pins(),
          (cid) => store.unpin(cid),
        ),
      );
    }
    for (const place of places.remote) {
      await at(
        place.name,
        () => place.list(signal),
        (cid) => place.unpin(parseCid(cid).cid, signal),
      );
      await place.close();
    }
    if (failures.length > 0) throw gathered(failures);
  });
};

/** The CID that a CID or a name stands for at one place. */
async function resolve(text: string, to: string, list: () => Promise<readonly Named[]>): Promise<string> {
  try {
    return parseCid(text).cid.toString();
  } catch {
    // A name, then.
  }
  const found = (await list()).filter(({ name }) => name === text);
  const [only, ...others] = found;
  if (only === undefined) throw notPinned(text, to);
  if (others.length === 0) return only.cid;
  throw new InferbaseError('ERR_INVALID_REQUEST', `${text} is the name of ${found.length} pins (${to}); give a CID`, {
    details: found.slice(0, 20).map(({ cid }) => cid),
  });
}

function notPinned(text: string, to: string): InferbaseError {
  const where = to === 'local' ? 'inferbase pins' : `inferbase pins --to ${to}`;
  return new InferbaseError('ERR_FUNCTION_NOT_FOUND', `${text} is not pinned (${to}); ${where} shows what is`);
}
