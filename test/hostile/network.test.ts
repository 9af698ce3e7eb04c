import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { serve, serveRaw } from '../guest/outbound/loopback.ts';
import { assemble, type Code, call, callWith, i32, store } from '../support/assemble.ts';
import { openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';
import { hostCall } from './sandbox.ts';

const HTTP_REQ = hostCall('blockless_http', 'http_req');
const FD_WRITE = hostCall('wasi_snapshot_preview1', 'fd_write');
const DENIED = 14;

/** Asks for every URL in turn, with these options, and prints the errno of each as a byte. */
function asks(urls: readonly string[], options: string): Uint8Array {
  const data: [number, string][] = [[256, options]];
  const code: number[] = [];
  let at = 16_384;
  urls.forEach((url, index) => {
    data.push([at, url]);
    const args = [at, Buffer.byteLength(url), 256, Buffer.byteLength(options), 128, 132];
    // i32.store8 of the errno.
    const ask: Code = [...i32(8192 + index), ...args.flatMap(i32), ...call(0), 0x3a, 0, 0];
    code.push(...ask);
    at += Buffer.byteLength(url);
  });
  code.push(...store(0, 8192), ...store(4, urls.length), ...callWith(1, FD_WRITE, [1, 0, 1, 64]));
  return assemble({ imports: [HTTP_REQ, FD_WRITE], functions: [code], data, pages: 4 });
}

const GET = '{"method":"GET"}';

interface Asked {
  readonly errnos: readonly number[];
  readonly seen: readonly IncomingMessage[];
  readonly lines: readonly string[];
}

/** Runs a guest beside a server that nobody may reach; `PORT` in a URL or a permission line is the server's. */
async function ask(t: TestContext, urls: readonly string[], allow: readonly string[], options = GET): Promise<Asked> {
  const seen: IncomingMessage[] = [];
  const { port } = await serve(t, (request, response) => {
    seen.push(request);
    response.end('secret');
  });
  const here = (text: string): string => text.replaceAll('PORT', String(port));
  const runtime = await openTestRuntime({ 'policy.allow': allow.map(here) });
  t.after(() => runtime.close());
  const result = await runIn(runtime, asks(urls.map(here), options), { allow: allow.map(here) });
  assert.equal(result.cause, 'exited', result.message);
  return { errnos: [...result.stdoutBytes], seen, lines: runtime.logLines };
}

/** Spellings of this machine, each of which a parser somewhere takes for something else. */
const THIS_MACHINE = [
  'http://127.0.0.1:PORT/',
  'http://localhost:PORT/',
  `http://${hostname()}:PORT/`,
  'http://LOCALHOST:PORT/',
  'HTTP://127.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f000001:PORT/',
  'http://0x7F.0.0.1:PORT/',
  'http://017700000001:PORT/',
  'http://0177.0.0.01:PORT/',
  'http://127.1:PORT/',
  'http://127.000.000.001:PORT/',
  'http://0:PORT/',
  'http://0.0.0.0:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://１２７.0.0.1:PORT/',
  'http://[::1]:PORT/',
  'http://[0:0:0:0:0:0:0:1]:PORT/',
  'http://[::]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[64:ff9b::127.0.0.1]:PORT/',
  'http://[2002:7f00:1::]:PORT/',
  'http://good.com@127.0.0.1:PORT/',
  'http://good.com:80@127.0.0.1:PORT/',
  'http://good.com%40127.0.0.1:PORT/',
  'http://127.0.0.1:PORT\\@good.com/',
  'http://127.0.0.1:PORT#@good.com/',
  'http://127.0.0.1:PORT?@good.com/',
  'http:\\\\127.0.0.1:PORT\\',
  'http:127.0.0.1:PORT/',
  'ht\ntp://127.0.0.1:PORT/',
  ' http://127.0.0.1:PORT/ ',
  'http://169.254.169.254/latest/meta-data/',
  'http://[fd00:ec2::254]/latest/',
  'http://100.100.100.200/latest/',
];

describe('a guest that asks for this machine in every spelling', () => {
  test('is denied where the operator allows one host', async (t) => {
    const { errnos, seen } = await ask(t, THIS_MACHINE, ['http://good.com/']);
    // What is no URL to begin with is errno 9.
    const wrong = THIS_MACHINE.filter((_, at) => errnos[at] !== DENIED && errnos[at] !== 9);
    assert.deepEqual(wrong, []);
    assert.equal(seen.length, 0);
  });

  test('is denied where the operator allows every host, for none of these is public', async (t) => {
    const { errnos, seen } = await ask(t, THIS_MACHINE, ['http://']);
    // A name that cannot be found is errno 11.
    const wrong = THIS_MACHINE.filter((_, at) => errnos[at] === 0);
    assert.deepEqual(wrong, []);
    assert.equal(seen.length, 0);
  });
});

const LOOK_ALIKES = [
  'http://127.0.0.1:PORT.evil/',
  'http://127.0.0.1:PORT@good.com/',
  'http://xlocalhost:PORT/',
  'http://localhost.evil:PORT/',
  'https://localhost:PORT/allowed',
  'http://localhost:PORT/forbidden',
  'http://localhost:PORT/allowed/../forbidden',
  'http://localhost:PORT/allowed/%2e%2e/forbidden',
  'http://localhost:PORT/allowed/..%2fforbidden',
  'http://localhost:PORT/allowed/..;/forbidden',
  'http://localhost:PORT/allowed/%252e%252e/forbidden',
  'http://user@localhost:PORT/allowed/',
  'http://localhost/allowed/',
  'http://good.com.evil/',
  'http://good.comevil/',
  'http://model.evil/',
];

test('what begins like a permitted URL is not one', async (t) => {
  const allow = ['http://localhost:PORT/allowed/', 'http://good.com'];
  const { errnos, seen } = await ask(t, LOOK_ALIKES, allow);
  const wrong = LOOK_ALIKES.filter((_, at) => errnos[at] !== DENIED && errnos[at] !== 9);
  assert.deepEqual(wrong, []);
  assert.equal(seen.length, 0);
});

test('headers and methods cannot carry a second request', async (t) => {
  const url = 'http://127.0.0.1:PORT/';
  for (const options of [
    { method: 'GET', headers: { 'X-A': 'a\r\n\r\nGET /evil HTTP/1.1' } },
    { method: 'GET', headers: { 'X-A: b\r\nX-B': 'c' } },
    { method: 'GET', headers: '{"X-A":"a\\nb"}' },
    { method: 'GET / HTTP/1.1\r\nX-B: c\r\n\r\nGET' },
    { method: 'GET\0' },
  ]) {
    const { errnos, seen } = await ask(t, [url], [url], JSON.stringify(options));
    assert.notEqual(errnos[0], 0, JSON.stringify(options));
    assert.equal(seen.length, 0);
  }
  for (const options of [
    { method: 'POST', body: 'a', headers: { 'Content-Length': '500' } },
    { method: 'POST', body: 'a', headers: { 'Transfer-Encoding': 'chunked' } },
    { method: 'GET', headers: { Host: 'evil', Connection: 'upgrade', Upgrade: 'x' } },
  ]) {
    const { errnos, seen } = await ask(t, [`${url}?\r\nX-B: c`], [url], JSON.stringify(options));
    assert.equal(errnos[0], 0);
    assert.equal(seen.length, 1);
    const [{ headers, url: path }] = seen as [IncomingMessage];
    assert.match(String(headers.host), /^127/);
    assert.deepEqual(
      [headers['x-b'], headers.upgrade, headers['transfer-encoding']],
      [undefined, undefined, undefined],
    );
    assert.equal(path, '/?X-B:%20c');
  }
});

test('a manifest and a request that grant themselves more than the operator allows get no more', async (t) => {
  let seen = 0;
  const { origin } = await serve(t, (_request, response) => {
    seen++;
    response.end('secret');
  });
  const runtime = await openTestRuntime({ 'limits.deadlineMs': 200, 'policy.allow': ['http://good.com/'] });
  t.after(() => runtime.close());
  const node = await runtime.openNode();
  const everything = {
    deadlineMs: 3_600_000,
    fuel: 2 ** 52,
    memoryPages: 65_536,
    hostCalls: 2 ** 52,
    handles: 2 ** 52,
  };
  const manifest = { permissions: [`${origin}/`, 'http://good.com/'], inferbase: { limits: everything } };
  const run = async (wasm: Uint8Array) => {
    const files = [
      { path: 'manifest.json', bytes: Buffer.from(JSON.stringify(manifest)) },
      { path: 'f.wasm', bytes: wasm },
    ];
    const { cid } = await runtime.store.add(files);
    const nothing = {
      parameters: [],
      env: [],
      stdin: new Uint8Array(0),
      nodeCount: 1,
      consensus: '',
      topic: '',
      body: {},
    };
    const asked = { functionId: cid, method: 'f.wasm', limits: everything, permissions: [`${origin}/`] };
    const { signal } = new AbortController();
    const { results } = await node.execute({ ...nothing, ...asked }, { requestId: '1', signal });
    const outcome = results[0]?.outcome;
    assert.ok(outcome);
    return outcome;
  };
  assert.deepEqual([...(await run(asks([`${origin}/`], GET))).stdout], [DENIED]);
  assert.equal(seen, 0);
  const spun = await run(await guest('spin'));
  assert.deepEqual([spun.cause, /200 ms/.test(spun.message)], ['deadline', true]);
  const grown = await run(await guest('allocate-for-ever'));
  assert.deepEqual([grown.cause, /256 pages/.test(grown.message)], ['memory', true]);
});

describe('a model server that', () => {
  test('sends a bomb of gzip is passed on as it is, and no further than the limit on bodies', async (t) => {
    const bomb = gzipSync(Buffer.alloc(100_000_000), { level: 9 });
    const { origin } = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const runtime = await openTestRuntime({ 'upstreams.model.url': origin });
    t.after(() => runtime.close());
    const read = await guest('read-to-the-end');
    const whole = await runIn(runtime, read);
    assert.deepEqual([whole.exitCode, whole.stdoutBytes.length], [0, bomb.length]);
    const cut = await runIn(runtime, read, { limits: { bodyBytes: 10_000 } });
    assert.deepEqual([cut.exitCode, cut.stdoutBytes.length], [11, 10_000]);
  });

  test('sends a byte now and then holds its guest until the deadline, and nobody else', async (t) => {
    const { origin } = await serveRaw(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    const runtime = await openTestRuntime({ 'upstreams.model.url': origin });
    t.after(() => runtime.close());
    const slow = runIn(runtime, await guest('read-to-the-end'), { limits: { deadlineMs: 400 } });
    assert.equal((await runIn(runtime, await guest('exit-three'))).exitCode, 3);
    assert.equal((await slow).cause, 'deadline');
  });

  test('is asked ten thousand times serves one guest 64 responses at a time, and others meanwhile', async (t) => {
    const { origin } = await serve(t, (_request, response) => response.end('x'.repeat(200_000)));
    const runtime = await openTestRuntime({ 'upstreams.model.url': origin });
    t.after(() => runtime.close());
    const many = await guest('http-ten-thousand');
    const greedy = Array.from({ length: 10 }, () => runIn(runtime, many));
    const polite = await runIn(runtime, await guest('read-to-the-end'));
    assert.deepEqual([polite.exitCode, polite.stdoutBytes.length], [0, 200_000]);
    for (const { cause, exitCode } of await Promise.all(greedy)) assert.deepEqual([cause, exitCode], ['exited', 64]);
  });
});

test('ten thousand lists of extensions: 64 are opened', async (t) => {
  const runtime = await openTestRuntime({ 'extensions.say.command': 'printf' });
  t.after(() => runtime.close());
  const { cause, exitCode } = await runIn(runtime, await guest('cgi-list-ten-thousand'));
  assert.deepEqual([cause, exitCode], ['exited', 64]);
});
