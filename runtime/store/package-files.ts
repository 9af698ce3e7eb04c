import { hash } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { SeedFile } from '../core/execution.ts';
import { quoteName } from '../wasm/invalid-module.ts';
import type { AtomicFiles } from './atomic-file.ts';
import type { Layout } from './layout.ts';
import { readUpTo } from './module-folder.ts';

/** Most that a package may bring beside its modules: each node that runs it keeps all of it in memory. */
export const FILE_CAPS = { bytes: 32 * 1024 * 1024, files: 1_000, path: 1_024, name: 255, depth: 32 } as const;

/** Files of a package that lie under `/` of its executions. */
export interface PackageFiles {
  /** Of their packed form, lower-case hex: equal files have an equal one. */
  readonly sha256: string;
  /** Views of one shared buffer, so that no thread needs a copy. */
  readonly seeds: readonly SeedFile[];
  /** Of the contents. */
  readonly bytes: number;
}

/**
 * Which file of a package is for its guests to read: neither the manifest nor a module that a method could name.
 * @param path within the package
 */
export function isGuestFile(path: string): boolean {
  return path.includes('/') || (path !== 'manifest.json' && !path.endsWith('.wasm'));
}

/**
 * Collects the files of a package and refuses what no guest could be given: too much of it, paths that are none, and a
 * name that is both a file and a folder.
 */
export class FileCollection {
  readonly #files = new Map<string, Uint8Array>();
  readonly #folders = new Set<string>();
  #bytes = 0;

  /** Bytes that may still be added. */
  get room(): number {
    return FILE_CAPS.bytes - this.#bytes;
  }

  /**
   * @param path names separated by slashes
   * @throws InferbaseError ERR_FUNCTION_TOO_LARGE, ERR_INVALID_ARCHIVE
   */
  add(path: string, bytes: Uint8Array): void {
    const names = path.split('/');
    if (path.length > FILE_CAPS.path || names.length > FILE_CAPS.depth || !names.every(isName)) {
      throw new InferbaseError(
        'ERR_INVALID_ARCHIVE',
        `The function has a file ${quoteName(path)}, which is no path of a guest; rename it.`,
      );
    }
    this.#bytes += bytes.length;
    if (this.#bytes > FILE_CAPS.bytes || this.#files.size >= FILE_CAPS.files) throw tooMuch();
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      this.#folders.add(path.slice(0, end));
    }
    this.#files.set(path, bytes);
  }

  /** All of them, by path. */
  finish(): readonly SeedFile[] {
    for (const path of this.#files.keys()) {
      if (!this.#folders.has(path)) continue;
      throw new InferbaseError(
        'ERR_INVALID_ARCHIVE',
        `The function has ${quoteName(path)} as a file and as a folder; rename one of them.`,
      );
    }
    const files = [...this.#files].map(([path, bytes]) => ({ path, bytes }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

function isName(name: string): boolean {
  const bytes = Buffer.byteLength(name);
  return bytes > 0 && bytes <= FILE_CAPS.name && name !== '.' && name !== '..' && !name.includes('\0');
}

/** What a function with too many or too large files is refused with. */
export function tooMuch(): InferbaseError {
  const { bytes, files } = FILE_CAPS;
  return new InferbaseError(
    'ERR_FUNCTION_TOO_LARGE',
    `The files beside the function's modules are more than ${files} or more than ${bytes} bytes; leave some out.`,
  );
}

const MAGIC = 'inferbase-files-1\n';
const HASH_BYTES = 32;
const INDEX_AT = MAGIC.length + HASH_BYTES + 4;
/** Room for an index of paths that JSON has to escape. */
const MAX_PACK_BYTES = FILE_CAPS.bytes + 16 * 1024 * 1024;

/**
 * Files as one, to be kept on disk: `magic | sha-256 of the rest (32) | length of index u32 LE | index | contents`, the
 * index being JSON of `[path, size]` in the order of the contents.
 */
export function encodeFiles(files: readonly SeedFile[]): Uint8Array {
  const index = Buffer.from(JSON.stringify(files.map(({ path, bytes }) => [path, bytes.length])));
  const length = files.reduce((sum, { bytes }) => sum + bytes.length, INDEX_AT + index.length);
  const pack = Buffer.alloc(length);
  pack.write(MAGIC, 'latin1');
  pack.writeUInt32LE(index.length, INDEX_AT - 4);
  let at = index.copy(pack, INDEX_AT) + INDEX_AT;
  for (const { bytes } of files) {
    pack.set(bytes, at);
    at += bytes.length;
  }
  pack.set(hash('sha256', pack.subarray(INDEX_AT - 4), 'buffer'), MAGIC.length);
  return pack;
}

/** @returns `undefined` for anything that `encodeFiles` did not write */
export function decodeFiles(bytes: Uint8Array): PackageFiles | undefined {
  const pack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (pack.length < INDEX_AT || pack.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  const digest = hash('sha256', pack.subarray(INDEX_AT - 4), 'buffer');
  if (!digest.equals(pack.subarray(MAGIC.length, MAGIC.length + HASH_BYTES))) return undefined;
  const start = INDEX_AT + pack.readUInt32LE(INDEX_AT - 4);
  // What has the right hash was written by us.
  const index: [path: string, size: number][] = JSON.parse(pack.toString('utf8', INDEX_AT, start));
  const shared = new Uint8Array(new SharedArrayBuffer(pack.length - start));
  shared.set(pack.subarray(start));
  let at = 0;
  const seeds = index.map(([path, size]) => {
    at += size;
    return { path, bytes: shared.subarray(at - size, at) };
  });
  return { sha256: digest.toString('hex'), seeds, bytes: shared.length };
}

/** Writes the packed files of a package for {@link readFiles}. */
export async function writeFiles(
  components: { layout: Layout; files: AtomicFiles },
  pack: Uint8Array,
  sha256: string,
): Promise<void> {
  await components.files.write(components.layout.files(sha256), pack, 'files');
}

/**
 * The files of a package from disk, checked, or `undefined` when they are not there, damaged, or larger than `maxBytes`.
 * @param sha256 as {@link PackageFiles} has it
 */
export async function readFiles(
  layout: Layout,
  sha256: string,
  maxBytes: number = MAX_PACK_BYTES,
): Promise<PackageFiles | undefined> {
  const bytes = await readUpTo(layout.files(sha256), maxBytes);
  const found = bytes === undefined ? undefined : decodeFiles(bytes);
  return found?.sha256 === sha256 ? found : undefined;
}
