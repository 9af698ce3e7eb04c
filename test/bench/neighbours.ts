import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../source-files.ts';
import { guest } from '../support/wat.ts';
import { load, type Measurement, medianOf, type Target } from './load.ts';
import { type Product, pinFile, type Server, startProduct } from './servers.ts';
import { type Effort, executeBody } from './throughput.ts';

export interface NeighbourRow extends Measurement {
  readonly name: string;
  /** p99 over that of the same server without spinning guests; `null` for that one itself. */
  readonly ratio: number | null;
}

const IN_FLIGHT = 32;
const PATH = '/api/v1/functions/execute';
/** Far longer than a run: the spinners end when their client goes away. */
const DEADLINE_MS = 600_000;

/** Has guests spin in a server until `stop` is called. */
async function startSpinners(port: number, cid: string, count: number): Promise<{ stop(): Promise<void> }> {
  const controller = new AbortController();
  const body = JSON.stringify(executeBody(cid, 'spin.wasm'));
  const requests = Array.from({ length: count }, () =>
    fetch(`http://127.0.0.1:${port}${PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: controller.signal,
    }).then(
      () => {
        throw new Error('a spinning guest came to an end while it was needed');
      },
      () => undefined,
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  return {
    async stop() {
      controller.abort();
      await Promise.all(requests);
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
  };
}

/** `hello` at 32 in flight beside guests that spin: none, one and 200 a sandbox thread, on one core less and on all. */
export async function measureNeighbours(
  product: Product,
  dataDir: string,
  effort: Effort,
  tell: (line: string) => void,
): Promise<NeighbourRow[]> {
  const spin = join(dataDir, '..', 'spin.wasm');
  const spinCid = await guest('spin').then((bytes) => {
    writeFileSync(spin, bytes);
    return pinFile(product, spin, dataDir);
  });
  const helloCid = pinFile(product, join(ROOT, 'functions/hello/build/hello.wasm'), dataDir);
  const rows: NeighbourRow[] = [];
  const cores = availableParallelism();
  for (const threads of new Set([Math.max(1, cores - 1), cores])) {
    const server: Server = await startProduct(product, { dataDir, threads, deadlineMs: DEADLINE_MS });
    const target: Target = {
      port: server.port,
      path: PATH,
      body: executeBody(helloCid, 'hello.wasm'),
      expected: '"code":"200"',
    };
    try {
      await load(target, IN_FLIGHT, Math.min(2, effort.seconds));
      let alone = Number.NaN;
      for (const each of [0, 1, 200]) {
        const spinners = await startSpinners(server.port, spinCid, each * threads);
        const runs: Measurement[] = [];
        for (let run = 0; run < effort.runs; run++) runs.push(await load(target, IN_FLIGHT, effort.seconds));
        await spinners.stop();
        const measured = medianOf(runs);
        if (each === 0) alone = measured.p99Ms;
        const name = `${threads} sandbox thread${threads === 1 ? '' : 's'}, ${each} spinning guests on each`;
        rows.push({ name, ratio: each === 0 ? null : measured.p99Ms / alone, ...measured });
        tell(`${name}: p99 ${measured.p99Ms.toFixed(1)} ms`);
      }
    } finally {
      await server.service.stop();
    }
  }
  return rows;
}

export function renderNeighbours(rows: readonly NeighbourRow[]): string {
  const head = [
    '| hello, 32 in flight, beside | requests/s | p50 ms | p99 ms | p99 ÷ alone |',
    '|---|--:|--:|--:|--:|',
  ];
  const body = rows.map(
    ({ name, requestsPerSecond, p50Ms, p99Ms, ratio }) =>
      `| ${name} | ${requestsPerSecond.toFixed(0)} | ${p50Ms.toFixed(1)} | ${p99Ms.toFixed(1)} | ${ratio?.toFixed(1) ?? ''} |`,
  );
  return [...head, ...body].join('\n');
}
