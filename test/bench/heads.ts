import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { request } from 'undici';
import { ROOT } from '../source-files.ts';
import { load, type Measurement, median, medianOf, type Target } from './load.ts';
import { type Product, pinFile, type Server, startProduct, startScript } from './servers.ts';
import { type Effort, executeBody } from './throughput.ts';

export interface HeadRow extends Measurement {
  readonly name: string;
  readonly inFlight: number;
  /** Requests/s over those of the solo node in the same run. */
  readonly ratio: number;
  /** p50 beyond that of the solo node, in ms. */
  readonly addedMs: number;
}

/** How much longer a request to several workers takes than the slowest of them that it has a result of. */
export interface EveryWorkerRow {
  readonly name: string;
  readonly p50Ms: number;
  /** Median of what is beyond the slowest worker's own time, in ms. */
  readonly beyondMs: number;
}

const PATH = '/api/v1/functions/execute';
const LISTEN = '/ip4/127.0.0.1/tcp/0';
const EVERY = 10;
/** Replicas of a PBFT cluster, and how many of them have to say the same. */
const REPLICAS = 4;
const QUORUM = 2;
const MODEL_MS = 50;
const WARM_S = 4;
const FUNCTIONS = ['hello', 'coin-prediction'] as const;

interface Cluster {
  readonly solo: Server;
  /** Keeps streams; its workers too. */
  readonly own: Server;
  /** Keeps none, and so speaks the b7s wire to the same workers. */
  readonly b7s: Server;
  readonly cids: Readonly<Record<(typeof FUNCTIONS)[number], string>>;
  stop(): Promise<void>;
}

/** Multiaddr that a head prints. */
async function addressOf({ service }: Server): Promise<string> {
  const [, address = ''] = await service.until(/^peer address (\S+)$/m);
  return address;
}

/** A data folder with the functions in it and no key: every node makes its own. */
async function copyOf(folder: string, name: string): Promise<string> {
  const copy = `${folder}-${name}`;
  await cp(folder, copy, { recursive: true, filter: (path) => !path.includes(join(folder, 'keys')) });
  return copy;
}

