import { readFile, rm } from 'node:fs/promises';
import type { CID } from 'multiformats/cid';
import { verifyBlock } from '../core/cid.ts';
import { type AtomicFiles, codeOf, storeUnavailable } from './atomic-file.ts';
import type { Layout } from './layout.ts';

export interface BlockFolder {
  /** The block, hashed against its CID, or `undefined`. A file that is not what its name says is deleted. */
  get(cid: CID): Promise<Uint8Array | undefined>;
  /** Stores a block that was verified by the caller; nothing is written when it is there already. */
  put(cid: CID, bytes: Uint8Array): Promise<void>;
}

/** The one folder of blocks, shared by several processes and by Helia. */
export function createBlockFolder(
  components: { files: AtomicFiles; layout: Layout },
  init: { log: (line: string, fields?: object) => void },
): BlockFolder {
  const { files, layout } = components;

  async function get(cid: CID): Promise<Uint8Array | undefined> {
    const path = layout.block(cid);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw storeUnavailable(path, error);
    }
    if (verifyBlock(cid, bytes)) return bytes;
    init.log('a block on disk is corrupt and was deleted', { cid: cid.toString(), path });
    await rm(path, { force: true }).catch((error: unknown) => {
      throw storeUnavailable(path, error);
    });
    return undefined;
  }

  return {
    get,
    async put(cid, bytes) {
      if ((await get(cid)) === undefined) await files.write(layout.block(cid), bytes, 'block');
    },
  };
}
