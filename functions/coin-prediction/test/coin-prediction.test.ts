import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildFunction } from '../../../test/support/build-function.ts';
import { openTestRuntime, runGuest, runIn } from '../../../test/support/run-guest.ts';
import { createInferenceServer } from '../model-server/inference-server.ts';
import { makePrices } from '../model-server/make-prices.ts';
import { parsePrices } from '../model-server/series.ts';

const wasm = await buildFunction('coin-prediction');

/** The model server of the moment. */
let listener: RequestListener = answering(500, '');
const upstream = createServer((request, response) => listener(request, response));
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const runtime = await openTestRuntime({ 'upstreams.model.url': urlOf(upstream) });
after(async () => {
  await runtime.close();
  upstream.closeAllConnections();
  upstream.close();
});

/** Runs the function against a model server that answers so. */
async function ask(model: RequestListener, options: { token?: string; deadlineMs?: number } = {}) {
  listener = model;
  return runIn(runtime, wasm, {
    env: { ALLORA_ARG_PARAMS: options.token ?? 'ETH', TOPIC_ID: '1', BLS_REQUEST_PATH: '/api' },
    ...(options.deadlineMs === undefined ? {} : { limits: { deadlineMs: options.deadlineMs } }),
  });
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(status: number, body: string | Buffer): RequestListener {
  return (_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

test('answers what the model server predicts', async () => {
  const { server, forecasts } = createInferenceServer(parsePrices(makePrices(3), 'prices.csv'));
  const model = server.listeners('request')[0] as RequestListener;
  for (const { token, value } of forecasts) {
    const { cause, exitCode, stdout, stderr } = await ask(model, { token: ` ${token.toLowerCase()} ` });
    assert.deepEqual({ cause, exitCode, stderr }, { cause: 'exited', exitCode: 0, stderr: '' });
    const answer = JSON.parse(stdout) as { infererValue: string };
    assert.deepEqual(Object.keys(answer), ['infererValue']);
    assert.ok(Math.abs(Number(answer.infererValue) - value) < 1e-6 * value, `${stdout} for ${value}`);
  }
});

test('hands on the digits it was given, however the body writes them', async () => {
  for (const body of ['{"value":"2605.5300"}', '{"value":2605.5300}', '2605.5300', ' "2605.5300"\n']) {
    const { stdout, stderr } = await ask(answering(200, body));
    assert.ok(
      ['{"infererValue":"2605.5300"}', '{"infererValue":"2605.53"}'].includes(stdout),
      `${body}: ${stdout}${stderr}`,
    );
  }
  assert.equal((await ask(answering(200, '0.00000001'))).stdout, '{"infererValue":"0.00000001"}');
  assert.equal((await ask(answering(200, '{"value":"-12"}'))).stdout, '{"infererValue":"-12"}');
});

test('the token is percent-encoded into the path', async () => {
  const paths: (string | undefined)[] = [];
  for (const token of ['ETH', 'a b?c#d&e', '比特币', 'x/y', '../health', '%2e']) {
    await ask(
      (request, response) => {
        paths.push(request.url);
        response.end('1');
      },
      { token },
    );
  }
  assert.equal(paths[0], '/inference/ETH');
  assert.equal(paths[1], '/inference/a%20b%3Fc%23d%26e');
  assert.equal(paths[2], '/inference/%E6%AF%94%E7%89%B9%E5%B8%81');
  // Those the proxy let through still hold the token in one segment.
  for (const path of paths) assert.match(String(path), /^\/inference\/[^/?#]+$/);
});

test('waits for a slow model server', async () => {
  const { exitCode, stdout } = await ask(async (_request, response) => {
    await sleep(300);
    response.end('{"value":"1.5"}');
  });
  assert.equal(exitCode, 0);
  assert.equal(stdout, '{"infererValue":"1.5"}');
});

test('a model server that never answers ends it by its deadline, without an answer', async () => {
  const { cause, stdout } = await ask(() => {}, { deadlineMs: 400 });
  assert.equal(cause, 'deadline');
  assert.equal(stdout, '');
});

test('without a token in ALLORA_ARG_PARAMS it fails with exit code 1', async () => {
  for (const token of [null, '', ' ', '.', '..']) {
    const env: Record<string, string> = token === null ? {} : { ALLORA_ARG_PARAMS: token };
    const { cause, exitCode, stdout, stderr } = await runIn(runtime, wasm, { env });
    assert.deepEqual({ cause, exitCode, stdout }, { cause: 'exited', exitCode: 1, stdout: '' });
    assert.match(stderr, /ALLORA_ARG_PARAMS/);
  }
});

const failures: readonly (readonly [what: string, listener: RequestListener, exitCode: number, message: RegExp])[] = [
  ['answers 500', answering(500, '{"error":"out of memory"}'), 3, /500.*out of memory/],
  ['answers 500 with a page', answering(500, `<html>${'x'.repeat(10_000)}`), 3, /500/],
  ['does not know the token', answering(404, '{"error":"No model for \\"ETH\\"; known: BTC."}'), 3, /404.*known: BTC/],
  ['answers 204', answering(204, ''), 4, /./],
  ['answers nothing', answering(200, ''), 4, /an empty body/],
  ['answers a page', answering(200, '<html>hello</html>'), 4, /<html>/],
  ['answers broken JSON', answering(200, '{"value":"1'), 4, /./],
  ['answers no value', answering(200, '{"price":"1"}'), 4, /"value"/],
  ['answers null', answering(200, '{"value":null}'), 4, /./],
  ['answers a word', answering(200, '{"value":"many"}'), 4, /many/],
  ['answers NaN', answering(200, '{"value":"NaN"}'), 4, /NaN/],
  ['answers Infinity', answering(200, 'Infinity'), 4, /Infinity/],
  ['answers a number past all range', answering(200, '{"value":1e999}'), 4, /./],
  ['answers something to break out with', answering(200, '{"value":"1\\",\\"x\\":\\"2"}'), 4, /./],
  ['answers an array', answering(200, '[1]'), 4, /./],
  ['answers bytes that are no text', answering(200, Buffer.from([0xff, 0, 0xfe])), 4, /./],
  ['answers a megabyte', answering(200, '1'.repeat(1_048_576)), 4, /cannot be read/],
  [
    'leads elsewhere',
    (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    2,
    /./,
  ],
  ['hangs up', (request) => request.socket.destroy(), 2, /./],
];
for (const [what, model, expected, message] of failures) {
  test(`a model server that ${what} is exit code ${expected}, a reason on stderr and no invented value`, async () => {
    const { cause, exitCode, stdout, stderr } = await ask(model);
    assert.deepEqual({ cause, exitCode, stdout }, { cause: 'exited', exitCode: expected, stdout: '' });
    assert.match(stderr, message);
    assert.ok(stderr.length < 1_000, `${stderr.length} characters`);
  });
}

test('a model server that is down is exit code 2, and the reason says what to do', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = urlOf(server);
  await new Promise((resolve) => server.close(resolve));
  const { cause, exitCode, stdout, stderr } = await runGuest(wasm, {
    env: { ALLORA_ARG_PARAMS: 'ETH' },
    upstreams: { model: url },
  });
  assert.deepEqual({ cause, exitCode, stdout }, { cause: 'exited', exitCode: 2, stdout: '' });
  assert.match(stderr, /http:\/\/model\/inference\/ETH/);
  assert.match(stderr, /upstreams\.model\.url/);
});

test('imports WASI and blockless modules only', async () => {
  const modules = new Set(WebAssembly.Module.imports(await WebAssembly.compile(wasm)).map((one) => one.module));
  assert.deepEqual([...modules].sort(), ['blockless_http', 'blockless_memory', 'wasi_snapshot_preview1']);
});
