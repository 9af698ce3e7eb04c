import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Log } from '../telemetry/log.ts';
import { aborted, watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import { findPackage } from './package-root.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, commandSettings } from './settings-flags.ts';
import { readWhole } from './target.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase serve
  $ inferbase serve --listen-api 0.0.0.0:6000 --data-dir /var/lib/inferbase
  $ inferbase serve --upstream model=http://10.0.0.5:8000 --functions-dir ./functions
  $ inferbase serve --gateways https://trustless-gateway.link

Each setting may also be given in inferbase.yaml by its key, or as INFERBASE_LIMITS_DEADLINE_MS in the environment.`;

/** Where settings are looked for in the folder; the second is what the older tools call theirs. */
const SETTINGS_FILES = ['inferbase.yaml', 'config.yaml'];

/** `serve`: a node that answers until it is told to stop. */
export const addServe: AddCommand = (program) => {
  const command = program
    .command('serve')
    .description('Serve functions by CID on the execute API until Ctrl-C.')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command).action(async (options: Record<string, unknown>) => {
    const interrupt = watchInterrupt();
    const loaded = await commandSettings(options, { fileNames: SETTINGS_FILES });
    const { settings, log } = loaded;
    await withRuntime(loaded, async (runtime) => {
      const { peerId } = await runtime.openNode();
      print(`inferbase ${findPackage().version}`);
      print(`peer id ${peerId}`);
      print(`data folder ${settings.dataDir}`);
      for (const [name, { url }] of Object.entries(settings.upstreams)) print(`upstream ${name} ${url}`);
      for (const gateway of settings.gateways) print(`gateway ${gateway}`);
      if (settings.gateways.length === 0) print('gateway none');
      if (settings.functionsDir !== null) await storeFunctions(runtime, settings.functionsDir, log);
      print(`API ${await listen(runtime)}`);
      await aborted(interrupt.signal);
      print(`closing after ${interrupt.name}`);
    });
  });
};

/**
 * Starts the API.
 * @returns its URL
 */
export async function listen(runtime: Runtime): Promise<string> {
  const { address, port } = await runtime.listen();
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/**
 * Stores, pins and prepares the .wasm files of a folder and prints their CIDs. One that cannot run is named in the log
 * and does not keep the others from being served.
 */
async function storeFunctions(runtime: Runtime, dir: string, log: Log): Promise<void> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InferbaseError('ERR_INVALID_SETTING', `functionsDir ${dir} cannot be read (${code}); give a folder`);
  }
  const modules = names.filter((file) => file.endsWith('.wasm')).sort();
  if (modules.length === 0) print(`function none, ${dir} has no .wasm file`);
  for (const name of modules) {
    try {
      const cid = await storeFunction(runtime, join(dir, name), name);
      print(`function ${name} ${cid}`);
    } catch (error) {
      const { code, message } = toErrorData(error);
      log.error({ code }, `function ${name} cannot be served: ${message}`);
    }
  }
}

/**
 * Stores and pins one module and prepares it, so that its first request is quick and a bad one is found now.
 * @returns its CID
 */
export async function storeFunction(runtime: Runtime, path: string, name: string): Promise<string> {
  const { cid } = await runtime.store.add([{ path: '', bytes: await readWhole(path) }]);
  await runtime.store.pin(cid, name);
  await runtime.store.get(cid, { method: name, signal: new AbortController().signal });
  return cid;
}
