import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { executeBody as alloraBody } from '../../runtime/cli/execute-request.ts';
import { ROOT } from '../source-files.ts';
import { load, type Measurement, medianOf, type Target } from './load.ts';
import { type Product, pinFile, type Server, startProduct, startScript } from './servers.ts';

export interface Effort {
  readonly runs: number;
  /** Length of one run. */
  readonly seconds: number;
}

export interface ThroughputRow extends Measurement {
  readonly name: string;
  readonly inFlight: number;
  /** Requests/s over those of the bare route in the same run; `null` where the row is about latency. */
  readonly ratio: number | null;
}

interface Case {
  readonly name: string;
  readonly inFlight: number;
  readonly target: Target;
  readonly waitMs: number | null;
}

const PATH = '/api/v1/functions/execute';

/** The body of an execute request as an Allora node sends it. */
export function executeBody(cid: string, method: string): object {
  return alloraBody(cid, method, '1', 'ETH');
}

async function setWait(upstream: Server, ms: number): Promise<void> {
  const call = request({ host: '127.0.0.1', port: upstream.port, path: `/wait/${ms}`, method: 'PUT' }).end();
  const [response] = await once(call, 'response');
  response.resume();
  await once(response, 'end');
}

function listCases(bare: Server, one: Server, all: Server, cids: { hello: string; coin: string }): Case[] {
  const hello = executeBody(cids.hello, 'hello.wasm');
  const expected = '"code":"200"';
  const helloOn = (port: number): Target => ({ port, path: PATH, body: hello, expected });
  const body = executeBody(cids.coin, 'coin-prediction.wasm');
  const coin: Target = { port: one.port, path: PATH, body, expected: 'infererValue' };
  return [
    { name: 'a  bare Fastify route', inFlight: 64, target: helloOn(bare.port), waitMs: null },
    { name: 'b  hello by CID', inFlight: 64, target: helloOn(all.port), waitMs: null },
    { name: 'b  hello by CID, 1 sandbox thread', inFlight: 64, target: helloOn(one.port), waitMs: null },
    ...[0, 50].flatMap((waitMs) =>
      [64, 200].map((inFlight) => ({
        name: `c  coin-prediction, model waits ${waitMs} ms, 1 sandbox thread`,
        inFlight,
        target: coin,
        waitMs,
      })),
    ),
  ];
}

/** Rows a to c: all servers stand at once, the product's from the built package, the runs of the cases take turns, medians are told. */
export async function measureThroughput(
  product: Product,
  dataDir: string,
  effort: Effort,
  tell: (line: string) => void,
): Promise<ThroughputRow[]> {
  const wasm = (name: string): string => join(ROOT, 'functions', name, 'build', `${name}.wasm`);
  const cids = {
    hello: pinFile(product, wasm('hello'), dataDir),
    coin: pinFile(product, wasm('coin-prediction'), dataDir),
  };
  const servers: Server[] = [];
  const keep = (server: Server): Server => {
    servers.push(server);
    return server;
  };
  try {
    const upstream = keep(await startScript('upstream'));
    const model = `http://127.0.0.1:${upstream.port}`;
    const bare = keep(await startScript('bare-server'));
    const one = keep(await startProduct(product, { dataDir, threads: 1, upstream: model }));
    const all = keep(await startProduct(product, { dataDir, upstream: model }));
    const cases = listCases(bare, one, all, cids).map((entry) => ({ entry, runs: [] as Measurement[] }));
    for (let run = 0; run <= effort.runs; run++) {
      for (const { entry, runs } of cases) {
        if (entry.waitMs !== null) await setWait(upstream, entry.waitMs);
        const measured = await load(
          entry.target,
          entry.inFlight,
          run === 0 ? Math.min(2, effort.seconds) : effort.seconds,
        );
        // Run 0 warms everything up.
        if (run > 0) runs.push(measured);
        if (run > 0)
          tell(
            `run ${run}/${effort.runs} ${entry.name}, ${entry.inFlight}: ${measured.requestsPerSecond.toFixed(0)}/s`,
          );
      }
    }
    const base = cases[0]?.runs.map((run) => run.requestsPerSecond) ?? [];
    return cases.map(({ entry: { name, inFlight, waitMs }, runs }) => {
      const ratios = runs.map((run, index) => run.requestsPerSecond / (base[index] ?? Number.NaN));
      const ratio = waitMs === null ? medianOfNumbers(ratios) : null;
      return { name, inFlight, ratio, ...medianOf(runs) };
    });
  } finally {
    for (const { service } of servers) await service.stop();
  }
}

function medianOfNumbers(numbers: readonly number[]): number {
  return medianOf(numbers.map((value) => ({ requestsPerSecond: value, p50Ms: 0, p99Ms: 0 }))).requestsPerSecond;
}
