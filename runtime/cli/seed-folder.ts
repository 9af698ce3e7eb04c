import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';
import type { SeedFile } from '../core/execution.ts';

/** Most that folders given to a guest may hold, together: all of it is read into memory. */
const MAX_BYTES = 67_108_864;
const MAX_FILES = 10_000;
const NO_BYTES = new Uint8Array(0);

/**
 * Reads host folders into the files a guest starts with; what it writes stays in memory. Symbolic links are left out:
 * what they name may lie outside the folder.
 * @param texts each `HOST`, put under `/`, or `HOST::GUEST`
 * @throws InferbaseError for what is no readable folder, for over 64 MiB or 10 000 files, for a bad guest path
 */
export async function readSeedFolders(texts: readonly string[]): Promise<SeedFile[]> {
  const seeds = new Map<string, SeedFile>();
  let bytes = 0;
  const add = (seed: SeedFile): void => {
    const { path } = seed;
    if (seeds.has(path.endsWith('/') ? path.slice(0, -1) : `${path}/`)) {
      throw invalid(
        `--dir ${texts.join(' --dir ')}: /${path} would be a file and a folder; give one a place of its own`,
      );
    }
    bytes += seed.bytes.length - (seeds.get(path)?.bytes.length ?? 0);
    seeds.set(path, seed);
    if (bytes <= MAX_BYTES && seeds.size <= MAX_FILES) return;
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `--dir ${texts.join(' --dir ')}: more than ${MAX_BYTES} bytes or ${MAX_FILES} files; leave files out`,
    );
  };
  for (const text of texts) {
    const at = text.lastIndexOf('::');
    const host = at === -1 ? text : text.slice(0, at);
    const prefix = guestPrefix(at === -1 ? '/' : text.slice(at + 2), text);
    for (let end = prefix.indexOf('/'); end !== -1; end = prefix.indexOf('/', end + 1)) {
      add({ path: prefix.slice(0, end + 1), bytes: NO_BYTES });
    }
    await readFolder(host, prefix, add);
  }
  return [...seeds.values()];
}

/**
 * The files of a package, with those of folders in place of what has the same path.
 * @returns `files` itself when there are no others
 * @throws InferbaseError where a name would be both a file and a folder
 */
export function overlaySeeds(files: readonly SeedFile[], over: readonly SeedFile[]): readonly SeedFile[] {
  if (over.length === 0) return files;
  const seeds = new Map(files.map((seed) => [seed.path, seed]));
  for (const seed of over) seeds.set(seed.path, seed);
  for (const path of seeds.keys()) {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const name = path.slice(0, end);
      if (seeds.has(name)) throw invalid(`--dir: /${name} would be a file and a folder; give one a place of its own`);
    }
  }
  return [...seeds.values()];
}

/** Names of a guest path, each followed by a slash. */
function guestPrefix(guest: string, text: string): string {
  const names = guest.split('/').filter((name) => name !== '' && name !== '.');
  if (!guest.startsWith('/') || names.includes('..') || guest.includes('\0')) {
    throw invalid(`--dir ${text}: ${JSON.stringify(guest)} is no path of a guest; write it from / on, without ..`);
  }
  return names.map((name) => `${name}/`).join('');
}

async function readFolder(host: string, prefix: string, add: (seed: SeedFile) => void): Promise<void> {
  if (!(await stat(host).catch(() => undefined))?.isDirectory())
    throw invalid(`--dir ${host} is no folder; check the path`);
  const pending: { path: string; prefix: string }[] = [{ path: host, prefix }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const { path, prefix: below } = folder;
    if (below !== '') add({ path: below, bytes: NO_BYTES });
    const entries = await readdir(path, { withFileTypes: true }).catch((cause) => unreadable(path, cause));
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const full = join(path, entry.name);
      if (entry.isDirectory()) pending.push({ path: full, prefix: `${below}${entry.name}/` });
      else if (entry.isFile()) add({ path: `${below}${entry.name}`, bytes: await readFile(full) });
    }
  }
}

/** Not through a link, should the file have become one meanwhile. */
async function readFile(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw invalid(`--dir: ${path} has ${size} bytes; at most ${MAX_BYTES} fit`);
    // A copy of its own buffer: small files share one, and it would be sent along whole.
    return new Uint8Array(await file.readFile());
  } catch (cause) {
    return unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): never {
  if (cause instanceof InferbaseError) throw cause;
  throw invalid(`--dir: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code}); make it readable`);
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', message);
}