/** Two workers on topic 1, these and more on topic 2, two heads that all of them know, and a solo node. */
async function startCluster(product: Product, folder: string, workers: number): Promise<Cluster> {
  const wasm = (name: string): string => join(ROOT, 'functions', name, 'build', `${name}.wasm`);
  const pin = (name: string): string => pinFile(product, wasm(name), folder);
  const cids = { hello: pin('hello'), 'coin-prediction': pin('coin-prediction') };
  const servers: Server[] = [];
  const keep = (server: Server): Server => {
    servers.push(server);
    return server;
  };
  const stop = async (): Promise<void> => {
    for (const { service } of servers.toReversed()) await service.stop();
  };
  try {
    const upstream = `http://127.0.0.1:${keep(await startScript('upstream', MODEL_MS)).port}`;
    const solo = keep(await startProduct(product, { dataDir: await copyOf(folder, 'solo') }));
    const head = async (lasting: boolean): Promise<Server> => {
      const dataDir = `${folder}-head-${lasting}`;
      return keep(
        await startProduct(product, { dataDir, role: 'head', peersListen: LISTEN, lasting, consensus: 'pbft' }),
      );
    };
    const [own, b7s] = [await head(true), await head(false)];
    const connect = [await addressOf(own), await addressOf(b7s)];
    for (let at = 0; at < workers; at++) {
      const dataDir = await copyOf(folder, `worker-${at}`);
      const topics = at < 2 ? ['1', '2'] : ['2'];
      const few = at < 2 ? {} : { threads: 1 };
      keep(
        await startProduct(product, {
          ...few,
          dataDir,
          role: 'worker',
          peersListen: LISTEN,
          connect,
          topics,
          upstream,
        }),
      );
    }
    for (const { port } of [own, b7s]) await untilServed(port, cids['coin-prediction'], workers);
    return { solo, own, b7s, cids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Reply {
  readonly code: string;
  readonly message?: string;
  readonly results?: readonly { readonly metadata: Record<string, { usage: { wall_clock_time?: number } }> }[];
  readonly cluster: { readonly peers?: readonly string[] };
}

function toAll(cid: string, method: string, topic: string, timeout: number): object {
  const body = executeBody(cid, method);
  return { ...body, topic, config: { ...('config' in body && (body.config as object)), number_of_nodes: -1, timeout } };
}

export async function post(port: number, body: object): Promise<Reply> {
  const reply = await request(`http://127.0.0.1:${port}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await reply.body.json()) as Reply;
}

/** Waits until a head reaches that many workers; the limit is only a guard against waiting for ever. */
async function untilServed(port: number, cid: string, workers: number): Promise<void> {
  const late = performance.now() + 120_000;
  for (;;) {
    const reply = await post(port, toAll(cid, 'coin-prediction.wasm', '2', 2));
    if (reply.cluster.peers?.length === workers) return;
    if (performance.now() > late) throw new Error(`a head never reached ${workers} workers: ${JSON.stringify(reply)}`);
    await setTimeout(100);
  }
}

function targetOf({ port }: Server, cid: string): Target {
  const body = executeBody(cid, 'hello.wasm');
  const one = { ...body, config: { ...('config' in body && (body.config as object)), number_of_nodes: 1 } };
  return { port, path: PATH, body: one, expected: '"code":"200"' };
}

/** Row g: hello by way of a head and two workers, on both wires, beside a solo node; and a function on every worker. */
export async function measureHeads(
  product: Product,
  folder: string,
  effort: Effort,
  tell: (line: string) => void,
): Promise<{ readonly heads: readonly HeadRow[]; readonly every: readonly EveryWorkerRow[] }> {
  const cluster = await startCluster(product, folder, EVERY);
  try {
    const nodes = [
      ['g  solo node', cluster.solo],
      ['g  head and 2 workers, own wire', cluster.own],
      ['g  head and 2 workers, b7s wire', cluster.b7s],
    ] as const;
    const cases = [64, 1].map((inFlight) => ({
      inFlight,
      nodes: nodes.map(([name, server]) => ({ name, server, runs: [] as Measurement[] })),
    }));
    for (let run = 0; run <= effort.runs; run++) {
      for (const { inFlight, nodes: each } of cases) {
        for (const { name, server, runs } of each) {
          // Run 0 warms everything up: libp2p takes some thousand messages to.
          const seconds = run === 0 ? Math.max(WARM_S, effort.seconds) : effort.seconds;
          const measured = await load(targetOf(server, cluster.cids.hello), inFlight, seconds);
          if (run === 0) continue;
          runs.push(measured);
          tell(`run ${run}/${effort.runs} ${name}, ${inFlight}: ${measured.requestsPerSecond.toFixed(0)}/s`);
        }
      }
    }
    const heads = cases.flatMap(({ inFlight, nodes: [solo, ...others] }) =>
      [solo, ...others].flatMap((node) => (node === undefined ? [] : [rowOf(inFlight, node, solo?.runs ?? [])])),
    );
    const toEvery = { body: toAll(cluster.cids['coin-prediction'], 'coin-prediction.wasm', '2', 2), least: EVERY };
    const every = [
      await measureSeveral(cluster.own, { ...toEvery, name: `g  ${EVERY} workers at once, own wire` }, effort),
      await measureSeveral(cluster.b7s, { ...toEvery, name: `g  ${EVERY} workers at once, b7s wire` }, effort),
      await measureSeveral(cluster.own, byPbft(cluster.cids['coin-prediction']), effort),
    ];
    return { heads, every };
  } finally {
    await cluster.stop();
  }
}

function rowOf(
  inFlight: number,
  { name, runs }: { readonly name: string; readonly runs: readonly Measurement[] },
  solo: readonly Measurement[],
): HeadRow {
  const ratio = median(runs.map((run, at) => run.requestsPerSecond / (solo[at]?.requestsPerSecond ?? Number.NaN)));
  const addedMs = median(runs.map((run, at) => run.p50Ms - (solo[at]?.p50Ms ?? Number.NaN)));
  return { name, inFlight, ratio, addedMs, ...medianOf(runs) };
}

interface Several {
  readonly name: string;
  readonly body: object;
  /** Results that each answer has at least. */
  readonly least: number;
}

function byPbft(cid: string): Several {
  const body = executeBody(cid, 'coin-prediction.wasm');
  const own = 'config' in body ? (body.config as object) : {};
  const config = { ...own, number_of_nodes: REPLICAS, consensus_algorithm: 'pbft' };
  return { name: `g  PBFT of ${REPLICAS} workers`, body: { ...body, topic: '2', config }, least: QUORUM };
}

async function measureSeveral(
  { port }: Server,
  { name, body, least }: Several,
  { runs, seconds }: Effort,
): Promise<EveryWorkerRow> {
  const times: number[] = [];
  const beyond: number[] = [];
  for (let at = 0; at < runs * seconds * 5; at++) {
    const began = performance.now();
    const { results = [], code, message = '' } = await post(port, body);
    const took = performance.now() - began;
    const walls = results.flatMap(({ metadata }) =>
      Object.values(metadata).map(({ usage }) => usage.wall_clock_time ?? 0),
    );
    if (code !== '200' || walls.length < least) throw new Error(`${name}: ${code} ${message}`);
    times.push(took);
    beyond.push(took - Math.max(...walls) / 1e6);
  }
  return { name, p50Ms: median(times), beyondMs: median(beyond) };
}

export function renderHeads({ heads, every }: Awaited<ReturnType<typeof measureHeads>>): string {
  const first = [
    '| | in flight | requests/s | p50 ms | p99 ms | ÷ solo | p50 beyond solo, ms |',
    '|---|--:|--:|--:|--:|--:|--:|',
  ];
  const rows = heads.map(({ name, inFlight, requestsPerSecond, p50Ms, p99Ms, ratio, addedMs }) => {
    const cells = [
      requestsPerSecond.toFixed(0),
      p50Ms.toFixed(2),
      p99Ms.toFixed(1),
      ratio.toFixed(2),
      addedMs.toFixed(2),
    ];
    return `| ${[name, inFlight, ...cells].join(' | ')} |`;
  });
  const second = ['| | p50 ms | beyond the slowest worker, ms |', '|---|--:|--:|'];
  const more = every.map(({ name, p50Ms, beyondMs }) => `| ${name} | ${p50Ms.toFixed(1)} | ${beyondMs.toFixed(1)} |`);
  return `${[...first, ...rows].join('\n')}\n\n${[...second, ...more].join('\n')}`;
}
