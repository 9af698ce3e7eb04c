import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';

/** Largest file that is read as a whole, in bytes; no module or package may be larger. */
const MAX_FILE_BYTES = 67_108_864;

export type Target =
  | { readonly kind: 'file'; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'cid'; readonly cid: string };

/**
 * What an argument `<cid|file>` names: a file if there is one of that name, else a CID.
 * @throws InferbaseError ERR_INVALID_REQUEST when it looks like a path and no file is there
 */
export async function readTarget(text: string): Promise<Target> {
  const found = await stat(text).catch(() => undefined);
  if (found?.isFile()) return { kind: 'file', name: basename(text), bytes: await readWhole(text) };
  if (found?.isDirectory()) {
    throw invalid(`${text} is a folder; store it with inferbase pin ${text} and use its CID`);
  }
  if (/[./\\]/.test(text)) throw invalid(`there is no file ${text}; check the path, or give a CID`);
  return { kind: 'cid', cid: text };
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
 * Files to add to the store: one with an empty path for a file, all below it for a folder, with paths in it.
 * @throws InferbaseError for what is neither, for an empty folder, and for links: what they name is not part of it
 */
export async function readTree(path: string): Promise<{ path: string; bytes: Uint8Array }[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [{ path: '', bytes: await readWhole(path) }];
  if (!found?.isDirectory()) throw invalid(`there is no file or folder ${path}; check the path`);
  const files: { path: string; bytes: Uint8Array }[] = [];
  let total = 0;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const full = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) continue;
    if (!entry.isFile()) throw invalid(`${full} is neither a file nor a folder; remove it, or replace it by a copy`);
    const bytes = await readWhole(full);
    total += bytes.length;
    if (total > MAX_FILE_BYTES) {
      throw new InferbaseError(
        'ERR_FUNCTION_TOO_LARGE',
        `${path} holds more than ${MAX_FILE_BYTES} bytes; leave files out`,
      );
    }
    files.push({ path: full.slice(join(path, '/').length).replaceAll('\\', '/'), bytes });
  }
  if (files.length === 0) throw invalid(`the folder ${path} is empty; put the .wasm file into it`);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', message);
}
