import { hash } from 'node:crypto';
import type { CID } from 'multiformats/cid';
import { InferbaseError } from '../core/errors.ts';
import type { SeedFile } from '../core/execution.ts';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../core/manifest.ts';
import { quoteName } from '../wasm/invalid-module.ts';
import { locateArchive } from './archive-location.ts';
import { gunzip } from './gunzip.ts';
import { FILE_CAPS, FileCollection, isGuestFile, tooMuch } from './package-files.ts';
import { readTar } from './tar.ts';
import type { UnixfsReader } from './unixfs.ts';

const MANIFEST = 'manifest.json';
const MAX_ENTRIES = 1024;
/** Files and folders that are listed, and characters of a path: a folder may lie in itself under many names. */
const MAX_LISTED = 10_000;
/** Tar's own headers and padding on top of the files. */
const TAR_SLACK = 1024 * 1024;

/** What a CID turned out to be. */
export type Package =
  | { readonly kind: 'file'; content(): Promise<Uint8Array>; size(): Promise<number> }
  | {
      readonly kind: 'directory' | 'package';
      readonly manifest: Manifest | null;
      /** File names that a method can name, sorted. */
      readonly names: readonly string[];
      content(name: string): Promise<Uint8Array>;
      /** All files but the manifest, those in folders too, by path; sizes in bytes. Reads no content. */
      list(): Promise<readonly { readonly path: string; readonly size: number }[]>;
      /**
       * What lies beside the modules, in folders too, for guests to find under `/`.
       * @throws InferbaseError when it is too much, or no guest could be given it
       */
      files(): Promise<readonly SeedFile[]>;
    };

type Folder = ReadonlyMap<string, CID>;

/**
 * Finds out whether a CID is one file, a directory of modules, or a Blockless package (`manifest.json` and a tar.gz),
 * and offers its files. Only what is asked for is fetched; nothing is unpacked to disk.
 * @param init.maxBytes of a file, of the archive and of what it unpacks to
 */
export async function openPackage(
  components: { unixfs: UnixfsReader },
  init: { cid: CID; maxBytes: number; signal: AbortSignal },
): Promise<Package> {
  const { unixfs } = components;
  const { cid } = init;
  if ((await unixfs.kindOf(cid)) === 'file') {
    return { kind: 'file', content: () => unixfs.content(cid), size: () => unixfs.size(cid) };
  }
  const root = await unixfs.entries(cid);
  const folder = await unwrap(unixfs, root);
  const manifestCid = folder.get(MANIFEST);
  const manifest =
    manifestCid === undefined ? null : parseManifest(await unixfs.content(manifestCid, MAX_MANIFEST_BYTES));
  if (manifest?.archive) return openArchive(unixfs, [folder, root], manifest, manifest.archive, init);

  const names = moduleNames([...folder.keys()].filter((name) => name !== MANIFEST));
  const find = (name: string): CID => {
    const file = folder.get(name);
    if (file === undefined)
      throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', `There is no ${JSON.stringify(name)} in ${cid}.`);
    return file;
  };
  return {
    kind: manifest === null ? 'directory' : 'package',
    manifest,
    names,
    content: async (name) => checkedModule(await unixfs.content(find(name)), name, manifest),
    list: () => listIn(unixfs, folder),
    files: () => filesIn(unixfs, folder),
  };
}

/**
 * What a method can name, sorted.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` for a module that nobody could name in a request, a log or on a terminal
 */
function moduleNames(names: readonly string[]): readonly string[] {
  const bad = names.find((name) => name.includes('.wasm') && /\p{Cc}/u.test(name));
  if (bad === undefined) return names.toSorted();
  throw new InferbaseError(
    'ERR_INVALID_ARCHIVE',
    `The function has a module ${quoteName(bad)}, with a control character in its name; rename it.`,
  );
}

/** Adding a folder often wraps it in another one that holds nothing else. */
async function unwrap(unixfs: UnixfsReader, root: Folder): Promise<Folder> {
  const [only] = root.values();
  if (root.size !== 1 || only === undefined || (await unixfs.kindOf(only)) === 'file') return root;
  return await unixfs.entries(only);
}

