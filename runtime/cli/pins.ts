import { type Pin, readPins } from '../store/pins.ts';
import { whyNoDataFolder } from './data-folder.ts';
import { watchInterrupt } from './interrupt.ts';
import { openPlaces, openServices, type Places } from './places.ts';
import type { AddCommand } from './program.ts';
import { gathered } from './remote-pin.ts';
import { addSettingsFlags, COMMON_KEYS, type CommandSettings, collect, commandSettings } from './settings-flags.ts';
import { openForReading } from './store/open-folder.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase pins
  $ inferbase pins --to kubo=http://127.0.0.1:5001 --json

Exit codes: 0 shown, 1 a place could not be asked, 2 wrong usage or setting, 73 data folder not writable, 130 interrupted.`;

interface Row {
  readonly cid: string;
  readonly name: string;
  readonly to: string;
  readonly status: string;
  readonly pinnedAt: string | null;
}

/** `pins`: what is kept, here and elsewhere. */
export const addPins: AddCommand = (program) => {
  const command = program
    .command('pins')
    .description('Show what is pinned here and at the pinning services of the settings, with its status.')
    .option('--to <place>', 'local, kubo=URL or service=NAME alone; may be repeated', collect)
    .option('--json', 'one JSON object per pin')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (options: { to?: string[]; json?: boolean }) => {
    const { signal } = watchInterrupt();
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    const { settings } = loaded;
    const places: Places =
      options.to === undefined
        ? { local: true, remote: await openServices(settings) }
        : await openPlaces(options.to, settings);
    const failures: [place: string, error: unknown][] = [];
    const show = (row: Row): void => {
      if (options.json) print(JSON.stringify(row));
      else print([row.cid, row.to, row.status, row.pinnedAt?.slice(0, 10) ?? '', plain(row.name)].join(' ').trimEnd());
    };
    if (places.local) {
      for (const { cid, name, pinnedAt } of await localPins(loaded)) {
        show({ cid, name, to: 'local', status: 'pinned', pinnedAt });
      }
    }
    for (const place of places.remote) {
      try {
        for (const pin of await place.list(signal)) show({ ...pin, to: place.name });
      } catch (error) {
        failures.push([place.name, error]);
      } finally {
        await place.close();
      }
    }
    if (failures.length > 0) throw gathered(failures);
  });
};

/** Nothing is pinned where nobody has made a data folder; one that was named has to be there. */
async function localPins(loaded: CommandSettings): Promise<readonly Pin[]> {
  const { settings, origin } = loaded;
  if (origin('dataDir') === 'default' && (await whyNoDataFolder(settings.dataDir)) !== undefined) return [];
  return await readPins((await openForReading(loaded)).layout.pins);
}

/** A name from elsewhere must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, '�');
}
