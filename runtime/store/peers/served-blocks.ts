import { stat } from 'node:fs/promises';
import { CID } from 'multiformats/cid';
import type { BlockFolder } from '../block-folder.ts';
import { markDag } from '../dag-mark.ts';
import { type Pin, readPins } from '../pins.ts';

/** What peers are given: blocks of pinned functions, every block of the data folder, or none. */
export type ServeRule = 'pinned' | 'stored' | 'none';

export interface ServedBlocks {
  /** Whether a peer may have the block; it may still not be here. */
  allows(cid: CID): Promise<boolean>;
  /** The block, hashed just now, or `undefined` where it is not here or not for peers. Fetches nothing. */
  read(cid: CID): Promise<Uint8Array | undefined>;
}

/** What lies below one pin, by multihash. */
interface Root {
  readonly pin: Pin;
  readonly keys: ReadonlySet<string>;
  readonly whole: boolean;
  /** When it was walked. */
  readonly at: number;
}

/** A pinned function of which blocks were missing is walked again after this long, in ms. */
const WALK_AGAIN_MS = 10_000;
/** Blocks of one pin that are served at most; more than any function may have. */
const MAX_BLOCKS = 100_000;

/** @param components.pinsPath of `pins.json` */
export function createServedBlocks(
  components: { folder: BlockFolder; pinsPath: string },
  { serve, log }: { serve: ServeRule; log: (line: string, fields?: object) => void },
): ServedBlocks {
  const { folder, pinsPath } = components;
  const roots = new Map<string, Root>();
  let version = '';
  let looking: Promise<void> | undefined;

  async function walk(pin: Pin): Promise<Root> {
    const { cid, linked = [] } = pin;
    const keys = new Set<string>();
    let whole = true;
    const seen = new Set<string>();
    try {
      for (const root of [cid, ...linked]) {
        for await (const block of markDag(CID.parse(root), folder, seen)) {
          keys.add(keyOf(block.cid));
          whole &&= block.isHere;
          if (keys.size > MAX_BLOCKS) break;
        }
      }
    } catch (error) {
      log('a pinned function is served in part', { cid, error: String(error) });
    }
    return { pin, keys, whole, at: Date.now() };
  }

  async function look(): Promise<void> {
    const now = Date.now();
    const found = await stat(pinsPath).catch(() => undefined);
    const seen = found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (seen !== version) {
      const pins = new Map((await readPins(pinsPath)).map((pin) => [pin.cid, pin]));
      for (const cid of roots.keys()) if (!pins.has(cid)) roots.delete(cid);
      for (const [cid, pin] of pins) if (!roots.has(cid)) roots.set(cid, { pin, keys: new Set(), whole: false, at: 0 });
      version = seen;
    }
    for (const [cid, { pin, whole, at }] of roots) {
      if (!whole && now - at > WALK_AGAIN_MS) roots.set(cid, await walk(pin));
    }
  }

  /** Pins change under other processes' hands too. */
  async function refresh(): Promise<void> {
    looking ??= look()
      .catch((error: unknown) => log('pins cannot be read; peers are served as before', { error: String(error) }))
      .finally(() => {
        looking = undefined;
      });
    await looking;
  }

  async function allows(cid: CID): Promise<boolean> {
    if (serve !== 'pinned') return serve === 'stored';
    await refresh();
    const key = keyOf(cid);
    return roots.values().some(({ keys }) => keys.has(key));
  }

  return {
    allows,
    read: async (cid) => ((await allows(cid)) ? await folder.get(cid) : undefined),
  };
}

/** The same for every CID of one block. */
export function keyOf(cid: CID): string {
  return Buffer.from(cid.multihash.bytes).toString('latin1');
}
