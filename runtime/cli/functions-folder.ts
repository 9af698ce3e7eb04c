import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Log } from '../telemetry/log.ts';
import { readTree, readWhole } from './target.ts';
import { print } from './terminal.ts';

/**
 * Stores, pins and prepares the functions of a folder and prints their CIDs: packages, which are folders with a
 * manifest.json, and .wasm files that are in no package beside them. One that cannot run is named in the log and does
 * not keep the others from being served.
 * @param dir absolute path of `functionsDir`
 * @param dataDir absolute path of the data folder in use
 * @throws InferbaseError ERR_INVALID_SETTING when the folder cannot be read
 */
export async function storeFunctions(runtime: Runtime, dir: string, dataDir: string, log: Log): Promise<void> {
  const names = await functionNames(dir);
  if (names.length === 0) print(`function none, ${dir} has no .wasm file and no package`);
  for (const name of names) {
    const path = join(dir, name);
    try {
      const cid = name.endsWith('.wasm')
        ? await storeFunction(runtime, path, name)
        : await storePackage(runtime, path, { name, dataDir });
      print(`function ${name} ${cid}`);
    } catch (error) {
      const { code, message } = toErrorData(error);
      log.error({ code }, `function ${name} cannot be served: ${message}`);
    }
  }
}

async function functionNames(dir: string): Promise<string[]> {
  let names: string[];
  try {
    names = (await readdir(dir)).filter((name) => !name.startsWith('.')).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const remedy = code === 'ENOENT' ? 'build a function first, or give a folder' : 'give a folder';
    throw new InferbaseError('ERR_INVALID_SETTING', `functionsDir ${dir} cannot be read (${code}); ${remedy}`);
  }
  const packages: string[] = [];
  for (const name of names) {
    const manifest = await stat(join(dir, name, 'manifest.json')).catch(() => undefined);
    if (manifest?.isFile() && !name.endsWith('.wasm')) packages.push(name);
  }
  return names.filter((name) =>
    name.endsWith('.wasm') ? !packages.includes(name.slice(0, -'.wasm'.length)) : packages.includes(name),
  );
}

/**
 * Stores and pins one module and prepares it, so that its first request is quick and a bad one is found now.
 * @returns its CID
 */
export async function storeFunction(runtime: Runtime, path: string, name: string): Promise<string> {
  const { cid } = await runtime.store.add([{ path: '', bytes: await readWhole(path) }]);
  return await keep(runtime, cid, name, name);
}

async function storePackage(
  runtime: Runtime,
  path: string,
  { name, dataDir }: { name: string; dataDir: string },
): Promise<string> {
  const { cid } = await runtime.store.add(await readTree(path, dataDir));
  return await keep(runtime, cid, name, '');
}

async function keep({ store }: Runtime, cid: string, name: string, method: string): Promise<string> {
  await store.pin(cid, name);
  await store.get(cid, { method, signal: new AbortController().signal });
  return cid;
}
