import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createStore } from '../../runtime/store/store.ts';
import { median } from './load.ts';
import { type Product, pinFile, startProduct } from './servers.ts';
import type { StartRow } from './start-up.ts';

const BYTES = 12 * 1024 * 1024;
const IDLE_MS = 2_000;
const LISTEN = '/ip4/127.0.0.1/tcp/0';

/** Row f: 12 MB from one node to another by bitswap, and what a node weighs with peers enabled. */
export async function measurePeers(product: Product, workspace: string, runs: number): Promise<StartRow[]> {
  const dataDir = join(workspace, 'peers-serving');
  const server = await startProduct(product, { dataDir, threads: 1, peersListen: LISTEN });
  try {
    const [, address = ''] = await server.service.until(/^peer address (\S+)$/m);
    await setTimeout(IDLE_MS);
    const status = readFileSync(`/proc/${server.service.pid}/status`, 'utf8');
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1000;
    const { first, times } = await fetchFrom(address, runs, workspace, (file) => pinFile(product, file, dataDir));
    return [
      { name: 'f  12 MB by bitswap, first block to last, on disk', value: median(times), unit: 'ms' },
      { name: 'f  the same with loading libp2p and dialling', value: first, unit: 'ms' },
      { name: 'f  resident memory, idle, peers enabled, 1 sandbox thread', value: resident, unit: 'MB' },
    ];
  } finally {
    await server.service.stop();
  }
}

/** Fetches new bytes again and again into a store of this process, whose threads stay. */
async function fetchFrom(
  address: string,
  runs: number,
  workspace: string,
  pin: (file: string) => string,
): Promise<{ first: number; times: number[] }> {
  const store = await createStore({
    dataDir: join(workspace, 'peers-fetching'),
    gateways: [],
    peers: { connect: [address], bitswap: true, serve: 'none', maxConnections: 16, allow: [] },
    log: () => {},
  });
  try {
    const times: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const file = join(workspace, 'twelve-megabytes');
      writeFileSync(file, randomBytes(BYTES));
      const cid = pin(file);
      const began = performance.now();
      await store.pin(cid, 'bench');
      times.push(performance.now() - began);
    }
    const [first = Number.NaN, ...others] = times;
    return { first, times: others };
  } finally {
    await store.close();
  }
}
