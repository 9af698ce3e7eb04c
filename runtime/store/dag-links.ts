import type { CID } from 'multiformats/cid';
import { DAG_PB, RAW } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';

/**
 * The CIDs that a block names, in its order; none for a raw one.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` for a block of another kind than raw and dag-pb, or a broken one
 */
export async function linksOf(cid: CID, bytes: Uint8Array): Promise<readonly CID[]> {
  if (cid.code === RAW) return [];
  if (cid.code !== DAG_PB) {
    throw new InferbaseError(
      'ERR_INVALID_ARCHIVE',
      `${cid} has codec 0x${cid.code.toString(16)}; a function consists of raw and dag-pb blocks.`,
    );
  }
  const { decode } = await import('@ipld/dag-pb');
  try {
    return decode(bytes).Links.map(({ Hash }) => Hash);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InferbaseError('ERR_INVALID_ARCHIVE', `${cid} is no dag-pb block: ${why}; add the function again.`);
  }
}
