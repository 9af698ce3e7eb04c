import type { UnixFSFile } from 'ipfs-unixfs-exporter';
import type { CID } from 'multiformats/cid';
import { DAG_PB, RAW } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { BlockReader } from './block-reader.ts';
import { MAX_LINKS } from './dag-links.ts';

const MAX_DEPTH = 32;
/** Blocks of one file that are fetched at the same time. */
const FETCH_AHEAD = 8;

export interface UnixfsCaps {
  /** Bytes of content a file may have. */
  readonly bytes: number;
  /** Nodes that may be visited for one file, repetitions included. */
  readonly visits: number;
}

export interface UnixfsReader {
  /** @throws InferbaseError `ERR_INVALID_ARCHIVE` when it is neither */
  kindOf(cid: CID): Promise<'file' | 'directory'>;
  /** Names in a directory, HAMT-sharded ones included, in the order of the DAG. */
  entries(cid: CID): Promise<ReadonlyMap<string, CID>>;
  /** Bytes a file says it has; reads its first block only. */
  size(cid: CID): Promise<number>;
  /** @throws InferbaseError `ERR_FUNCTION_TOO_LARGE` past `maxBytes` or the caps, before they are allocated */
  content(cid: CID, maxBytes?: number): Promise<Uint8Array>;
}

/** What is below a node of a file. */
interface Tree {
  /** In bytes. */
  readonly length: number;
  /** Nodes, each as often as it is named. */
  readonly visits: number;
  readonly height: number;
}

interface Walk {
  /** By CID, those under way included. */
  readonly known: Map<string, Promise<Tree>>;
  readonly maxBytes: number;
}

/**
 * Reads UnixFS (https://specs.ipfs.tech/unixfs/) over verified blocks. A file's DAG is walked and checked first, so
 * that the library then reads a tree that is known to be sound and bounded.
 */
export function createUnixfsReader(reader: Pick<BlockReader, 'read'>, caps: UnixfsCaps): UnixfsReader {
  const store = {
    async *get(cid: CID): AsyncGenerator<Uint8Array> {
      yield await reader.read(cid);
    },
  };

  /** Reads one node; the library parses both of its protobuf layers. */
  async function node(cid: CID) {
    if (cid.code !== DAG_PB) throw unsound(cid, `has codec 0x${cid.code.toString(16)}`);
    const { exporter } = await import('ipfs-unixfs-exporter');
    return await parsing(cid, exporter(cid, store));
  }

  async function fileNode(cid: CID): Promise<UnixFSFile> {
    const entry = await node(cid);
    if (entry.type !== 'file' || (entry.unixfs.type !== 'file' && entry.unixfs.type !== 'raw')) {
      throw unsound(cid, 'is a directory or a link where a file is wanted');
    }
    return entry;
  }

  /** What is below a node, after checking that every part is as long as its parent says. */
  function walk(cid: CID, depth: number, asked: Walk): Promise<Tree> {
    const key = cid.toString();
    const known = asked.known.get(key);
    if (known !== undefined) return known;
    // A block that is named again and again is looked at once, and counted as often as it is named.
    const tree = look(cid, depth, asked).then((found) => checked(cid, found, asked.maxBytes));
    asked.known.set(key, tree);
    return tree;
  }

  async function look(cid: CID, depth: number, asked: Walk): Promise<Tree> {
    if (asked.known.size > caps.visits || depth > MAX_DEPTH) throw tooWide(cid);
    if (cid.code === RAW) return { length: (await reader.read(cid)).length, visits: 1, height: 1 };
    const { unixfs, node: dag } = await fileNode(cid);
    if (dag.Links.length > MAX_LINKS) throw tooLarge(`${cid} has ${dag.Links.length} links, more than ${MAX_LINKS}`);
    if (dag.Links.length !== unixfs.blockSizes.length) throw unsound(cid, 'has another number of links than of sizes');
    let length = unixfs.data?.length ?? 0;
    let visits = 1;
    let height = 1;
    for (let at = 0; at < dag.Links.length; at += FETCH_AHEAD) {
      const group = dag.Links.slice(at, at + FETCH_AHEAD);
      const parts = await Promise.all(group.map((link) => walk(link.Hash, depth + 1, asked)));
      for (const [index, part] of parts.entries()) {
        if (BigInt(part.length) !== unixfs.blockSizes[at + index])
          throw unsound(cid, 'has a part of another size than it says');
        length += part.length;
        visits += part.visits;
        height = Math.max(height, part.height + 1);
      }
    }
    return { length, visits, height };
  }

  function checked(cid: CID, tree: Tree, maxBytes: number): Tree {
    if (tree.visits > caps.visits || tree.height > MAX_DEPTH + 1) throw tooWide(cid);
    if (tree.length > maxBytes) throw tooLarge('A file of the function is larger than is allowed');
    return tree;
  }

  async function library() {
    const { unixfs } = await import('@helia/unixfs');
    return unixfs({ blockstore: { ...store, put: async (cid) => cid, has: async () => true } });
  }

  return {
    async kindOf(cid) {
      if (cid.code === RAW) return 'file';
      if ((await node(cid)).type === 'directory') return 'directory';
      await fileNode(cid);
      return 'file';
    },

    async entries(cid) {
      const directory = await node(cid);
      if (directory.type !== 'directory') throw unsound(cid, 'is a file where a directory is wanted');
      const names = new Map<string, CID>();
      const list = async (): Promise<void> => {
        for await (const entry of (await library()).ls(cid)) {
          if (names.size >= MAX_LINKS) throw tooLarge(`Directory ${cid} has more than ${MAX_LINKS} entries`);
          // Which of two would run is for no library to decide.
          if (names.has(entry.name)) throw unsound(cid, `has ${JSON.stringify(entry.name)} twice`);
          names.set(entry.name, entry.cid);
        }
      };
      await parsing(cid, list());
      return names;
    },

    async size(cid) {
      if (cid.code === RAW) return (await reader.read(cid)).length;
      return Number((await fileNode(cid)).unixfs.fileSize());
    },

    async content(cid, maxBytes = caps.bytes) {
      if (cid.code === RAW) {
        const block = await reader.read(cid);
        checked(cid, { length: block.length, visits: 1, height: 1 }, maxBytes);
        return block;
      }
      const { length } = await walk(cid, 0, { known: new Map(), maxBytes });
      const bytes = new Uint8Array(length);
      let at = 0;
      const copy = async (): Promise<void> => {
        for await (const chunk of (await library()).cat(cid)) {
          bytes.set(chunk, at);
          at += chunk.length;
        }
      };
      await parsing(cid, copy());
      return bytes;
    },
  };
}

function tooWide(cid: CID): InferbaseError {
  return tooLarge(`${cid} is deeper or wider than is allowed`);
}

/** Errors of ours pass; what the library throws means that the DAG is not what it should be. */
async function parsing<T>(cid: CID, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof InferbaseError) throw error;
    throw unsound(cid, `is not UnixFS: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unsound(cid: CID, problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_ARCHIVE', `${cid} ${problem}; add the function again.`);
}

function tooLarge(problem: string): InferbaseError {
  return new InferbaseError('ERR_FUNCTION_TOO_LARGE', `${problem}; make the function smaller.`);
}
