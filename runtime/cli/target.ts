import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { FunctionStore } from '../store/store.ts';
import { importCarFile, isCarFile, onlyRoot } from './car-file.ts';

/** Largest file that is read as a whole, in bytes; no module or package may be larger. */
const MAX_FILE_BYTES = 67_108_864;

/** A function that large, and what holds its blocks together. */
export const MAX_CAR_BYTES = MAX_FILE_BYTES + 4_194_304;

/** Data folders of that name are state of ours wherever they lie: pinned, they would publish a node's key. */
const DATA_FOLDER = '.inferbase';

/** Qm… in base 58. */
const SHORTEST_SHA256_CID = 46;

/** How other tools write a CID. */
const IPFS_ADDRESS = /^(?:ipfs:\/\/|\/ipfs\/)([^/]+)\/?$/;

export type Target =
  | { readonly kind: 'file'; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Not read yet: a CAR is stored block by block. */
  | { readonly kind: 'car'; readonly path: string }
  | { readonly kind: 'cid'; readonly cid: string };

/** A folder of modules, such as a package that was built. */
export interface FolderTarget {
  readonly kind: 'folder';
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

/**
 * The files of the folder that an argument names, if it names one.
 * @param dataDir absolute path of the data folder in use
 */
export async function readFolder(text: string, dataDir: string): Promise<FolderTarget | undefined> {
  const found = await stat(text).catch(() => undefined);
  return found?.isDirectory() ? { kind: 'folder', files: await readTree(text, dataDir) } : undefined;
}

/**
 * What an argument `<cid|file>` names: a file if there is one of that name, else a CID, `ipfs://CID` or `/ipfs/CID`.
 * @throws InferbaseError ERR_INVALID_REQUEST when it looks like a path and no file is there, or no plain one
 */
export async function readTarget(text: string): Promise<Target> {
  const found = await stat(text).catch(() => undefined);
  if (found?.isFile() && (await isCarFile(text))) return { kind: 'car', path: text };
  if (found?.isFile()) return { kind: 'file', name: basename(text), bytes: await readWhole(text) };
  if (found?.isDirectory()) {
    throw invalid(`${text} is a folder; store it with inferbase pin ${text} and use its CID`);
  }
  if (found !== undefined) throw notPlain(text);
  const cid = IPFS_ADDRESS.exec(text)?.[1] ?? text;
  if (/[./\\]/.test(cid)) throw invalid(`there is no file ${text}; check the path, or give a CID`);
  if (cid.length < SHORTEST_SHA256_CID) refuseShort(cid);
  return { kind: 'cid', cid };
}

/** What is too short for most CIDs is rather the name of a file. */
function refuseShort(cid: string): void {
  try {
    parseCid(cid);
  } catch (error) {
    if (!(error instanceof InferbaseError)) throw error;
    throw new InferbaseError(error.code, `${error.message} There is no file or folder of that name here either.`);
  }
}

/** The CID of a target, after storing the blocks of a CAR, whose root is the function, or of a folder. */
export async function cidOf(
  target: Extract<Target, { kind: 'cid' | 'car' }> | FolderTarget,
  store: Pick<FunctionStore, 'importCar' | 'add'>,
  signal: AbortSignal,
): Promise<string> {
  if (target.kind === 'cid') return target.cid;
  if (target.kind === 'folder') return (await store.add(target.files)).cid;
  const { roots } = await importCarFile(store, target.path, { maxBytes: MAX_CAR_BYTES, signal });
  return onlyRoot(roots, target.path);
}

/**
 * Reads a file.
 * @throws InferbaseError when it is not there, not readable or larger than 64 MiB
 */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) {
      const message = `${path} has ${size} bytes; a function may have at most ${MAX_FILE_BYTES}`;
      throw new InferbaseError('ERR_FUNCTION_TOO_LARGE', message);
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof InferbaseError) throw cause;
    throw invalid(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code}); give a readable file`);
  }
}

/**
 * Files to add to the store: one with an empty path for a file, all below it for a folder, with paths in it. Data
 * folders are left out: pinning a folder from inside would make it another one each time.
 * @param dataDir absolute path of the data folder in use
 * @throws InferbaseError for what is neither, for an empty folder, and for links: what they name is not part of it
 */
export async function readTree(path: string, dataDir: string): Promise<{ path: string; bytes: Uint8Array }[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [{ path: '', bytes: await readWhole(path) }];
  if (found === undefined) throw invalid(`there is no file or folder ${path}; check the path`);
  if (!found.isDirectory()) throw notPlain(path);
  const ownState = relative(path, dataDir) + sep;
  const files: { path: string; bytes: Uint8Array }[] = [];
  let total = 0;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const full = join(entry.parentPath, entry.name);
    const inside = relative(path, full);
    const parts = inside.split(sep);
    if (entry.isDirectory() || parts.includes(DATA_FOLDER) || inside.startsWith(ownState)) continue;
    if (!entry.isFile()) throw invalid(`${full} is neither a file nor a folder; remove it, or replace it by a copy`);
    const bytes = await readWhole(full);
    total += bytes.length;
    if (total > MAX_FILE_BYTES) {
      throw new InferbaseError(
        'ERR_FUNCTION_TOO_LARGE',
        `${path} holds more than ${MAX_FILE_BYTES} bytes; leave files out`,
      );
    }
    files.push({ path: parts.join('/'), bytes });
  }
  if (files.length === 0) throw invalid(`the folder ${path} is empty; put the .wasm file into it`);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function notPlain(path: string): InferbaseError {
  return invalid(`${path} is neither a file nor a folder; give a .wasm file, a folder to pin, or a CID`);
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', message);
}
