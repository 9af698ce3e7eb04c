import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedSettings } from '../config/load.ts';
import { InferbaseError } from '../core/errors.ts';

/** One of these is in every data folder: of a store, or of a node that has only its key yet. */
const PARTS = ['blocks', 'keys'];

/**
 * Sees to it that the data folder is there, for a command that makes none.
 * @throws InferbaseError ERR_STORE_UNAVAILABLE saying what is there instead
 */
export async function requireDataFolder({ settings: { dataDir }, origin }: LoadedSettings): Promise<void> {
  const problem = await whyNoDataFolder(dataDir);
  if (problem === undefined) return;
  const from = origin('dataDir');
  const remedy =
    from === 'default'
      ? 'go to the folder of a node or project that has one, or name it with --data-dir'
      : `check ${from}; what serve, run or pin work with is made by them`;
  throw new InferbaseError('ERR_STORE_UNAVAILABLE', `${problem}; ${remedy}`);
}

/** What is wrong with a path as that of a data folder that is there; `undefined` where it is one. */
export async function whyNoDataFolder(dataDir: string): Promise<string | undefined> {
  const codes: string[] = [];
  for (const part of PARTS) {
    const found = await stat(join(dataDir, part)).catch((error: NodeJS.ErrnoException) => error);
    if ('isDirectory' in found) return undefined;
    codes.push(found.code ?? '');
  }
  if (codes.includes('EACCES')) return `the data folder ${dataDir} cannot be read (EACCES)`;
  const isFolder = await stat(dataDir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder
    ? `${dataDir} is no data folder: neither ${PARTS.join('/ nor ')}/ is in it`
    : `there is no data folder ${dataDir}`;
}
