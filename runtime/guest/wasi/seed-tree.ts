import type { SeedFile } from '../../core/execution.ts';

/** A directory of files that are there from the start: by name, the bytes of a file or another directory. */
export interface SeedDirectory extends ReadonlyMap<string, SeedDirectory | Uint8Array> {}

type Directory = Map<string, Directory | Uint8Array>;

const trees = new WeakMap<readonly SeedFile[], SeedDirectory>();

/**
 * Seed files as a tree, built once for each array of them: executions share it, and each makes inodes of its own only for
 * what it looks at.
 * @throws TypeError for a path with `..` or a name that is a file already
 */
export function seedTree(files: readonly SeedFile[]): SeedDirectory {
  const known = trees.get(files);
  if (known !== undefined) return known;
  const root: Directory = new Map();
  for (const { path, bytes } of files) {
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    const file = path.endsWith('/') ? undefined : names.pop();
    let at = root;
    for (const name of names) {
      const next = at.get(name) ?? new Map();
      if (next instanceof Uint8Array || name === '..') throw new TypeError(`seed file ${path} has no place`);
      at.set(name, next);
      at = next;
    }
    if (file === undefined) continue;
    if (file === '..' || at.has(file)) throw new TypeError(`seed file ${path} has no place`);
    at.set(file, bytes);
  }
  trees.set(files, root);
  return root;
}
