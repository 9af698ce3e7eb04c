import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { makeFolder } from '../core/folder.ts';
import { type AtomicFiles, createAtomicFiles, storeUnavailable, sweepLeftovers } from './atomic-file.ts';
import { type BlockFolder, createBlockFolder } from './block-folder.ts';
import { createLayout, type Layout } from './layout.ts';
import { createOwner, type Owner, releaseOwner } from './owner.ts';
import { createPins, type Pins } from './pins.ts';

/** The data folder, open: what is in it, without any thread or network. */
export interface StoreFolder {
  readonly layout: Layout;
  readonly owner: Owner;
  readonly files: AtomicFiles;
  readonly blocks: BlockFolder;
  readonly pins: Pins;
  /** From now on its temporary files and locks are leftovers. */
  close(): void;
}

/** What is in a data folder, for who only looks: nothing is made or removed, and it need not be writable. */
export interface StoreReader {
  readonly layout: Layout;
  readonly blocks: Pick<BlockFolder, 'get' | 'has'>;
}

export interface StoreFolderInit {
  readonly dataDir: string;
  readonly log: (line: string, fields?: object) => void;
  /** For tests: called at each step of a write. */
  readonly onStep?: ((step: string) => void) | undefined;
}

/**
 * Opens a data folder, making it if need be, and removes what dead processes left there.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when the folder cannot be written
 */
export async function openStoreFolder(init: StoreFolderInit): Promise<StoreFolder> {
  const layout = createLayout(resolve(init.dataDir));
  for (const path of [layout.dataDir, layout.blocks, layout.modules, layout.tmp]) {
    try {
      await makeFolder(path);
      await access(path, constants.W_OK);
    } catch (error) {
      throw storeUnavailable(path, error);
    }
  }
  const owner = createOwner();
  await sweepLeftovers(layout.tmp, owner).catch((error: unknown) => {
    throw storeUnavailable(layout.tmp, error);
  });
  const files = createAtomicFiles({ tmpDir: layout.tmp, owner, onStep: init.onStep ?? (() => {}) });
  return {
    layout,
    owner,
    files,
    blocks: createBlockFolder({ files, layout }, { log: init.log }),
    pins: createPins({ files }, { path: layout.pins, owner }),
    close: () => releaseOwner(owner),
  };
}

/** Opens a data folder for reading; where there is none it is empty. */
export function openStoreReader(init: Pick<StoreFolderInit, 'dataDir' | 'log'>): StoreReader {
  const layout = createLayout(resolve(init.dataDir));
  const files: AtomicFiles = {
    write: async (path) => {
      throw storeUnavailable(path, new Error('it was opened for reading'));
    },
  };
  return { layout, blocks: createBlockFolder({ files, layout }, { log: init.log, deletesBad: false }) };
}
