import { lstat, open, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../../core/errors.ts';
import { makeFolder } from '../../core/folder.ts';
import { loadIdentity } from '../../services/identity.ts';
import { keyPath, NODES, type ProjectInit, projectFiles } from './project.ts';

export interface CreatedProject {
  /** Paths of all files, relative to the project. */
  readonly files: readonly string[];
  /** Peer ids by the node's name. */
  readonly peerIds: Readonly<Record<string, string>>;
}

/**
 * Makes a project in a folder, which may be there already as long as none of the files is. Everything is checked before
 * anything is written: a new folder appears whole; what failed halfway in an old one is taken back.
 * @param dir absolute path
 * @throws InferbaseError `ERR_INVALID_REQUEST` naming the files that are in the way
 */
export async function createProject(dir: string, init: Omit<ProjectInit, 'peerIds'>): Promise<CreatedProject> {
  const unknown = { head: '', worker: '' };
  const paths = [...projectFiles({ ...init, peerIds: unknown }).keys(), ...NODES.map(keyPath)].sort();
  const exists = await isThere(dir);
  if (exists) await checkFree(dir, paths);
  const folders = exists ? await missingFolders(dir, paths) : [];
  const target = exists ? dir : `${dir}.${process.pid}.tmp`;
  const written: string[] = [];
  try {
    const peerIds = { ...unknown };
    for (const node of NODES) {
      written.push(keyPath(node));
      // Only the folder of the key is for its owner alone.
      await makeFolder(join(target, keyPath(node), '..', '..'));
      peerIds[node] = (await loadIdentity(join(target, keyPath(node)), { create: true })).peerId;
    }
    for (const [path, text] of projectFiles({ ...init, peerIds })) await write(target, path, text, written);
    if (!exists) await rename(target, dir);
    return { files: paths, peerIds };
  } catch (error) {
    if (exists) await takeBack(dir, written, folders);
    else await rm(target, { recursive: true, force: true });
    throw explain(error, dir);
  }
}

/** Folders of these paths that are not there yet, the inner ones first. */
async function missingFolders(dir: string, paths: readonly string[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  const missing: string[] = [];
  for (const folder of folders) if (!(await isThere(join(dir, folder)))) missing.push(folder);
  return missing.sort((a, b) => b.length - a.length);
}

async function takeBack(dir: string, files: readonly string[], folders: readonly string[]): Promise<void> {
  for (const path of files) await rm(join(dir, path), { force: true });
  // One that is not empty has something of somebody else's.
  for (const folder of folders) await rmdir(join(dir, folder)).catch(() => {});
}

async function checkFree(dir: string, paths: readonly string[]): Promise<void> {
  if (!(await lstat(dir)).isDirectory()) {
    throw new InferbaseError('ERR_INVALID_REQUEST', `${dir} is a file; choose another name`);
  }
  const taken: string[] = [];
  for (const path of paths) if (await isThere(join(dir, path))) taken.push(path);
  if (taken.length === 0) return;
  const files = taken.length === 1 ? 'a file that is' : `${taken.length} files that are`;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${dir} has ${files} part of a new project, and nothing is overwritten; choose another name, or move these away`,
    { details: taken },
  );
}

/** `wx`: what came into being since the check is not overwritten either. */
async function write(dir: string, path: string, text: string, written: string[]): Promise<void> {
  const full = join(dir, path);
  await makeFolder(dirname(full));
  const file = await open(full, 'wx');
  written.push(path);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}

function explain(error: unknown, dir: string): unknown {
  if (error instanceof InferbaseError) return error;
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return new InferbaseError(
    'ERR_INVALID_REQUEST',
    `the project ${dir} cannot be written (${code}); choose a folder that can be, nothing was left behind`,
    { cause: error },
  );
}
