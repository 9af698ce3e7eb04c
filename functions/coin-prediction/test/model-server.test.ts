import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decimal } from '../model-server/inference-server.ts';
import { makePrices } from '../model-server/make-prices.ts';

const entry = fileURLToPath(new URL('../model-server/server.ts', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'model-server-'));
const running = new Set<ChildProcess>();
after(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

function run(...args: string[]) {
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts the server on a free port and waits until it says where it listens. */
async function start(...args: string[]) {
  const child = run('--port', '0', ...args);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const url = /^model server listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { child, url, lines };
  }
  throw new Error(`The server ended after ${JSON.stringify(lines)}.`);
}

async function refusal(...args: string[]): Promise<string> {
  const child = run(...args);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  return stderr;
}

async function get(url: string, init: RequestInit = {}): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, init);
  assert.equal(response.headers.get('content-type'), 'application/json');
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const { child, url, lines } = await start();

test('prints the hold-out error of every token beside the last value, before it listens', () => {
  assert.match(lines[0] ?? '', /3 tokens, 730 days to 2026-06-30\. Synthetic/);
  assert.match(lines[1] ?? '', /hold-out/);
  for (const [index, token] of ['BTC', 'ETH', 'SOL'].entries()) {
    assert.match(
      lines[2 + index] ?? '',
      new RegExp(
        `^  ${token} +last 146 days: RMSE [\\d.]+ vs [\\d.]+ \\([\\d.]+ % (better|worse)\\), MAE [\\d.]+ vs [\\d.]+$`,
      ),
    );
  }
});

test('GET /inference/{token} answers a decimal string, whatever the case of the token', async () => {
  const { status, body } = await get(`${url}/inference/ETH`);
  assert.equal(status, 200);
  assert.equal(body.token, 'ETH');
  assert.equal(body.model, 'ridge');
  assert.equal(body.as_of, '2026-06-30');
  assert.match(String(body.value), /^\d+\.\d{2,}$/);
  for (const other of ['eth', 'eTh', '%45TH', 'ETH?x=1']) {
    assert.deepEqual(await get(`${url}/inference/${other}`), { status, body });
  }
});

test('GET /holdout answers the errors that were printed', async () => {
  const { body } = await get(`${url}/holdout`);
  const { ETH } = body.tokens as Record<
    string,
    { days: number; ridge: { rmse: number }; last_value: { rmse: number } }
  >;
  assert.equal(ETH?.days, 146);
  assert.ok(lines[3]?.includes(`RMSE ${ETH.ridge.rmse.toPrecision(5)} vs ${ETH.last_value.rmse.toPrecision(5)}`));
});

test('GET /health names the tokens', async () => {
  const { status, body } = await get(`${url}/health`);
  assert.deepEqual(
    { status, body },
    { status: 200, body: { status: 'ok', tokens: ['BTC', 'ETH', 'SOL'], as_of: '2026-06-30' } },
  );
});

test('a token without a model is 404 and names those there are', async () => {
  for (const token of ['DOGE', '', '..%2Fhealth', 'ETH/', '__proto__', 'a'.repeat(5_000)]) {
    const { status, body } = await get(`${url}/inference/${token}`);
    assert.equal(status, 404);
    assert.match(String(body.error), /known: BTC, ETH, SOL\.$/);
    assert.deepEqual(body.known, ['BTC', 'ETH', 'SOL']);
  }
});

test('a broken path is 400, an unknown one 404, another method 405', async () => {
  assert.equal((await get(`${url}/inference/%ff`)).status, 400);
  assert.equal((await get(`${url}/inference`)).status, 404);
  assert.equal((await get(`${url}/nowhere`)).status, 404);
  assert.equal((await get(`${url}/inference/ETH`, { method: 'POST', body: 'x'.repeat(100_000) })).status, 405);
});

test('another series gives another answer, and its own tokens', async () => {
  const data = join(folder, 'other.csv');
  await writeFile(data, makePrices(7).replace('BTC,ETH,SOL', 'AAA,ETH,pepe'));
  const other = await start('--data', data);
  const [ours, theirs] = [await get(`${url}/inference/ETH`), await get(`${other.url}/inference/ETH`)];
  assert.notEqual(theirs.body.value, ours.body.value);
  assert.equal((await get(`${other.url}/inference/PEPE`)).body.token, 'pepe');
  assert.equal((await get(`${other.url}/inference/BTC`)).status, 404);
  other.child.kill('SIGINT');
  assert.deepEqual(await once(other.child, 'exit'), [0, null]);
});

test('a taken port is one sentence and exit code 1', async () => {
  const port = new URL(url).port;
  assert.match(await refusal('--port', port), new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken; .*\\n$`));
});

test('bad settings and bad data are one clear message and exit code 1', async () => {
  const broken = join(folder, 'broken.csv');
  await writeFile(broken, 'date,AAA\n2026-01-01,cheap\n');
  const short = join(folder, 'short.csv');
  await writeFile(short, 'date,AAA\n2026-01-01,1\n');
  const messages = await Promise.all([
    refusal('--port', '70000'),
    refusal('--port', 'http'),
    refusal('--colour'),
    refusal('--port', '0', '--data', join(folder, 'missing.csv')),
    refusal('--port', '0', '--data', broken),
    refusal('--port', '0', '--data', short),
  ]);
  const expected = [
    /^--port "70000" is no port/,
    /^--port "http" is no port/,
    /^Unknown option '--colour'\nUsage: /,
    /^Cannot read the prices: .*missing\.csv.*--data\.\n$/,
    /^.*broken\.csv, line 2: "cheap" is no price of AAA/,
    /^AAA has 1 daily closes; the model needs at least 60\.\n$/,
  ];
  for (const [index, message] of messages.entries()) assert.match(message, expected[index] ?? /never/);
});

test('prices are printed as plain decimals of any size', () => {
  assert.equal(decimal(3213.456789012), '3213.456789');
  assert.equal(decimal(0.00000001234567), '0.00000001234567000');
  assert.equal(decimal(123_456_789_012_345), '123456789012345.00');
  assert.doesNotMatch(decimal(1e20), /e/);
});

test('SIGTERM ends it with exit code 0', async () => {
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
