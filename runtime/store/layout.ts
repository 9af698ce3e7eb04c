import { join } from 'node:path';
import { base32upper } from 'multiformats/bases/base32';
import type { CID } from 'multiformats/cid';

/** Where things lie in the data folder. */
export interface Layout {
  readonly dataDir: string;
  readonly blocks: string;
  readonly modules: string;
  readonly tmp: string;
  readonly pins: string;
  /** A block's file, as `blockstore-fs` 4 names it by default, so that Helia can share the folder. */
  block(cid: CID): string;
  /** @param entry file name of a rewritten module, from `entryName` */
  module(entry: string): string;
  /** @param key of `parseCid` */
  record(key: string): string;
  /** The files of a package, packed. @param sha256 of them, lower-case hex */
  files(sha256: string): string;
}

/** @param dataDir absolute */
export function createLayout(dataDir: string): Layout {
  const blocks = join(dataDir, 'blocks');
  const modules = join(dataDir, 'modules');
  return {
    dataDir,
    blocks,
    modules,
    tmp: join(dataDir, 'tmp'),
    pins: join(dataDir, 'pins.json'),
    block(cid) {
      // blockstore-fs: multibase text of the multihash, in a folder named by its last two characters.
      const text = base32upper.encode(cid.multihash.bytes);
      return join(blocks, text.slice(-2), `${text}.data`);
    },
    module: (entry) => join(modules, entry),
    record: (key) => join(modules, `${key}.json`),
    files: (sha256) => join(modules, `${sha256}.files`),
  };
}
