import type { CID } from 'multiformats/cid';
import { identityBlock, RAW } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import { linksOf } from './dag-links.ts';

/** Deeper than any tree of files; each level is held in memory. */
const MAX_DEPTH = 128;

/** A verified block. */
export interface Block {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

/**
 * All blocks below a CID, itself first: depth first, in the order of the links, each once; identity CIDs carry
 * themselves and are left out. That is `order=dfs; dups=n` of trustless gateways.
 * @param read a verified block; what it throws ends the walk
 * @param options.follow which links of a block to follow; default all
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` for a block that is no raw or dag-pb one, or a tree that is too deep
 */
export async function* walkDag(
  root: CID,
  read: (cid: CID) => Promise<Uint8Array>,
  options: {
    /** Multihashes that were seen already, by {@link blockKey}; grows. */
    readonly seen?: Set<string>;
    readonly links?: (block: Block) => Promise<readonly CID[]>;
  } = {},
): AsyncGenerator<Block, void, void> {
  const seen = options.seen ?? new Set<string>();
  const links = options.links ?? (({ cid, bytes }) => linksOf(cid, bytes));
  const stack: (readonly CID[])[] = [[root]];
  const at: number[] = [0];
  while (stack.length > 0) {
    const level = stack.length - 1;
    const cid = stack[level]?.[at[level] ?? 0];
    if (cid === undefined) {
      stack.pop();
      at.pop();
      continue;
    }
    at[level] = (at[level] ?? 0) + 1;
    const key = blockKey(cid);
    if (seen.has(key)) continue;
    seen.add(key);
    const carried = identityBlock(cid);
    const bytes = carried ?? (await read(cid));
    if (carried === undefined) yield { cid, bytes };
    if (cid.code === RAW) continue;
    if (stack.length >= MAX_DEPTH) {
      throw new InferbaseError('ERR_INVALID_ARCHIVE', `The DAG of ${root} is deeper than ${MAX_DEPTH} blocks.`);
    }
    stack.push(await links({ cid, bytes }));
    at.push(0);
  }
}

/** The same text for CIDs that name the same bytes in the same format, whatever their version. */
export function blockKey(cid: CID): string {
  return `${cid.code}:${Buffer.from(cid.multihash.bytes).toString('base64')}`;
}
