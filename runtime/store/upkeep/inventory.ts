import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { base32upper } from 'multiformats/bases/base32';
import { CID } from 'multiformats/cid';
import { decode } from 'multiformats/hashes/digest';
import { RAW } from '../../core/cid.ts';
import { entryName } from '../../wasm/module-cache.ts';
import { codeOf, storeUnavailable } from '../atomic-file.ts';
import type { Layout } from '../layout.ts';
import { createLimit } from '../limit.ts';

/**
 * What a file of the data folder is: a block; a prepared module, the record of a function, the files of a package, which can
 * all be made again from blocks; or something that nobody here has written.
 */
export type FileKind = 'block' | 'module' | 'record' | 'files' | 'old' | 'other';

export interface StoredFile {
  readonly kind: FileKind;
  readonly path: string;
  /** Block: its multihash as a raw CID. Module and files: lower-case hex sha-256. Record: the CID. Else the file name. */
  readonly id: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Files whose size and time are asked for at the same time. */
const STATS = 16;

/** Every file of blocks and of prepared modules. What vanishes meanwhile is left out. */
export async function takeInventory(layout: Layout): Promise<readonly StoredFile[]> {
  const limit = createLimit(STATS);
  const found: StoredFile[] = [];
  const note = async (dir: string, entry: Dirent, kindOf: (name: string) => Pick<StoredFile, 'kind' | 'id'>) => {
    const path = join(dir, entry.name);
    const at = await stat(path).catch(() => undefined);
    if (at?.isFile()) found.push({ ...kindOf(entry.name), path, size: at.size, mtimeMs: at.mtimeMs });
  };
  for (const prefix of await list(layout.blocks)) {
    const dir = join(layout.blocks, prefix.name);
    if (!prefix.isDirectory()) await note(layout.blocks, prefix, other);
    else await Promise.all((await list(dir)).map((entry) => limit(() => note(dir, entry, describeBlock))));
  }
  const prepared = await list(layout.modules);
  await Promise.all(prepared.map((entry) => limit(() => note(layout.modules, entry, describePrepared))));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function list(dir: string): Promise<Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeUnavailable(dir, error);
  }
}

function other(name: string): Pick<StoredFile, 'kind' | 'id'> {
  return { kind: 'other', id: name };
}

function describeBlock(name: string): Pick<StoredFile, 'kind' | 'id'> {
  const cid = name.endsWith('.data') ? blockCid(name) : undefined;
  return cid === undefined ? other(name) : { kind: 'block', id: cid.toString() };
}

/** The raw CID of what a block's file name says it is. */
function blockCid(path: string): CID | undefined {
  try {
    return CID.createV1(RAW, decode(base32upper.decode(basename(path, '.data'))));
  } catch {
    return undefined;
  }
}

function describePrepared(name: string): Pick<StoredFile, 'kind' | 'id'> {
  const [id = ''] = name.split('.');
  if (/^[0-9a-f]{64}$/.test(id)) {
    if (name === `${id}.files`) return { kind: 'files', id };
    if (name === entryName(id)) return { kind: 'module', id };
    // As another version rewrote it: of no use here.
    if (name.endsWith('.wasm-entry')) return { kind: 'old', id: name };
  }
  return name === `${id}.json` ? { kind: 'record', id } : other(name);
}
