import type { StoreReader } from '../../store/store-folder.ts';
import type { Verification } from '../../store/upkeep/verify.ts';
import { EXIT } from '../exit.ts';
import { watchInterrupt } from '../interrupt.ts';
import { withRuntime } from '../open-runtime.ts';
import { withProgress } from '../progress.ts';
import { addSettingsFlags, COMMON_KEYS, type CommandSettings, commandSettings } from '../settings-flags.ts';
import { count, print, printable, printError, size } from '../terminal.ts';
import { openForReading, withStoreFolder } from './open-folder.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store verify
  $ inferbase store verify --remove            drop what is bad
  $ inferbase store verify --repair            drop it, and fetch again what pins lack
  $ inferbase store verify --json

Exit code: 0 when all is well, or was made well, else 1.`;

interface VerifyOptions {
  readonly remove?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
  readonly [key: string]: unknown;
}

/** `store verify`: hashes everything again. */
export const addVerify: AddStoreCommand = (store, done) => {
  const command = store
    .command('verify')
    .description('Hash every block and every prepared module again, and look whether all that is pinned is here.')
    .option('--remove', 'remove what is bad')
    .option('--repair', 'remove what is bad, and fetch what pins lack')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (options: VerifyOptions) => {
    const { signal } = watchInterrupt();
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    const remove = options.remove === true || options.repair === true;
    const quiet = options.json === true;
    let found = await verify(loaded, { remove, quiet, signal });
    const failures: string[] = [];
    if (options.repair === true && found.incomplete.length > 0) {
      failures.push(...(await fetchAgain(loaded, found)));
      const { incomplete } = await verify(loaded, { remove: false, quiet, signal });
      found = { ...found, incomplete };
    }
    if (quiet) print(JSON.stringify(found));
    else show(found, failures);
    const well = (found.bad.length === 0 || found.removed) && found.incomplete.length === 0;
    done(well ? EXIT.ok : EXIT.failure);
  });
};

async function verify(
  loaded: CommandSettings,
  { remove, quiet, signal }: { remove: boolean; quiet: boolean; signal: AbortSignal },
): Promise<Verification> {
  const { verifyStore } = await import('../../store/upkeep/verify.ts');
  const within = ({ layout }: Pick<StoreReader, 'layout'>): Promise<Verification> =>
    withProgress('verifying', { unit: 'bytes', quiet }, (progress) =>
      verifyStore({ layout }, { remove, signal, onProgress: (at, total) => progress.at(at, total) }),
    );
  return remove ? await withStoreFolder(loaded, within) : await within(await openForReading(loaded));
}

/** Pins what is incomplete once more, which fetches it. Returns a line for each that could not be had. */
async function fetchAgain(loaded: CommandSettings, { incomplete }: Verification): Promise<string[]> {
  const failures: string[] = [];
  await withRuntime(loaded, async ({ store }) => {
    for (const { cid, name } of incomplete) {
      try {
        await withProgress(`fetching ${name}`, {}, () => store.pin(cid, name));
      } catch (error) {
        failures.push(`${cid} cannot be fetched: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  });
  return failures;
}

function show({ checked, bytes, bad, removed, incomplete }: Verification, failures: readonly string[]): void {
  for (const { path, problem } of bad) printError(printable(`${removed ? 'removed' : 'bad'} ${path} ${problem}`));
  for (const line of failures) printError(printable(line));
  for (const { cid, name, missing } of incomplete) {
    printError(`pinned ${cid} (${printable(name)}) lacks ${count(missing, 'block')}; fetch with --repair`);
  }
  const prepared = checked.module + checked.record + checked.files;
  const verdict = bad.length === 0 ? 'all good' : `${bad.length} bad${removed ? ', removed' : ''}`;
  print(`${count(checked.block, 'block')}, ${count(prepared, 'prepared file')}, ${size(bytes)}: ${verdict}`);
}
