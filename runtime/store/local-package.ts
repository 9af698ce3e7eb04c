import type { CID } from 'multiformats/cid';
import { InferbaseError } from '../core/errors.ts';
import { addFiles, type NewFile } from './add.ts';
import { openPackage, type Package } from './package.ts';
import { createUnixfsReader } from './unixfs.ts';

const MAX_BLOCKS = 65_536;

/**
 * Opens files as the package they would be under their CID, in memory: nothing is stored.
 * @param files as for `addFiles`
 * @param maxBytes of all of them, and of what an archive unpacks to
 * @throws InferbaseError for a manifest or an archive that is not right
 */
export async function openLocalPackage(
  files: readonly NewFile[],
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<{ cid: string; opened: Package }> {
  const blocks = new Map<string, Uint8Array>();
  const put = async (cid: CID, bytes: Uint8Array): Promise<void> => void blocks.set(cid.toString(), bytes);
  const { cid } = await addFiles(files, put, maxBytes);
  const read = async (wanted: CID): Promise<Uint8Array> => {
    const block = blocks.get(wanted.toString());
    if (block !== undefined) return block;
    throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', `${wanted} is in another DAG; store it and inspect its CID.`);
  };
  const unixfs = createUnixfsReader({ read }, { bytes: maxBytes, visits: MAX_BLOCKS });
  return { cid: cid.toString(), opened: await openPackage({ unixfs }, { cid, maxBytes, signal }) };
}
