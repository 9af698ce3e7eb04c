import type { UnixFSEntry } from 'ipfs-unixfs-exporter';
import type { CID } from 'multiformats/cid';
import { DAG_PB, RAW } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { ByteSpan, CarRequest, LocalBlocks } from '../core/local-blocks.ts';
import type { BlockFolder } from './block-folder.ts';
import { writeCar } from './car/write-car.ts';
import { linksOf, requireNode } from './dag-links.ts';
import { type Block, blockKey, walkDag } from './dag-walk.ts';

/** Blocks of one sharded directory that are looked through for a name. */
const MAX_SHARDS = 4096;

type Read = (cid: CID) => Promise<Uint8Array>;

/** Blocks that are served, and which of them at the moment. */
export interface ServedBlocks extends LocalBlocks {
  /** CIDs of answers that are being read. */
  served(): readonly string[];
}

/** Answers of a trustless gateway out of the folder. */
export function createLocalBlocks(components: { folder: Pick<BlockFolder, 'get'> }): ServedBlocks {
  const { folder } = components;
  /** Roots of answers that are being read, one for each. */
  const served: string[] = [];

  async function* counted(root: CID, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const text = root.toString();
    served.push(text);
    try {
      yield* chunks;
    } finally {
      served.splice(served.indexOf(text), 1);
    }
  }

  return {
    block: (cid) => folder.get(cid),

    async car({ cid, path, scope, span }, signal) {
      const read: Read = async (wanted) => {
        signal.throwIfAborted();
        const bytes = await folder.get(wanted);
        if (bytes === undefined) throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', `Block ${wanted} is not here.`);
        return bytes;
      };
      const way: Block[] = [];
      let end: CID | undefined = cid;
      for (const name of path) {
        end = end === undefined ? undefined : await follow(end, name, { read, way });
      }
      if (end === undefined || (await folder.get(end)) === undefined) return undefined;
      return counted(end, writeCar([cid], answer(end, { way, scope, span, read })));
    },

    served: () => [...served],
  };
}

interface Answer extends Pick<CarRequest, 'scope' | 'span'> {
  readonly way: readonly Block[];
  readonly read: Read;
}

async function* answer(end: CID, { way, scope, span, read }: Answer): AsyncGenerator<Block, void, void> {
  const seen = new Set<string>();
  for (const block of way) {
    const key = blockKey(block.cid);
    if (!seen.has(key)) yield block;
    seen.add(key);
  }
  const none = async (): Promise<readonly CID[]> => [];
  const entity = async (block: Block): Promise<readonly CID[]> =>
    entityLinks(block, { span, read, isTop: block.cid.equals(end) });
  yield* walkDag(end, read, { seen, ...(scope === 'all' ? {} : { links: scope === 'block' ? none : entity }) });
}

/** What belongs to the same thing as a block: the parts of a file within the span, the shards of a directory. */
async function entityLinks(
  block: Block,
  { span, read, isTop }: { span: ByteSpan | null; read: Read; isTop: boolean },
): Promise<readonly CID[]> {
  if (block.cid.code === RAW) return [];
  const entry = await unixfsNode(block);
  if (entry === undefined) return [];
  const { unixfs, node } = entry;
  if (unixfs.type === 'hamt-sharded-directory') {
    const length = prefixLength(unixfs.fanout);
    return node.Links.filter(({ Name }) => Name?.length === length).map(({ Hash }) => Hash);
  }
  if (unixfs.type !== 'file' && unixfs.type !== 'raw') return [];
  if (span === null) return node.Links.map(({ Hash }) => Hash);
  // All parts are known from the top: where a part of a part begins cannot be told from itself.
  return isTop ? await partsWithin(block, span, read) : [];
}

/** The blocks below a file that hold bytes of a span, depth first; a flat list, since offsets are known from the top. */
async function partsWithin(root: Block, span: ByteSpan, read: Read): Promise<readonly CID[]> {
  const top = await unixfsNode(root);
  if (top === undefined) return [];
  const size = Number(top.unixfs.fileSize());
  const from = span.from < 0 ? Math.max(0, size + span.from) : span.from;
  const to = span.to === null ? size - 1 : span.to < 0 ? size + span.to : span.to;
  const found: CID[] = [];
  const visit = async (block: Block, start: number): Promise<void> => {
    const entry = block === root ? top : await unixfsNode(block);
    if (entry === undefined) return;
    let at = start + (entry.unixfs.data?.length ?? 0);
    for (const [index, { Hash }] of entry.node.Links.entries()) {
      const length = Number(entry.unixfs.blockSizes[index] ?? 0n);
      const wanted = at <= to && at + length > from;
      if (wanted) found.push(Hash);
      if (wanted && Hash.code === DAG_PB && found.length < MAX_SHARDS) {
        await visit({ cid: Hash, bytes: await read(Hash) }, at);
      }
      at += length;
    }
  };
  await visit(root, 0);
  return found;
}

/** The CID that a name in a directory stands for; the blocks that were needed to find it are added to the way. */
async function follow(cid: CID, name: string, to: { read: Read; way: Block[] }): Promise<CID | undefined> {
  if (cid.code !== DAG_PB) return undefined;
  let left = MAX_SHARDS;
  const search = async (at: CID): Promise<CID | undefined> => {
    if (--left < 0) return undefined;
    const block = { cid: at, bytes: await to.read(at) };
    const entry = await unixfsNode(block);
    if (entry === undefined) return undefined;
    const { unixfs, node } = entry;
    to.way.push(block);
    if (unixfs.type === 'directory') return node.Links.find(({ Name }) => Name === name)?.Hash;
    if (unixfs.type === 'hamt-sharded-directory') {
      const length = prefixLength(unixfs.fanout);
      for (const { Name = '', Hash } of node.Links) {
        if (Name.length > length && Name.slice(length) === name) return Hash;
        const below = Name.length === length ? await search(Hash) : undefined;
        if (below !== undefined) return below;
      }
    }
    // Not in here: its block proves nothing.
    to.way.pop();
    return undefined;
  };
  try {
    return await search(cid);
  } catch (error) {
    // A block on the way is not here.
    if (error instanceof InferbaseError && error.code === 'ERR_FUNCTION_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Hex digits in front of the names in a sharded directory. */
function prefixLength(fanout: bigint | undefined): number {
  return (Number(fanout ?? 256n) - 1).toString(16).length;
}

type UnixfsNode = Extract<UnixFSEntry, { node: { Links: unknown } }>;

/** A dag-pb block read as UnixFS; `undefined` when it is something else. */
async function unixfsNode({ cid, bytes }: Block): Promise<UnixfsNode | undefined> {
  if (cid.code !== RAW) requireNode(cid, bytes);
  const { exporter } = await import('ipfs-unixfs-exporter');
  const store = {
    async *get(): AsyncGenerator<Uint8Array> {
      yield bytes;
    },
  };
  try {
    const entry = await exporter(cid, store);
    return 'unixfs' in entry ? (entry as UnixfsNode) : undefined;
  } catch {
    // Says what is wrong with one that is not even dag-pb.
    await linksOf(cid, bytes);
    return undefined;
  }
}
