import type { CID } from 'multiformats/cid';
import { DAG_PB, RAW } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';

/** Most links of one block, and most entries of a directory that is not sharded. Importers make 1 024, or some thousands. */
export const MAX_LINKS = 8192;

/**
 * The CIDs that a block names, in its order; none for a raw one.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` as {@link requireNode}, and for a broken one
 */
export async function linksOf(cid: CID, bytes: Uint8Array): Promise<readonly CID[]> {
  if (cid.code === RAW) return [];
  requireNode(cid, bytes);
  const { decode } = await import('@ipld/dag-pb');
  try {
    return decode(bytes).Links.map(({ Hash }) => Hash);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InferbaseError('ERR_INVALID_ARCHIVE', `${cid} is no dag-pb block: ${why}; add the function again.`);
  }
}

/**
 * Looks whether a block may be decoded as dag-pb. Reading the 45 000 links that fit into two mebibytes takes half a second,
 * and a stranger may ask for that on the thread that serves everybody.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` for a block of another kind than raw and dag-pb, or more than {@link MAX_LINKS}
 */
export function requireNode(cid: CID, bytes: Uint8Array): void {
  if (cid.code !== DAG_PB) {
    throw new InferbaseError(
      'ERR_INVALID_ARCHIVE',
      `${cid} has codec 0x${cid.code.toString(16)}; a function consists of raw and dag-pb blocks.`,
    );
  }
  const links = countLinks(bytes);
  if (links <= MAX_LINKS) return;
  throw new InferbaseError(
    'ERR_INVALID_ARCHIVE',
    `${cid} has ${links} links, more than the ${MAX_LINKS} allowed; add it again in smaller parts.`,
  );
}

/** Protobuf: the tag of `Links` in a dag-pb node, field 2 with a length (https://ipld.io/specs/codecs/dag-pb/spec/). */
const LINK_TAG = 0x12;

/** How many links a dag-pb block begins to name; of one that is broken, those before the break. */
function countLinks(bytes: Uint8Array): number {
  let links = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.POSITIVE_INFINITY;
  };
  while (at < bytes.length) {
    if (varint() === LINK_TAG) links++;
    const length = varint();
    at += length;
  }
  return links;
}
