import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import process from 'node:process';
import type { Settings } from '../config/settings.ts';
import { parseCid } from '../core/cid.ts';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import type { FunctionStore } from '../store/store.ts';
import { requireCoreModule } from '../wasm/first-bytes.ts';
import { importCarFile, isCarFile } from './car-file.ts';
import { curlLine, executeBody } from './execute-request.ts';
import { watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import { DEFAULT_WAIT, openPlaces, parseWait } from './places.ts';
import type { AddCommand } from './program.ts';
import { describe, gathered, type PlaceResult, pinRemotely } from './remote-pin.ts';
import { addSettingsFlags, COMMON_KEYS, collect, commandSettings } from './settings-flags.ts';
import { MAX_CAR_BYTES, readTarget, readTree } from './target.ts';
import { print, printable, printError, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase pin functions/hello/build/hello.wasm
  $ inferbase pin my-package --name price-feed      a folder with manifest.json and its modules
  $ inferbase pin price-feed.car                     everything below the roots of a CAR
  $ inferbase pin bafy… --gateways https://trustless-gateway.link
  $ inferbase pin my-package --to local --to kubo=http://127.0.0.1:5001
  $ inferbase pin my-package --to service=acme       with pinning.acme.url and .token in the settings
  $ inferbase pin hello.wasm --json                 {"cid":"bafk…","name":"hello.wasm","size":1234}

Exit codes: 0 pinned everywhere, 1 a path or a place failed, 2 wrong usage or setting, 73 data folder not writable, 130 interrupted.`;

interface PinOptions {
  readonly name?: string;
  readonly json?: boolean;
  readonly to?: readonly string[];
  readonly wait: number;
}

/** Something whose blocks are here, or can be fetched. */
interface Added {
  readonly cid: string;
  readonly name: string;
  /** What it is called where it is one file. */
  readonly file: string;
  readonly size: number;
}

/** `pin <file|dir|car|cid>…`: adds to the embedded store and keeps it, here or elsewhere. */
export const addPin: AddCommand = (program) => {
  const command = program
    .command('pin')
    .description('Put files or folders (without data folders in them) into the embedded store and print their CIDs.')
    .argument('<path...>', 'files, folders, CAR files and CIDs')
    .option('--name <name>', 'name of the pin (default: name of the file or folder)')
    .option('--to <place>', 'local, kubo=URL or service=NAME; may be repeated (default: local)', collect)
    .option('--wait <seconds>', 'how long to wait for a pinning service', parseWait, DEFAULT_WAIT)
    .option('--json', 'one JSON object per line')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (paths: readonly string[], options: PinOptions) => {
    if (options.name !== undefined && paths.length > 1) {
      throw new InferbaseError('ERR_INVALID_SETTING', '--name is for one path; pin them one by one');
    }
    const { signal } = watchInterrupt();
    const quiet = options.json === true;
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    const { settings } = loaded;
    const places = await openPlaces(options.to, settings, options.wait);
    const failures: [place: string, error: unknown][] = [];
    try {
      await withRuntime(loaded, async ({ store }) => {
        for (const path of paths) {
          for (const added of await add(store, path, { ...options, settings, signal, quiet })) {
            const results: PlaceResult[] = [];
            if (places.local) await store.pin(added.cid, added.name);
            for (const place of places.remote) {
              try {
                const { gateways } = settings;
                results.push(await pinRemotely(store, place, { ...added, gateways, signal, quiet }));
              } catch (error) {
                failures.push([place.name, error]);
                const remark = toErrorData(error).message;
                results.push({ to: place.name, status: 'failed', verifiedBlocks: 0, verifiedBy: [], remark });
              }
            }
            tell(added, results, options);
            // Scripts read the first line; a person wants to paste the last.
            if (quiet || (options.to === undefined && process.stdout.isTTY !== true)) continue;
            const method = await methodOf(store, added, signal);
            if (method === null) continue;
            print(curlLine(`http://${settings.listen.api}`, executeBody(added.cid, method, '1', '')));
          }
        }
      });
    } finally {
      await Promise.allSettled(places.remote.map((place) => place.close()));
    }
    if (failures.length > 0) throw gathered(failures);
  });
};

/** Stores what a path names; of a CID nothing is fetched yet. */
async function add(
  store: FunctionStore,
  path: string,
  options: { name?: string; settings: Settings; signal: AbortSignal; quiet: boolean },
): Promise<Added[]> {
  const name = options.name ?? basename(resolve(path));
  const cid = await cidNamed(path);
  if (cid !== undefined) {
    const { size } = await store.list(cid, { signal: options.signal });
    return [{ cid, name: options.name ?? cid, file: `${cid}.wasm`, size }];
  }
  if (await isCarFile(path)) {
    const { signal, quiet } = options;
    const { roots, bytes } = await importCarFile(store, path, { maxBytes: MAX_CAR_BYTES, signal, quiet });
    return roots.map((cid) => ({ cid, name, file: `${cid}.wasm`, size: bytes }));
  }
  const files = await readTree(path, options.settings.dataDir);
  const added = await store.add(files);
  for (const file of files) warnOfNoModule(file.path || basename(path), file.bytes);
  return [{ ...added, name, file: basename(resolve(path)) }];
}

/** The CID that an argument is; `undefined` where it is a path, of something that is there or not. */
async function cidNamed(path: string): Promise<string | undefined> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return undefined;
  try {
    const target = await readTarget(path);
    return target.kind === 'cid' ? parseCid(target.cid).cid.toString() : undefined;
  } catch {
    return undefined;
  }
}

/** What runs of it, a file name: b7s takes no request without one. `null` where nothing of it is a module. */
async function methodOf(store: FunctionStore, { cid, file }: Added, signal: AbortSignal): Promise<string | null> {
  // A package that is not right is pinned all the same.
  const listed = await store.list(cid, { signal }).catch(() => null);
  if (listed === null) return null;
  if (listed.kind === 'file') return file.endsWith('.wasm') || !file.includes('.') ? file : null;
  const modules = listed.files.map(({ path }) => path).filter((path) => /^[^/]+\.wasm$/.test(path));
  const entry = listed.manifest?.entryModule?.replace(/^.*\//s, '');
  if (entry !== undefined && modules.includes(entry)) return entry;
  return modules.sort()[0] ?? null;
}

function tell({ cid, name, size: bytes }: Added, results: readonly PlaceResult[], options: PinOptions): void {
  const remote = options.to !== undefined;
  if (options.json) {
    print(JSON.stringify({ cid, name, size: bytes, ...(remote && { places: results }) }));
    return;
  }
  print(`${cid} ${size(bytes)} ${printable(name)}`);
  // What failed is told at the end, as an error.
  for (const result of results) if (result.status !== 'failed') print(`  ${printable(describe(result))}`);
}

/** Pinned all the same: a store keeps what it is given. */
function warnOfNoModule(name: string, bytes: Uint8Array): void {
  if (!name.endsWith('.wasm')) return;
  try {
    requireCoreModule(bytes);
  } catch (error) {
    printError(printable(`warning: ${name} is pinned, but it would not run: ${toErrorData(error).message}`));
  }
}
