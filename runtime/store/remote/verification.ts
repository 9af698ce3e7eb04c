import type { CID } from 'multiformats/cid';
import { InferbaseError } from '../../core/errors.ts';
import { walkDag } from '../dag-walk.ts';
import type { BlockSource } from '../sources/block-source.ts';
import { createSourceRace } from '../sources/source-race.ts';

/** What reading everything back came to. */
export interface Verification {
  readonly blocks: number;
  readonly bytes: number;
  /** Names of the sources that delivered, each once. */
  readonly sources: readonly string[];
}

/**
 * Reads every block below a CID from the given sources, none from here, and hashes each.
 * @throws InferbaseError `ERR_FUNCTION_NOT_FOUND`, `ERR_SOURCE_UNAVAILABLE`, `ERR_INTEGRITY` as a source race does
 */
export async function readBack(
  root: CID,
  sources: readonly BlockSource[],
  options: { sourceTimeoutMs: number; signal: AbortSignal; onBlock: (blocks: number) => void },
): Promise<Verification> {
  const race = createSourceRace({ sources }, options);
  const delivered = new Set<string>();
  let blocks = 0;
  let bytes = 0;
  const read = async (cid: CID): Promise<Uint8Array> => {
    const delivery = await race.fetch(cid, options.signal);
    delivered.add(delivery.source);
    return delivery.bytes;
  };
  for await (const block of walkDag(root, read)) {
    blocks++;
    bytes += block.bytes.length;
    options.onBlock(blocks);
  }
  return { blocks, bytes, sources: [...delivered] };
}

/**
 * Verifies what a place was given: from gateways, which are another source than both, else from the place itself.
 * @returns `null` where there is nothing to read it from
 * @throws InferbaseError `ERR_INTEGRITY` when the place itself does not give back what it was given
 */
export async function verifyElsewhere(
  root: CID,
  sources: { gateways: readonly BlockSource[]; place: BlockSource | null },
  options: { sourceTimeoutMs: number; signal: AbortSignal; onBlock: (blocks: number) => void },
): Promise<(Verification & { remark: string | null }) | null> {
  let remark: string | null = null;
  if (sources.gateways.length > 0) {
    try {
      return { ...(await readBack(root, sources.gateways, options)), remark };
    } catch (error) {
      if (!(error instanceof InferbaseError) || error.code === 'ERR_CANCELLED') throw error;
      // New blocks take a while to be found by strangers' gateways.
      remark = `not there through ${sources.gateways.map(({ name }) => name).join(', ')} yet (${error.code})`;
    }
  }
  if (sources.place === null) {
    if (remark === null) return null;
    return { blocks: 0, bytes: 0, sources: [], remark };
  }
  try {
    return { ...(await readBack(root, [sources.place], options)), remark };
  } catch (error) {
    if (!(error instanceof InferbaseError) || error.code === 'ERR_CANCELLED') throw error;
    const message = `${sources.place.name} pinned ${root} and does not give it back whole; pin it again. ${error.message}`;
    throw new InferbaseError('ERR_INTEGRITY', message, { cause: error, details: error.details });
  }
}
