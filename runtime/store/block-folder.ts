import { open, rm, stat, utimes } from 'node:fs/promises';
import type { CID } from 'multiformats/cid';
import { identityBlock, verifyBlockAside } from '../core/cid.ts';
import { type AtomicFiles, codeOf, storeUnavailable } from './atomic-file.ts';
import type { Layout } from './layout.ts';

/**
 * What was written or read within this time is not collected, in ms: whoever fetches or adds a function is done with it,
 * or has pinned it, well before. Only times of files tell other processes what is in use.
 */
export const FRESH_MS = 2 * 60 * 1000;
/** A file this old is made fresh again when it is read. */
const STALE_MS = FRESH_MS / 2;

export interface BlockFolder {
  /**
   * The block, hashed against its CID, or `undefined`. A file that is not what its name says is deleted. What is read
   * counts as in use from then on.
   */
  get(cid: CID): Promise<Uint8Array | undefined>;
  /** Whether there is a file for it; nothing is read. */
  has(cid: CID): Promise<boolean>;
  /** Stores a block that was verified by the caller; nothing is written when it is there already. */
  put(cid: CID, bytes: Uint8Array): Promise<void>;
}

/** The one folder of blocks, shared by several processes and by Helia. */
export function createBlockFolder(
  components: { files: AtomicFiles; layout: Layout },
  init: {
    log: (line: string, fields?: object) => void;
    /** Default true; where false, a file that is not what its name says is left alone. */
    deletesBad?: boolean;
  },
): BlockFolder {
  const { files, layout } = components;

  async function read(path: string): Promise<Uint8Array | undefined> {
    try {
      await using file = await open(path, 'r');
      const bytes = await file.readFile();
      const { mtimeMs } = await file.stat();
      if (Date.now() - mtimeMs > STALE_MS) await touch(path);
      return bytes;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw storeUnavailable(path, error);
    }
  }

  async function get(cid: CID): Promise<Uint8Array | undefined> {
    const carried = identityBlock(cid);
    if (carried !== undefined) return carried;
    const path = layout.block(cid);
    const bytes = await read(path);
    if (bytes === undefined || (await verifyBlockAside(cid, bytes))) return bytes;
    if (init.deletesBad === false) return undefined;
    init.log('a block on disk is corrupt and was deleted', { cid: cid.toString(), path });
    await rm(path, { force: true }).catch((error: unknown) => {
      throw storeUnavailable(path, error);
    });
    return undefined;
  }

  return {
    get,
    async has(cid) {
      if (identityBlock(cid) !== undefined) return true;
      return await stat(layout.block(cid)).then(
        (found) => found.isFile(),
        () => false,
      );
    },
    async put(cid, bytes) {
      if ((await get(cid)) === undefined) await files.write(layout.block(cid), bytes, 'block');
    },
  };
}

/** Makes a file fresh; a folder that only others may write to keeps its times. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
