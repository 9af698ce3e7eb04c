import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import type { NewFile } from '../store/add.ts';
import type { FunctionStore } from '../store/function-store.ts';
import type { FunctionPackage } from '../store/pack-function.ts';
import { FILE_CAPS } from '../store/package-files.ts';
import type { CompiledFunction } from './compile-function.ts';
import { readWhole } from './target.ts';

export interface WrittenPackage extends FunctionPackage {
  /** Absolute path of the folder, `DIR/build/NAME`: to be pinned as it is. */
  readonly path: string;
}

/**
 * Packs a compiled function with the files its `function:` names, and writes the package beside the module. The folder
 * is replaced as a whole.
 * @param dir absolute path of the function's folder
 * @throws InferbaseError for files that are not there, are no plain files, or too large
 */
export async function packageFunction(dir: string, compiled: CompiledFunction): Promise<WrittenPackage> {
  const { settings, path: modulePath } = compiled;
  const { packFunction } = await import('../store/pack-function.ts');
  const module = await readWhole(modulePath);
  const files = await readFiles(dir, settings.files);
  const packed = await packFunction({ ...settings, module, files });
  const path = join(dirname(modulePath), settings.name);
  await replaceFolder(path, packed.files);
  return { ...packed, path };
}

/**
 * Packs a compiled function, as {@link packageFunction} does, and stores the package: from there it runs as it will on
 * any node, with the permissions, limits and files that it declares.
 * @returns its CID
 */
export async function storePackage(
  store: Pick<FunctionStore, 'add'>,
  dir: string,
  compiled: CompiledFunction,
): Promise<string> {
  const packed = await packageFunction(dir, compiled);
  return (await store.add(packed.files)).cid;
}

/** No more than a node would give its guests. */
async function readFiles(dir: string, names: readonly string[]): Promise<NewFile[]> {
  const files = new Map<string, Uint8Array>();
  const root = await realpath(dir);
  let total = 0;
  const add = async (path: string, declared: string): Promise<void> => {
    const full = join(dir, path);
    const found = await stat(full).catch(() => undefined);
    if (found === undefined) {
      throw invalid(`there is no ${full}, which function.files names; correct the path, or leave it out`);
    }
    // What a link names is not part of the folder: packed, it would be published with it.
    if ((await realpath(full)) !== join(root, path)) {
      throw invalid(`${full} leads through a symbolic link; replace it by a copy`);
    }
    if (found.isDirectory()) {
      for (const entry of (await readdir(full, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (entry.isFile() || entry.isDirectory()) await add(`${path}/${entry.name}`, declared);
        else throw invalid(`${join(full, entry.name)} is neither a file nor a folder; function.files takes no other`);
      }
      return;
    }
    if (!found.isFile()) throw invalid(`${full} is neither a file nor a folder; function.files takes no other`);
    if (files.has(path)) return;
    total += found.size;
    if (total > FILE_CAPS.bytes || files.size >= FILE_CAPS.files) {
      throw new InferbaseError(
        'ERR_FUNCTION_TOO_LARGE',
        `with ${declared} the package has more than ${FILE_CAPS.files} files or ${FILE_CAPS.bytes} bytes beside the module; leave some out of function.files`,
      );
    }
    files.set(path, await readWhole(full));
  };
  for (const name of names) await add(name.replace(/^\.\//, '').replace(/\/$/, ''), name);
  return [...files].map(([path, bytes]) => ({ path, bytes }));
}

/** Left alone when it has these very files, so that nothing is rewritten without need. */
async function replaceFolder(path: string, files: readonly NewFile[]): Promise<void> {
  if (await holds(path, files)) return;
  const [fresh, old] = [`${path}.${process.pid}.new`, `${path}.${process.pid}.old`];
  try {
    await mkdir(fresh, { recursive: true });
    for (const file of files) await writeFile(join(fresh, file.path), file.bytes);
    await rename(path, old).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(fresh, path);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

async function holds(path: string, files: readonly NewFile[]): Promise<boolean> {
  const names = await readdir(path).catch(() => []);
  if (names.length !== files.length) return false;
  for (const file of files) {
    const bytes = await readFile(join(path, file.path)).catch(() => undefined);
    if (bytes === undefined || !bytes.equals(file.bytes)) return false;
  }
  return true;
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', message);
}