/** Files below a directory that a guest may read, those in directories of it too. */
async function filesIn(unixfs: UnixfsReader, root: Folder): Promise<readonly SeedFile[]> {
  const found = new FileCollection();
  const pending: { prefix: string; folder: Folder }[] = [{ prefix: '', folder: root }];
  let seen = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, cid] of next.folder) {
      const path = next.prefix + name;
      if (!isGuestFile(path)) continue;
      // Directories count, since one may lie in itself under many names.
      if (++seen > FILE_CAPS.files) throw tooMuch();
      if ((await unixfs.kindOf(cid)) === 'file') found.add(path, await unixfs.content(cid, found.room));
      else if (path.split('/').length >= FILE_CAPS.depth) throw tooMuch();
      else pending.push({ prefix: `${path}/`, folder: await unixfs.entries(cid) });
    }
  }
  return found.finish();
}

async function listIn(unixfs: UnixfsReader, root: Folder): Promise<readonly { path: string; size: number }[]> {
  const found: { path: string; size: number }[] = [];
  const pending: { prefix: string; folder: Folder }[] = [{ prefix: '', folder: root }];
  let seen = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, cid] of next.folder) {
      const path = next.prefix + name;
      if (path === MANIFEST) continue;
      if (++seen > MAX_LISTED || path.length > MAX_LISTED) throw tooMuch();
      if ((await unixfs.kindOf(cid)) === 'file') found.push({ path, size: await unixfs.size(cid) });
      else pending.push({ prefix: `${path}/`, folder: await unixfs.entries(cid) });
    }
  }
  return found.sort(byPath);
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : 1;
}

async function openArchive(
  unixfs: UnixfsReader,
  folders: readonly Folder[],
  manifest: Manifest,
  archive: { url: string; checksum: string },
  init: { maxBytes: number; signal: AbortSignal },
): Promise<Package> {
  const packed = await unixfs.content(await findArchive(unixfs, folders, archive.url));
  const sum = hash('sha256', packed);
  if (sum !== archive.checksum) {
    throw new InferbaseError(
      'ERR_INTEGRITY',
      `The archive ${JSON.stringify(archive.url)} has sha-256 ${sum}, its manifest says ${archive.checksum}; publish the function again.`,
    );
  }
  const tar = await gunzip(packed, init.maxBytes + TAR_SLACK, init.signal);
  // A file in a folder of the archive has no name that a method could be.
  const all = readTar(tar, { entries: MAX_ENTRIES });
  const files = new Map([...all].filter(([path]) => !path.includes('/')));
  const names = moduleNames([...files.keys()]);
  const find = (name: string): Uint8Array => {
    const bytes = files.get(name);
    if (bytes === undefined)
      throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', `There is no ${JSON.stringify(name)} in the archive.`);
    return bytes;
  };
  return {
    kind: 'package',
    manifest,
    names,
    content: async (name) => checkedModule(find(name), name, manifest),
    list: async () => [...all].map(([path, bytes]) => ({ path, size: bytes.length })).sort(byPath),
    files: async () => {
      const found = new FileCollection();
      for (const [path, bytes] of all) if (isGuestFile(path)) found.add(path, bytes);
      return found.finish();
    },
  };
}

/** A relative URL is tried beside the manifest, then at the root of the DAG, where b7s would look. */
async function findArchive(unixfs: UnixfsReader, folders: readonly Folder[], url: string): Promise<CID> {
  const { cid, path } = locateArchive(url);
  if (cid !== null) {
    const found = await follow(unixfs, cid, path);
    if (found !== undefined) return found;
  } else {
    const [first = '', ...rest] = path;
    for (const folder of folders) {
      const start = folder.get(first);
      const found = start === undefined ? undefined : await follow(unixfs, start, rest);
      if (found !== undefined) return found;
    }
  }
  throw new InferbaseError(
    'ERR_FUNCTION_NOT_FOUND',
    `The archive ${JSON.stringify(url.slice(0, 120))} that the manifest names is not in the DAG; add it beside manifest.json.`,
  );
}

async function follow(unixfs: UnixfsReader, from: CID, path: readonly string[]): Promise<CID | undefined> {
  let cid: CID | undefined = from;
  for (const name of path) {
    if (cid === undefined || (await unixfs.kindOf(cid)) === 'file') return undefined;
    cid = (await unixfs.entries(cid)).get(name);
  }
  return cid;
}

/** The bls CLI writes an md5 of each module; a wrong one means that the package was put together wrongly. */
function checkedModule(bytes: Uint8Array, name: string, manifest: Manifest | null): Uint8Array {
  const declared = manifest?.modules.find((module) => module.file.replace(/^.*\//s, '') === name)?.md5;
  if (declared && hash('md5', bytes) !== declared) {
    throw new InferbaseError(
      'ERR_INTEGRITY',
      `${JSON.stringify(name)} does not have the md5 ${declared} of its manifest; publish the function again.`,
    );
  }
  return bytes;
}
