import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { mustRun } from '../packaging/commands.ts';
import { get, post } from '../packaging/http.ts';
import { installGlobally, pack } from '../packaging/packed.ts';
import { ROOT } from '../source-files.ts';
import { median } from './load.ts';
import { FROM_SOURCE, forgetModules, type Product, pinFile, type Server, startProduct } from './servers.ts';
import { executeBody } from './throughput.ts';

export interface StartRow {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 'MB';
}

/** Long enough for lazy start-up work to be over. */
const IDLE_MS = 2000;

/** Packs and installs this package below `workspace`. */
export async function installProduct(workspace: string): Promise<Product> {
  await mkdir(workspace, { recursive: true });
  const { folder } = await installGlobally(pack(workspace), join(workspace, 'prefix'));
  return { launcher: join(folder, 'runtime/inferbase.js') };
}

/** A module of about 40 KB: a program of the size that `@blockless/sdk` builds. Returns its path. */
export function buildFortyKilobytes(workspace: string): string {
  const file = join(workspace, 'forty-kilobytes.wasm');
  const asc = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
  // Relative paths: asc finds a configuration's library only so.
  const source = 'test/bench/assembly/forty-kilobytes.ts';
  const config = 'node_modules/@assemblyscript/wasi-shim/asconfig.json';
  mustRun(process.execPath, [asc, source, '--config', config, '--optimize', '--outFile', file], { cwd: ROOT });
  return file;
}

function residentMegabytes(server: Server): number {
  const status = readFileSync(`/proc/${server.service.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1000;
}

/** Time of the first execute request that a fresh, ready server gets, in ms. */
async function firstExecution(product: Product, dataDir: string, body: object): Promise<number> {
  const { service, port } = await startProduct(product, { dataDir, threads: 1 });
  try {
    // Ready is ready: the first connection is not part of an execution.
    await get(port, '/api/v1/health');
    await setTimeout(200);
    const began = performance.now();
    const { text } = await post(port, '/api/v1/functions/execute', body);
    const took = performance.now() - began;
    if (!text.includes('"code":"200"')) throw new Error(`the first execution went wrong: ${text}`);
    return took;
  } finally {
    await service.stop();
  }
}

/** Row d: first execution in a fresh process, with the rewritten module on disk and without. */
export async function measureFirstExecution(product: Product, workspace: string, runs: number): Promise<StartRow[]> {
  const dataDir = join(workspace, 'first-execution');
  const file = buildFortyKilobytes(workspace);
  const kilobytes = Math.round(readFileSync(file).length / 1000);
  const body = executeBody(pinFile(product, file, dataDir), 'forty-kilobytes.wasm');
  const without: number[] = [];
  const prepared: number[] = [];
  for (let run = 0; run < runs; run++) {
    await forgetModules(dataDir);
    without.push(await firstExecution(product, dataDir, body));
    prepared.push(await firstExecution(product, dataDir, body));
  }
  const name = `d  first execution, ${kilobytes} KB module`;
  return [
    { name: `${name}, rewritten module on disk`, value: median(prepared), unit: 'ms' },
    { name: `${name}, not yet rewritten`, value: median(without), unit: 'ms' },
  ];
}

/** Row e: from spawn to the ready line, and memory when idle. */
export async function measureStart(product: Product, workspace: string, runs: number): Promise<StartRow[]> {
  const built = product === FROM_SOURCE ? 'from source' : 'built package';
  const rows: StartRow[] = [];
  for (const threads of [1, 2]) {
    const ready: number[] = [];
    const resident: number[] = [];
    for (let run = 0; run < runs; run++) {
      const server = await startProduct(product, { dataDir: join(workspace, 'start'), threads });
      ready.push(server.readyMs);
      await setTimeout(IDLE_MS);
      resident.push(residentMegabytes(server));
      await server.service.stop();
    }
    const name = `e  ${built}, ${threads} sandbox thread${threads === 1 ? '' : 's'}`;
    rows.push({ name: `${name}: start to ready`, value: median(ready), unit: 'ms' });
    rows.push({ name: `${name}: resident memory, idle`, value: median(resident), unit: 'MB' });
  }
  return rows;
}
