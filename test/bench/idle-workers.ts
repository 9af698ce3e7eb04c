import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { cleanEnv, type Service, startService } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';
import { post } from './heads.ts';
import { type Product, startProduct } from './servers.ts';
import { executeBody } from './throughput.ts';

export interface IdleWorkersRow {
  readonly workers: number;
  /** Those that a request to all of the topic reached. */
  readonly reached: number;
  /** From the first connection until a request reaches all, in s. */
  readonly seconds: number;
  /** Resident memory that the head grew by, over the workers, in KB. */
  readonly kbEach: number;
}

const CHILDREN = 4;
const SETTLE_MS = 20_000;
const WAIT_MS = 600_000;
/** Any will do: the workers run nothing. */
const CID = 'bafybeibqoxd52sfitnnrtzyabh6xhujp4siwwc3rwk3qymren4dbya3rce';

/** What the head's process has resident, in KB. */
function resident({ pid }: Service): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}

async function askAll(port: number): Promise<number> {
  const { config, ...body } = executeBody(CID, 'idle.wasm') as { config: object };
  const reply = await post(port, { ...body, config: { ...config, number_of_nodes: -1, timeout: 5 } });
  return reply.cluster.peers?.length ?? 0;
}

/** Row h: what workers that are connected and have nothing to do weigh on a head. They are libp2p hosts without a sandbox. */
export async function measureIdleWorkers(
  product: Product,
  workspace: string,
  workers: number,
  tell: (line: string) => void,
): Promise<IdleWorkersRow> {
  const dataDir = join(workspace, 'idle-head');
  const head = await startProduct(product, { dataDir, role: 'head', peersListen: '/ip4/127.0.0.1/tcp/0' });
  const children: Service[] = [];
  try {
    const [, address = ''] = await head.service.until(/^peer address (\S+)$/m);
    await setTimeout(SETTLE_MS / 4);
    const before = resident(head.service);
    const began = performance.now();
    const each = Math.ceil(workers / CHILDREN);
    for (let at = 0; at < CHILDREN; at++) {
      const script = join(import.meta.dirname, 'idle-workers-child.ts');
      const count = Math.min(each, workers - at * each);
      children.push(startService(process.execPath, [script, String(count), address], { cwd: ROOT, env: cleanEnv() }));
    }
    for (const [at, child] of children.entries()) {
      await child.until(new RegExp(`^connected ${Math.min(each, workers - at * each)}$`, 'm'), WAIT_MS);
      tell(`${Math.min(workers, (at + 1) * each)} idle workers connected`);
    }
    await setTimeout(SETTLE_MS);
    const kbEach = (resident(head.service) - before) / workers;
    let reached = await askAll(head.port);
    for (let tries = 0; reached < workers && tries < 10; tries++) reached = await askAll(head.port);
    return { workers, reached, seconds: (performance.now() - began - SETTLE_MS) / 1_000, kbEach };
  } finally {
    for (const child of children) await child.stop();
    await head.service.stop();
  }
}

export function renderIdleWorkers({ workers, reached, seconds, kbEach }: IdleWorkersRow): string {
  const head = [
    '| idle workers of one head | all reached by a request | until then, s | resident on the head, KB each |',
    '|--:|--:|--:|--:|',
  ];
  return [...head, `| ${workers} | ${reached} | ${seconds.toFixed(0)} | ${kbEach.toFixed(0)} |`].join('\n');
}
