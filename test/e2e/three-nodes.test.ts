import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Running, run, start, temporaryFolder } from '../cli/command.ts';
import { importFiles, wasm } from '../store/support.ts';
import { freePort } from '../support/free-port.ts';
import { guest } from '../support/wat.ts';

/** Bytes of the function during whose way from A to B A is killed. */
const BIG = 24 * 1024 * 1024;

interface Served {
  readonly api: string;
  /** Multiaddr with peer id. */
  readonly address: string;
  readonly process: Running;
}

async function serve(t: TestContext, cwd: string, ...args: readonly string[]): Promise<Served> {
  const running = start(['serve', '--listen-api', '127.0.0.1:0', '--peers-enabled', 'true', ...args], cwd);
  t.after(async () => {
    running.kill('SIGKILL');
    await running.finished;
  });
  const [, address = ''] = await running.until(/^peer address (\S+)$/m);
  const [, api = ''] = await running.until(/^API (\S+)$/m);
  return { api, address, process: running };
}

interface Reply {
  readonly code: string;
  readonly message?: string;
  readonly results?: readonly { readonly result: { readonly exit_code: number } }[];
}

async function execute({ api }: Served, cid: string): Promise<Reply> {
  const body = JSON.stringify({ function_id: cid, method: 'f.wasm' });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${api}/api/v1/functions/execute`, { method: 'POST', headers, body });
  return (await answer.json()) as Reply;
}

test('A pins, B fetches by bitswap, C through the gateway of B; A dies midway and comes back', async (t) => {
  await using folder = await temporaryFolder();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder.path, name)) as [string, string, string];
  for (const dir of [a, b, c, join(a, 'functions')]) await mkdir(dir);
  const [small, big] = [await guest('exit-three'), wasm('big', BIG)];
  await writeFile(join(a, 'functions', 'small.wasm'), small);
  await writeFile(join(a, 'functions', 'big.wasm'), big);
  const [smallCid, bigCid] = (await Promise.all([small, big].map((bytes) => importFiles({ '': bytes })))).map(
    ({ cid }) => cid.toString(),
  ) as [string, string];

  // A will come back where it was.
  const listen = ['--peers-listen', `/ip4/127.0.0.1/tcp/${await freePort()}`];
  const first = await serve(t, a, ...listen, '--functions-dir', 'functions');
  const second = await serve(t, b, '--peers-listen', '/ip4/127.0.0.1/tcp/0', '--peers-connect', first.address);

  const reply = await execute(second, smallCid);
  assert.deepEqual([reply.code, reply.results?.[0]?.result.exit_code], ['200', 3]);

  // Killed as soon as a part of it has come: what B says is a sentence, and B stays.
  const blocks = async (): Promise<number> => (await readdir(join(b, '.inferbase/blocks'), { recursive: true })).length;
  const before = await blocks();
  const cut = execute(second, bigCid);
  let over = false;
  void cut.finally(() => {
    over = true;
  });
  while (!over && (await blocks()) < before + 3) await new Promise((resolve) => setTimeout(resolve, 2));
  first.process.kill('SIGKILL');
  const { code, message } = await cut;
  if (code !== '200') assert.match(message ?? '', /could not be fetched|not here within/);

  // C knows B alone, and B has it from A.
  const third = await run(['exec', smallCid, '--gateways', second.api], c);
  assert.equal(third.code, 3, third.stderr);
  assert.equal((await execute(second, smallCid)).code, '200');

  const again = await serve(t, a, ...listen);
  assert.equal(again.address, first.address);
  // B dials again by itself, after a pause.
  let last: Reply;
  for (const start = Date.now(); ; ) {
    last = await execute(second, bigCid);
    if (last.code === '200' || Date.now() - start > 90_000) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(last.code, '200', last.message ?? '');

  second.process.kill('SIGTERM');
  const { stderr } = await second.process.finished;
  assert.match(stderr, /lost a peer; it is dialled again/);
});

test('exec fetches from a peer that is named on the command line, under another identity than the node of the folder', async (t) => {
  await using folder = await temporaryFolder();
  const [a, b] = [join(folder.path, 'a'), join(folder.path, 'b')];
  for (const dir of [a, b, join(a, 'functions')]) await mkdir(dir);
  await writeFile(join(a, 'functions', 'f.wasm'), await guest('exit-three'));
  const first = await serve(t, a, '--peers-listen', '/ip4/127.0.0.1/tcp/0', '--functions-dir', 'functions');
  const [, cid = ''] = await first.process.until(/^function f\.wasm (\S+)$/m);
  const found = await run(['exec', cid, '--peers-connect', first.address], b);
  assert.equal(found.code, 3, found.stderr);

  const refused = await run(['exec', cid, '--peers-connect', '/ip4/127.0.0.1/tcp/9011'], b);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /peers\.connect .*give a list of TCP multiaddrs with peer ids/);
  const taken = await run(
    [
      'serve',
      '--listen-api',
      '127.0.0.1:0',
      '--peers-enabled',
      'true',
      '--peers-listen',
      first.address.replace(/\/p2p.*/, ''),
    ],
    b,
  );
  assert.equal(taken.code, 69);
  assert.match(
    taken.stderr,
    /^error EADDRINUSE: 127\.0\.0\.1:\d+ is taken by another program; stop that one, or choose another with --peers-listen\n$/,
  );
});
