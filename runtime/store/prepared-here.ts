import { DAG_PB, digestHex, type ParsedCid } from '../core/cid.ts';
import { isThere } from '../core/folder.ts';
import { entryName } from '../wasm/module-cache.ts';
import { type FunctionRecord, type KnownModules, modulesOf, readRecord } from './function-record.ts';
import type { Layout } from './layout.ts';

/**
 * Whether a function was prepared in this data folder, so that it runs without any network. Only looks for files: whether
 * they are whole shows when they are read, and damaged ones are made again.
 * @param method empty: whichever module of it
 * @param inMemory whether the module of this sha-256 is at hand already
 */
export async function isPreparedHere(
  layout: Layout,
  { cid, key }: ParsedCid,
  method: string,
  inMemory: (sha256: string) => boolean,
): Promise<boolean> {
  const isHere = async (sha256: string): Promise<boolean> =>
    inMemory(sha256) || (await isThere(layout.module(entryName(sha256))));
  if (cid.code !== DAG_PB) return await isHere(digestHex(cid));
  const record = await readRecord(layout, key);
  if (record === undefined) return false;
  if (record.files !== null && !(await isThere(layout.files(record.files)))) return false;
  const names = method === '' ? record.modules.map(([name]) => name) : [method];
  for (const name of names) {
    const known = knownModules(record, name);
    if (known === undefined) continue;
    const hashes = [known.sha256, ...known.libraries.map(({ sha256 }) => sha256)];
    if ((await Promise.all(hashes.map(isHere))).every((here) => here)) return true;
  }
  return false;
}

function knownModules(record: FunctionRecord, method: string): KnownModules | undefined {
  try {
    return modulesOf(record, method);
  } catch {
    // The method names no file of it.
    return undefined;
  }
}
