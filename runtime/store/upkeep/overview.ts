import { CID } from 'multiformats/cid';
import { RAW } from '../../core/cid.ts';
import type { BlockFolder } from '../block-folder.ts';
import { markDag } from '../dag-mark.ts';
import type { Layout } from '../layout.ts';
import { type Pin, readPins } from '../pins.ts';
import { type FileKind, takeInventory } from './inventory.ts';

/** A function that is known here: pinned, or opened once. */
export interface KnownFunction {
  readonly cid: string;
  /** Name of its pin; `null` when it is not pinned. */
  readonly pin: string | null;
  readonly blocks: number;
  /** Of its blocks that are here; those it shares with others count for each. */
  readonly bytes: number;
  readonly missing: number;
}

export interface StoreSize {
  readonly files: Readonly<Record<FileKind, { readonly count: number; readonly bytes: number }>>;
  readonly bytes: number;
  readonly pins: number;
}

/** How much of what there is. */
export async function measureStore(layout: Layout): Promise<StoreSize> {
  const none = (): { count: number; bytes: number } => ({ count: 0, bytes: 0 });
  const files = { block: none(), module: none(), record: none(), files: none(), old: none(), other: none() };
  let bytes = 0;
  for (const { kind, size } of await takeInventory(layout)) {
    files[kind].count++;
    files[kind].bytes += size;
    bytes += size;
  }
  return { files, bytes, pins: (await readPins(layout.pins)).length };
}

/** The functions that are known here: pins in their order, then those in the cache. */
export async function listFunctions(components: {
  layout: Layout;
  folder: Pick<BlockFolder, 'get' | 'has'>;
}): Promise<KnownFunction[]> {
  const { layout, folder } = components;
  const inventory = await takeInventory(layout);
  const sizes = new Map(inventory.filter(({ kind }) => kind === 'block').map(({ path, size }) => [path, size]));
  const pins = new Map<string, Pin>((await readPins(layout.pins)).map((pin) => [keyOf(pin.cid), pin]));
  const prepared = new Set(inventory.filter(({ kind }) => kind === 'module').map(({ id }) => id));
  const roots = new Set(pins.keys());
  for (const { kind, id } of inventory) {
    if (kind === 'record') roots.add(id);
    // One file of one block is its own record.
    else if (kind === 'block' && prepared.has(Buffer.from(CID.parse(id).multihash.digest).toString('hex')))
      roots.add(id);
  }
  const inner = new Set<string>();
  const functions: KnownFunction[] = [];
  for (const cid of roots) {
    const known = await describe(cid, pins.get(cid), { sizes, layout, folder, inner });
    if (known !== undefined) functions.push(known);
  }
  // A module that is part of a package is no function of its own, unless somebody pinned it.
  return functions.filter(({ cid, pin }) => pin !== null || !inner.has(cid));
}

function keyOf(cid: string): string {
  return CID.parse(cid).toV1().toString();
}

async function describe(
  text: string,
  pin: Pin | undefined,
  {
    sizes,
    layout,
    folder,
    inner,
  }: {
    sizes: ReadonlyMap<string, number>;
    layout: Layout;
    folder: Pick<BlockFolder, 'get' | 'has'>;
    inner: Set<string>;
  },
): Promise<KnownFunction | undefined> {
  let root: CID;
  try {
    root = CID.parse(text);
  } catch {
    return undefined;
  }
  let blocks = 0;
  let bytes = 0;
  let missing = 0;
  try {
    for (const cid of [root, ...(pin?.linked ?? []).map((linked) => CID.parse(linked))]) {
      for await (const { cid: block, isHere } of markDag(cid, folder)) {
        blocks++;
        bytes += sizes.get(layout.block(block)) ?? 0;
        if (!isHere) missing++;
        if (block.code === RAW && !block.equals(root)) inner.add(block.toV1().toString());
      }
    }
  } catch {
    // Broken or of another kind: what was counted so far is told.
  }
  return { cid: pin?.cid ?? text, pin: pin?.name ?? null, blocks, bytes, missing };
}
