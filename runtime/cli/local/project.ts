import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../../core/errors.ts';
import { findFunctions } from '../build.ts';

/** What `run` works with in a folder. */
export interface LocalProject {
  /** Absolute path of the folder. */
  readonly root: string;
  /** Absolute path of its one function's folder. */
  readonly functionFolder: string;
  /** Absolute path of its model server, if it has one that Node runs. */
  readonly modelScript: string | undefined;
}

const MODEL_SCRIPTS = ['server.mjs', 'server.js', 'server.ts'];

/**
 * Looks at the folder of a project.
 * @throws InferbaseError `ERR_INVALID_REQUEST` where there is no function, or several
 */
export async function findLocalProject(root: string): Promise<LocalProject> {
  if (process.platform === 'win32') {
    throw new InferbaseError('ERR_INVALID_REQUEST', 'processes in the background need Linux or macOS; use serve here');
  }
  const [functionFolder, ...others] = await findFunctions(root);
  if (functionFolder === undefined || others.length > 0) {
    const names = [functionFolder ?? '', ...others].map((folder) => basename(folder)).join(', ');
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `${root} has several functions; change into the folder of one of them: ${names}`,
    );
  }
  return { root, functionFolder, modelScript: await findModelScript(root) };
}

async function findModelScript(root: string): Promise<string | undefined> {
  for (const name of MODEL_SCRIPTS) {
    const path = join(root, 'model-server', name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}
