import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { isThere } from '../../core/folder.ts';
import { LOCAL_ROLES, logPath, nodesFolder, roleFolder } from './role.ts';

/** Where a command about the processes of a project is to look. */
export interface FoundRoot {
  /** Absolute path of the project, else of the folder that was asked about. */
  readonly root: string;
  /** ` in PATH`, for a sentence that ends with it; says that folders above were looked at where there is no project. */
  readonly where: string;
}

/**
 * Finds the project that a folder lies in: itself, or the nearest above where `init` or `run` left something of a node.
 * @param from absolute path
 */
export async function findRoot(from: string): Promise<FoundRoot> {
  if (await hasNodes(from)) return { root: from, where: ` in ${from}` };
  for (let at = dirname(from), below = from; at !== below; below = at, at = dirname(at)) {
    if ((await hasNodes(at)) && (await isOwn(at))) return { root: at, where: ` in ${at}` };
  }
  return { root: from, where: ` in ${from}, nor in a folder above it` };
}

async function hasNodes(folder: string): Promise<boolean> {
  for (const role of LOCAL_ROLES) {
    const own = roleFolder(folder, role);
    for (const path of [join(own, '.inferbase'), join(own, 'process.json'), logPath(folder, role)]) {
      if (await isThere(path)) return true;
    }
  }
  return false;
}

/** Records of somebody else, in `/tmp` say, would tell us whom to signal. */
async function isOwn(folder: string): Promise<boolean> {
  const { uid } = await stat(nodesFolder(folder));
  return uid === process.getuid?.();
}
