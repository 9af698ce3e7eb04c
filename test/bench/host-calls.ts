import { Pool } from 'undici';
import type { StoredFunction } from '../../runtime/store/store.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { wat } from '../support/wat.ts';
import { median } from './load.ts';
import { startScript } from './servers.ts';

/** What one call costs a guest, beside a bound or beside the same without a guest. */
export interface HostCallRow {
  readonly name: string;
  /** Of one call, in µs. */
  readonly us: number;
  /** Of the same by plain undici, in µs; `null` where nothing compares. */
  readonly plainUs: number | null;
  /** Guest ÷ plain. */
  readonly ratio: number | null;
}

const MIB = 1_048_576;
const WRITES = 400_000;
const LIMITS = { deadlineMs: 120_000, stdoutBytes: 64 * MIB, fileBytes: 64 * MIB } as const;

/** A guest that makes one call over and over. */
const loop = (imports: string, body: string, count: number): string => `(module
  ${imports}
  (memory (export "memory") 2)
  (data (i32.const 1024) "http://model/")
  (data (i32.const 1088) "{\\"method\\":\\"GET\\"}")
  (data (i32.const 1152) "file")
  (func (export "_start") (local $left i32) (local $errno i32)
    (i32.store (i32.const 0) (i32.const 2048))
    (i32.store (i32.const 4) (i32.const 64))
    ${body.replace('LOOP', `(local.set $left (i32.const ${count}))`)}))`;

const again = (call: string): string => `LOOP
    (loop $again
      ${call}
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;

const check = (call: string): string => `(if ${call} (then unreachable))`;

const FD_WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))';
const PATH_OPEN = `(import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))`;
const HTTP = `(import "blockless_http" "http_req" (func $req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "blockless_http" "http_read_body" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "blockless_http" "http_close" (func $close (param i32) (result i32)))`;

const WRITE = check('(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))');
const WRITE_FILE = check('(call $fd_write (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8))');
/** Directory 3, no flags of the path; create; the right to write. */
const OPEN = check(`(call $path_open (i32.const 3) (i32.const 0) (i32.const 1152) (i32.const 4) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12))`);
const EXCHANGE = `${check('(call $req (i32.const 1024) (i32.const 13) (i32.const 1088) (i32.const 16) (i32.const 12) (i32.const 16))')}
      ${check('(call $read (i32.load (i32.const 12)) (i32.const 4096) (i32.const 4096) (i32.const 8))')}
      ${check('(call $close (i32.load (i32.const 12)))')}`;

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;

async function prepare(runtime: TestRuntime, text: string): Promise<StoredFunction> {
  return await runtime.store.prepareFile(await wat(text), 'bench.wasm');
}

/** Wall time of an execution, in µs. */
async function time(runtime: TestRuntime, found: StoredFunction): Promise<number> {
  const { cause, exitCode, message, usage } = await runPrepared(runtime, found, { limits: LIMITS });
  if (cause !== 'exited' || exitCode !== 0) throw new Error(`the guest ended ${cause} ${exitCode}: ${message}`);
  return usage.wallMs * 1000;
}

async function measureWrites(runtime: TestRuntime, runs: number): Promise<HostCallRow[]> {
  const kinds = [
    ['fd_write of 64 B to stdout', loop(FD_WRITE, again(WRITE), WRITES)],
    ['fd_write of 64 B to a file', loop(`${FD_WRITE} ${PATH_OPEN}`, OPEN + again(WRITE_FILE), WRITES)],
  ] as const;
  const rows: HostCallRow[] = [];
  for (const [name, text] of kinds) {
    const found = await prepare(runtime, text);
    await time(runtime, found);
    const times: number[] = [];
    for (let run = 0; run < runs; run++) times.push((await time(runtime, found)) / WRITES);
    rows.push({ name, us: median(times), plainUs: null, ratio: null });
  }
  return rows;
}

/** As many loops side by side as are in flight, each of `count` exchanges one after the other; in µs. */
async function timePlain(pool: Pool, inFlight: number, count: number): Promise<number> {
  const began = performance.now();
  const exchangeAll = async (): Promise<void> => {
    for (let left = count; left > 0; left--) {
      const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
      const bytes = await body.arrayBuffer();
      if (statusCode !== 200 || bytes.byteLength === 0) throw new Error(`the upstream answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, exchangeAll));
  return (performance.now() - began) * 1000;
}

async function timeGuests(runtime: TestRuntime, found: StoredFunction, inFlight: number): Promise<number> {
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, () => time(runtime, found)));
  return (performance.now() - began) * 1000;
}

async function measureHttp(runtime: TestRuntime, url: string, runs: number): Promise<HostCallRow[]> {
  const rows: HostCallRow[] = [];
  for (const [inFlight, count] of [
    [1, 2_000],
    [64, 150],
  ] as const) {
    const found = await prepare(runtime, loop(HTTP, again(EXCHANGE), count));
    const pool = new Pool(url, { connections: inFlight });
    const calls = inFlight * count;
    const plain: number[] = [];
    const guest: number[] = [];
    try {
      for (let run = -2; run < runs; run++) {
        const times = [await timePlain(pool, inFlight, count), await timeGuests(runtime, found, inFlight)] as const;
        if (run < 0) continue;
        plain.push(times[0] / calls);
        guest.push(times[1] / calls);
      }
    } finally {
      await pool.close();
    }
    const ratio = median(guest.map((us, index) => us / (plain[index] ?? Number.NaN)));
    const name = `http_req, body read and closed, ${inFlight} in flight`;
    rows.push({ name, us: median(guest), plainUs: median(plain), ratio });
  }
  return rows;
}

/**
 * What host calls cost inside a running guest, on one sandbox thread: writes of 64 bytes, and exchanges with an upstream
 * that is a process of its own beside the same by plain undici.
 * @param runs of each, beside those that warm it up
 */
export async function measureHostCalls(runs: number): Promise<HostCallRow[]> {
  const upstream = await startScript('upstream');
  const url = `http://127.0.0.1:${upstream.port}`;
  try {
    const flags = Object.entries(LIMITS).map(([name, value]) => [`limits.${name}`, value] as const);
    const runtime = await openTestRuntime({ 'upstreams.model.url': url, ...Object.fromEntries(flags) });
    try {
      return [...(await measureWrites(runtime, runs)), ...(await measureHttp(runtime, url, runs))];
    } finally {
      await runtime.close();
    }
  } finally {
    await upstream.service.stop();
  }
}

/** The rows as a table for the README. */
export function renderHostCalls(rows: readonly HostCallRow[]): string {
  const body = rows.map(({ name, us, plainUs, ratio }) => {
    const plain = plainUs === null ? '' : plainUs.toFixed(1);
    return `| ${name} | ${us.toFixed(2)} | ${plain} | ${ratio === null ? '' : ratio.toFixed(2)} |`;
  });
  return ['| host call | µs | plain undici µs | ÷ plain |', '|---|--:|--:|--:|', ...body].join('\n');
}
