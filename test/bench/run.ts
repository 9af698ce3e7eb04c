/**
 * `npm run bench [-- --json FILE] [--quick] [--soak COUNT] [--only heads]`: what the whole product costs, beside a bare route on the same machine. Every
 * server is a process of its own; the load comes from this one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mustRun, temporaryFolder } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';
import { measureExec } from './exec.ts';
import { measureHeads, renderHeads } from './heads.ts';
import { measureHostCalls, renderHostCalls } from './host-calls.ts';
import { measureIdleWorkers, renderIdleWorkers } from './idle-workers.ts';
import { type MeteringRow, measureMetering, summarizeMetering } from './metering.ts';
import { measureNeighbours, renderNeighbours } from './neighbours.ts';
import { measurePeers } from './peers.ts';
import { measureRewriting, renderRewriting } from './rewrite.ts';
import { FROM_SOURCE } from './servers.ts';
import { measureSoak, renderSoak } from './soak.ts';
import { installProduct, measureFirstExecution, measureStart, type StartRow } from './start-up.ts';
import { measureStore, renderStore } from './store.ts';
import { measureThroughput, type ThroughputRow } from './throughput.ts';

function renderThroughput(rows: readonly ThroughputRow[]): string {
  const head = ['| | in flight | requests/s | p50 ms | p99 ms | ÷ bare |', '|---|--:|--:|--:|--:|--:|'];
  const body = rows.map((row) => {
    const ratio = row.ratio === null ? '' : row.ratio.toFixed(2);
    const cells = [
      row.name,
      row.inFlight,
      row.requestsPerSecond.toFixed(0),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
    ];
    return `| ${[...cells, ratio].join(' | ')} |`;
  });
  return [...head, ...body].join('\n');
}

function renderStart(rows: readonly StartRow[]): string {
  const body = rows.map((row) => `| ${row.name} | ${row.value.toFixed(row.unit === 'ms' ? 1 : 0)} ${row.unit} |`);
  return ['| | |', '|---|--:|', ...body].join('\n');
}

function renderMetering(rows: readonly MeteringRow[]): string {
  const head = ['| metering | plain ms | metered ms | ÷ plain |', '|---|--:|--:|--:|'];
  const body = rows.map(
    ({ name, plainMs, meteredMs, ratio }) =>
      `| ${name} | ${plainMs.toFixed(1)} | ${meteredMs.toFixed(1)} | ${ratio.toFixed(2)} |`,
  );
  const { mean, worst } = summarizeMetering(rows);
  return [...head, ...body, `| geometric mean, worst | | | ${mean.toFixed(2)}, ${worst.toFixed(2)} |`].join('\n');
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'string' },
        quick: { type: 'boolean', default: false },
        soak: { type: 'string' },
        only: { type: 'string' },
      },
    });
    if (values.only !== undefined && values.only !== 'heads') {
      console.error(`--only ${values.only} is not known; known is heads`);
    } else if (values.soak === undefined || /^[1-9]\d*$/.test(values.soak)) return values;
    else console.error(`--soak ${values.soak} is not a whole number`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  console.error('usage: npm run bench -- [--quick] [--soak COUNT] [--only heads] [--json FILE]');
  process.exit(2);
}

function save(path: string | undefined, figures: object): void {
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(figures, null, 2)}\n`);
}

async function main(): Promise<void> {
  const values = readOptions();
  const soakCount = Number(values.soak ?? (values.quick ? 5_000 : 20_000));
  const effort = values.quick ? { runs: 3, seconds: 1 } : { runs: 5, seconds: 4 };
  const autocannon = JSON.parse(readFileSync(join(ROOT, 'node_modules/autocannon/package.json'), 'utf8')).version;
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
  const method = `Node ${process.version}, ${machine}; load by autocannon ${autocannon} from another process; median of ${effort.runs} interleaved runs of ${effort.seconds} s`;
  const tell = (line: string): void => console.error(line);
  const workspace = await temporaryFolder();
  try {
    mustRun(process.execPath, [FROM_SOURCE.launcher, 'build']);
    if (values.only === 'heads') {
      tell('packing');
      const product = await installProduct(join(workspace.path, 'package'));
      const heads = await measureHeads(product, join(workspace.path, 'heads'), effort, tell);
      const idleWorkers = await measureIdleWorkers(product, workspace.path, values.quick ? 200 : 1_000, tell);
      console.log([method, renderHeads(heads), renderIdleWorkers(idleWorkers)].join('\n\n'));
      save(values.json, { method, heads, idleWorkers });
      return;
    }
    tell('metering');
    const metering = measureMetering(workspace.path, effort.runs * 6);
    tell('rewriting');
    const rewriting = measureRewriting(effort.runs);
    tell('host calls');
    const hostCalls = await measureHostCalls(effort.runs);
    tell('store');
    const store = await measureStore(join(workspace.path, 'store'), effort.runs);
    tell('packing');
    const product = await installProduct(join(workspace.path, 'package'));
    const throughput = await measureThroughput(product, join(workspace.path, 'data'), effort, tell);
    const neighbours = await measureNeighbours(product, join(workspace.path, 'neighbours'), effort, tell);
    const heads = await measureHeads(product, join(workspace.path, 'heads'), effort, tell);
    const idleWorkers = await measureIdleWorkers(product, workspace.path, values.quick ? 200 : 1_000, tell);
    const soak = measureSoak(soakCount, tell);
    const start = [
      ...(await measureFirstExecution(product, workspace.path, effort.runs)),
      ...(await measureStart(product, workspace.path, effort.runs)),
      ...(await measureStart(FROM_SOURCE, workspace.path, effort.runs)),
      ...(await measurePeers(product, workspace.path, effort.runs)),
      ...measureExec(product, workspace.path, effort.runs),
    ];
    const tables = [
      renderThroughput(throughput),
      renderMetering(metering),
      renderRewriting(rewriting),
      renderHostCalls(hostCalls),
      renderStore(store),
      renderNeighbours(neighbours),
      renderHeads(heads),
      renderIdleWorkers(idleWorkers),
      renderSoak(soak),
      renderStart(start),
    ];
    console.log([method, ...tables].join('\n\n'));
    const measured = { throughput, metering, rewriting, hostCalls, store, neighbours, heads, idleWorkers, soak, start };
    save(values.json, { method, ...measured });
  } finally {
    await workspace.remove();
  }
}

await main();
