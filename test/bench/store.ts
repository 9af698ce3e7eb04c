import { hash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { createBlockReaders } from '../../runtime/store/block-reader.ts';
import { walkDag } from '../../runtime/store/dag-walk.ts';
import { createGatewaySources } from '../../runtime/store/sources/gateway-source.ts';
import { createSourceRace } from '../../runtime/store/sources/source-race.ts';
import { openStoreFolder } from '../../runtime/store/store-folder.ts';
import { takeInventory } from '../../runtime/store/upkeep/inventory.ts';
import { verifyStore } from '../../runtime/store/upkeep/verify.ts';
import { median } from './load.ts';
import { startScript } from './servers.ts';

/** What the store does beside the plain way to the same bytes. */
export interface StoreRow {
  readonly name: string;
  readonly plainMs: number;
  readonly storeMs: number;
  /** Plain time by the store's: how much of the plain speed is left. */
  readonly ratio: number;
}

const CAPS = { bytes: 64 * 1024 * 1024, blocks: 4096 };
const { signal } = new AbortController();

/**
 * Fetching a function by CID from a gateway on loopback, until every byte is here and verified, and until it is on disk,
 * beside `fetch` and sha-256 of the same bytes from the same server; and `store verify` beside sha-256 of the same files.
 */
export async function measureStore(workspace: string, runs: number): Promise<StoreRow[]> {
  const server = await startScript('gateway-server');
  const url = `http://127.0.0.1:${server.port}`;
  try {
    const cids = (await (await fetch(`${url}/cids`)).json()) as Record<string, string>;
    const rows: StoreRow[] = [];
    for (const [size, cid] of Object.entries(cids))
      rows.push(...(await measureFetch({ url, size, cid, workspace, runs })));
    rows.push(await measureVerify(join(workspace, 'verify'), runs));
    return rows;
  } finally {
    await server.service.stop();
  }
}

async function measureFetch(given: {
  url: string;
  size: string;
  cid: string;
  workspace: string;
  runs: number;
}): Promise<StoreRow[]> {
  const { url, size, workspace, runs } = given;
  const root = CID.parse(given.cid);
  const dataDir = join(workspace, `fetch-${size}`);
  const folder = await openStoreFolder({ dataDir, log: () => {} });
  const init = { gateways: [url], sourceTimeoutMs: 10_000 };
  const sources = createSourceRace({ sources: createGatewaySources(init) }, init);
  const readers = createBlockReaders({ folder: folder.blocks, sources }, { patienceMs: 10_000 });

  async function plain(): Promise<number> {
    const began = performance.now();
    hash('sha256', new Uint8Array(await (await fetch(`${url}/plain/${size}`)).arrayBuffer()));
    return performance.now() - began;
  }

  async function ours(): Promise<{ here: number; kept: number }> {
    await rm(folder.layout.blocks, { recursive: true });
    await mkdir(folder.layout.blocks);
    const began = performance.now();
    const reader = readers.reader(CAPS, signal);
    for await (const _ of walkDag(root, reader.read));
    const here = performance.now() - began;
    await reader.settled();
    reader.close();
    return { here, kept: performance.now() - began };
  }

  const times = { plain: [] as number[], here: [] as number[], kept: [] as number[] };
  // Small ones are over so soon that a few would say nothing.
  const rounds = runs * (Number(size) > 2_000_000 ? 4 : 20);
  for (let round = -3; round < rounds; round++) {
    const took = { plain: await plain(), ...(await ours()) };
    if (round < 0) continue;
    for (const key of ['plain', 'here', 'kept'] as const) times[key].push(took[key]);
  }
  await sources.close();
  folder.close();
  const name = `fetch by CID, ${Number(size) / 1000} KB`;
  return [row(`${name}: verified`, times.plain, times.here), row(`${name}: and on disk`, times.plain, times.kept)];
}

async function measureVerify(dataDir: string, runs: number): Promise<StoreRow> {
  const folder = await openStoreFolder({ dataDir, log: () => {} });
  for (let at = 0; at < 200; at++) {
    const bytes = Buffer.alloc(at % 4 === 0 ? 1024 * 1024 : 40_000, at);
    const cid = CID.createV1(0x55, await sha256.digest(bytes));
    await folder.blocks.put(cid, bytes);
  }
  const { layout } = folder;
  const plainTimes: number[] = [];
  const verifyTimes: number[] = [];
  for (let round = -1; round < runs; round++) {
    const files = await takeInventory(layout);
    let began = performance.now();
    for (const { path } of files) hash('sha256', await readFile(path));
    const plain = performance.now() - began;
    began = performance.now();
    const { bad } = await verifyStore({ layout }, { remove: false, signal });
    const verified = performance.now() - began;
    if (bad.length > 0) throw new Error('the store of the bench is not sound');
    if (round < 0) continue;
    plainTimes.push(plain);
    verifyTimes.push(verified);
  }
  folder.close();
  return row('store verify, 200 files, 56 MB', plainTimes, verifyTimes);
}

function row(name: string, plain: readonly number[], store: readonly number[]): StoreRow {
  const plainMs = median(plain);
  const storeMs = median(store);
  return { name, plainMs, storeMs, ratio: plainMs / storeMs };
}

export function renderStore(rows: readonly StoreRow[]): string {
  const head = ['| store | plain ms | store ms | × plain speed |', '|---|--:|--:|--:|'];
  const body = rows.map(
    ({ name, plainMs, storeMs, ratio }) =>
      `| ${name} | ${plainMs.toFixed(2)} | ${storeMs.toFixed(2)} | ${ratio.toFixed(2)} |`,
  );
  return [...head, ...body].join('\n');
}
