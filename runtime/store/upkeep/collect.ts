import { rm, stat } from 'node:fs/promises';
import type { CID } from 'multiformats/cid';
import { DAG_PB, digestHex, parseCid } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import { entryName } from '../../wasm/module-cache.ts';
import { storeUnavailable } from '../atomic-file.ts';
import { type BlockFolder, FRESH_MS } from '../block-folder.ts';
import { markDag } from '../dag-mark.ts';
import { readRecord } from '../function-record.ts';
import type { Layout } from '../layout.ts';
import { withLock } from '../lock.ts';
import type { Owner } from '../owner.ts';
import { type Pin, readPins } from '../pins.ts';
import { type StoredFile, takeInventory } from './inventory.ts';

export interface CollectInit {
  /** Nothing is removed up to this size of blocks and prepared modules, in bytes; past it, down to nine tenths of it. */
  readonly maxBytes: number;
  /** CIDs in use, kept as if they were pinned. */
  readonly inUse: readonly string[];
  /** CIDs that are likely to be asked for again: removed after all others. */
  readonly recent?: readonly string[];
  /** What was written or read within this time stays, in ms. */
  readonly freshMs?: number;
  readonly signal: AbortSignal;
}

export interface Collected {
  /** Bytes of blocks and prepared modules before and after. */
  readonly before: number;
  readonly after: number;
  readonly removedFiles: number;
  readonly removedBytes: number;
  /** Not pinned, but too fresh to tell whether somebody is at it. */
  readonly freshFiles: number;
}

/** How far below the limit a collection goes, so that the next one is not due at once. */
const LOW_MARK = 0.9;

/**
 * Removes what is neither pinned nor in use, oldest use first, until the folder is below its limit. Other processes may
 * work in the same folder: what they wrote or read lately stays, and nobody pins while files are removed.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when the folder cannot be read or the pins cannot be locked
 */
export async function collect(
  components: { layout: Layout; folder: BlockFolder; owner: Owner },
  init: CollectInit,
): Promise<Collected> {
  const { layout, folder, owner } = components;
  const files = await takeInventory(layout);
  const before = files.reduce((sum, file) => sum + file.size, 0);
  const nothing = { before, after: before, removedFiles: 0, removedBytes: 0, freshFiles: 0 };
  if (before <= init.maxBytes) return nothing;

  const keep = createKeep({ layout, folder });
  for (const cid of init.inUse) await keep.add(cid);
  for (const pin of await readPins(layout.pins)) await keep.addPin(pin);
  const later = createKeep({ layout, folder });
  for (const cid of init.recent ?? []) await later.add(cid);

  // Pinning takes the same lock: what is pinned by now is seen below, what is pinned later finds what is gone missing.
  return await withLock(`${layout.pins}.lock`, owner, async () => {
    for (const pin of await readPins(layout.pins)) await keep.addPin(pin);
    const goal = init.maxBytes * LOW_MARK;
    const freshSince = Date.now() - (init.freshMs ?? FRESH_MS);
    const turn = (file: StoredFile): number => (later.has(file) ? 1 : 0);
    const candidates = files
      .filter((file) => !keep.has(file))
      .sort((a, b) => turn(a) - turn(b) || a.mtimeMs - b.mtimeMs);
    let after = before;
    let removedFiles = 0;
    let freshFiles = 0;
    for (const { path, size } of candidates) {
      init.signal.throwIfAborted();
      if (after <= goal) break;
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && found.mtimeMs > freshSince) {
        freshFiles++;
        continue;
      }
      await rm(path, { force: true }).catch((error: unknown) => {
        throw storeUnavailable(path, error);
      });
      removedFiles++;
      after -= size;
    }
    return { before, after, removedFiles, removedBytes: before - after, freshFiles };
  });
}

interface Keep {
  add(cid: string): Promise<void>;
  addPin(pin: Pin): Promise<void>;
  has(file: StoredFile): boolean;
}

/** What stays: every block below some CIDs, and what was prepared from them. */
function createKeep({ layout, folder }: { layout: Layout; folder: BlockFolder }): Keep {
  const done = new Set<string>();
  const paths = new Set<string>();

  async function add(text: string): Promise<void> {
    if (done.has(text)) return;
    done.add(text);
    const { cid, key } = parseKept(text) ?? {};
    if (cid === undefined || key === undefined) return;
    try {
      for await (const { cid: block } of markDag(cid, folder)) paths.add(layout.block(block));
    } catch (error) {
      // Kept as it is: not a DAG of files, but what can be followed of it stays.
      if (!(error instanceof InferbaseError) || error.code !== 'ERR_INVALID_ARCHIVE') throw error;
    }
    const record = cid.code === DAG_PB ? await readRecord(layout, key) : undefined;
    paths.add(layout.record(key));
    if (record?.files) paths.add(layout.files(record.files));
    const modules = cid.code === DAG_PB ? (record?.modules.map(([, sha256]) => sha256) ?? []) : [digestHex(cid)];
    for (const sha256 of modules) paths.add(layout.module(entryName(sha256)));
  }

  return {
    add,
    async addPin({ cid, linked = [] }) {
      for (const text of [cid, ...linked]) await add(text);
    },
    has: ({ path }) => paths.has(path),
  };
}

function parseKept(text: string): { cid: CID; key: string } | undefined {
  try {
    return parseCid(text);
  } catch {
    return undefined;
  }
}
