import { readFile, rm } from 'node:fs/promises';
import { CID } from 'multiformats/cid';
import { verifyBlockAside } from '../../core/cid.ts';
import { decodeEntry } from '../../wasm/module-cache.ts';
import { codeOf, storeUnavailable } from '../atomic-file.ts';
import { findMissing } from '../dag-mark.ts';
import { decodeRecord, isOtherVersion } from '../function-record.ts';
import type { Layout } from '../layout.ts';
import { createLimit } from '../limit.ts';
import { decodeFiles } from '../package-files.ts';
import { readPins } from '../pins.ts';
import { type FileKind, type StoredFile, takeInventory } from './inventory.ts';

/** Files that are read and hashed at the same time; blocks are hashed beside the thread. */
const AT_ONCE = 4;

export interface BadFile {
  readonly kind: FileKind;
  readonly path: string;
  readonly problem: string;
}

export interface IncompletePin {
  readonly cid: string;
  readonly name: string;
  /** Blocks below it that are not here, or bad. */
  readonly missing: number;
}

export interface Verification {
  /** Files looked at, by kind. */
  readonly checked: Readonly<Record<FileKind, number>>;
  readonly bytes: number;
  readonly bad: readonly BadFile[];
  /** Whether the bad files were removed. */
  readonly removed: boolean;
  readonly incomplete: readonly IncompletePin[];
}

export interface VerifyInit {
  /** Removes bad files; what was prepared is made again, blocks are fetched again, when they are needed. */
  readonly remove: boolean;
  readonly signal: AbortSignal;
  /** Called with the bytes checked so far and those there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Hashes everything in the folder again: blocks against their names, prepared modules and records against the sums in
 * them; and looks whether everything below the pins is here. Changes nothing unless told to.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when the folder cannot be read
 */
export async function verifyStore(components: { layout: Layout }, init: VerifyInit): Promise<Verification> {
  const { layout } = components;
  const files = await takeInventory(layout);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const checked: Record<FileKind, number> = { block: 0, module: 0, record: 0, files: 0, old: 0, other: 0 };
  const bad: BadFile[] = [];
  let done = 0;
  const limit = createLimit(AT_ONCE);
  await Promise.all(
    files.map((file) =>
      limit(async () => {
        init.signal.throwIfAborted();
        const problem = await problemOf(file);
        checked[file.kind]++;
        done += file.size;
        init.onProgress?.(done, total);
        if (problem !== null) bad.push({ kind: file.kind, path: file.path, problem });
      }),
    ),
  );
  const spoilt = new Set(bad.map(({ path }) => path));
  if (init.remove) {
    for (const { path } of bad) {
      await rm(path, { force: true }).catch((error: unknown) => {
        throw storeUnavailable(path, error);
      });
    }
  }
  return { checked, bytes: total, bad, removed: init.remove, incomplete: await findIncomplete(layout, files, spoilt) };
}

/** What is wrong with a file, or `null`. */
async function problemOf(file: StoredFile): Promise<string | null> {
  if (file.kind === 'old') return null;
  if (file.kind === 'other') return 'is nothing that belongs here';
  let bytes: Buffer;
  try {
    bytes = await readFile(file.path);
  } catch (error) {
    // Collected meanwhile, by another process.
    if (codeOf(error) === 'ENOENT') return null;
    return `cannot be read (${codeOf(error)})`;
  }
  if (file.kind === 'block') {
    return (await verifyBlockAside(CID.parse(file.id), bytes)) ? null : 'is not the block that its name says';
  }
  if (file.kind === 'record') {
    return decodeRecord(bytes, file.id) === undefined && !isOtherVersion(bytes) ? 'is damaged' : null;
  }
  if (file.kind === 'files') return decodeFiles(bytes)?.sha256 === file.id ? null : 'is damaged';
  return decodeEntry(bytes)?.facts.sha256 === file.id ? null : 'is damaged';
}

async function findIncomplete(
  layout: Layout,
  files: readonly StoredFile[],
  spoilt: ReadonlySet<string>,
): Promise<IncompletePin[]> {
  const here = new Set(files.map(({ path }) => path).filter((path) => !spoilt.has(path)));
  const folder = {
    has: async (cid: CID) => here.has(layout.block(cid)),
    get: async (cid: CID) => {
      const path = layout.block(cid);
      // All that is here has just been hashed.
      return here.has(path) ? await readFile(path).catch(() => undefined) : undefined;
    },
  };
  const incomplete: IncompletePin[] = [];
  for (const { cid, name, linked = [] } of await readPins(layout.pins)) {
    let missing = 0;
    for (const text of [cid, ...linked]) {
      missing += (await findMissing(CID.parse(text), folder).catch(() => ({ count: 0 }))).count;
    }
    if (missing > 0) incomplete.push({ cid, name, missing });
  }
  return incomplete;
}
