import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Agent, request } from 'undici';
import { buildFunction } from '../support/build-function.ts';
import { openTestRuntime } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

/** Every clause of what can be put in wrongly, and the test that sends it. `.` is this file. */
const CLAUSES: readonly (readonly [clause: string, file: string, test: string])[] = [
  ['not a CID', '.', 'not a CID'],
  ['a CID nowhere to be found', '.', 'a CID nowhere to be found'],
  ['… that times out', 'store/gateways.test.ts', 'a function that keeps arriving too slowly ends at the total time'],
  [
    'a gateway that lies, stalls, redirects, sends 10× the size',
    'store/gateways.test.ts',
    'bad gateways lose against the one',
  ],
  ['an archive with .., links, a bomb', 'store/package.test.ts', 'an archive that tries to leave itself, or is none'],
  ['wrong checksum', 'store/package.test.ts', 'a wrong checksum of the archive or of a module is refused'],
  ['a file that is not wasm', '.', 'a file that is not wasm'],
  ['a method that is not in the package or has a path in it', '.', 'a method with a path in it'],
  ['… in a real package', 'store/package.test.ts', 'a method that is a path, or is not in the package'],
  ['a body that is not JSON', '.', 'a body that is not JSON'],
  ['a 50 MB body', '.', 'a 50 MB body'],
  ['a permission that is no URL', '.', 'a permission that is no URL'],
  ['a function that traps', '.', 'trap-unreachable'],
  ['… exits 3', '.', 'exit-three'],
  ['… spins', '.', 'spin'],
  ['… prints for ever', '.', 'print-for-ever'],
  ['… allocates for ever', '.', 'allocate-for-ever'],
  ['a model server that is down', '.', 'down'],
  ['… slow', '.', 'slow'],
  ['… answers 500', '.', 'answers 500'],
  ['… answers garbage', '.', 'answers garbage'],
  ['kill -9 at each step of an install', 'store/crash.test.ts', 'killed at any step of an install'],
  ['kill -9 at 20 random moments', 'store/crash.test.ts', 'killed at any moment of an install'],
];

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;
let api = '';
let hello = '';
let coin = '';
let answerOfModel: RequestListener = (_request, response) => response.end('{"value":"1.5"}');
const model = createServer((incoming, response) => answerOfModel(incoming, response));
const agent = new Agent();

interface Reply {
  readonly code: string;
  readonly message?: string;
  readonly results?: readonly { result: { stdout: string; stderr: string; exit_code: number }; metadata: object }[];
}

async function post(path: string, body: string | Buffer, contentType = 'application/json') {
  const headers = { 'content-type': contentType };
  const answer = await request(`${api}${path}`, { method: 'POST', headers, body, dispatcher: agent });
  return { status: answer.statusCode, body: (await answer.body.json()) as Reply };
}

async function execute(functionId: string, more: object = {}): Promise<Reply> {
  const body = { function_id: functionId, method: '', parameters: null, topic: '1', config: {}, ...more };
  const answer = await post('/api/v1/functions/execute', JSON.stringify(body));
  assert.equal(answer.status, 200);
  return answer.body;
}

async function store(bytes: Uint8Array): Promise<string> {
  return (await runtime.store.add([{ path: '', bytes }])).cid;
}

before(async () => {
  await new Promise<void>((resolve) => model.listen(0, '127.0.0.1', resolve));
  runtime = await openTestRuntime({
    'upstreams.model.url': `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
    'upstreams.model.timeoutMs': 300,
    'limits.deadlineMs': 1_000,
  });
  const { address, port } = await runtime.listen();
  api = `http://${address}:${port}`;
  hello = await store(await buildFunction('hello'));
  coin = await store(await buildFunction('coin-prediction'));
});
after(async () => {
  await agent.close();
  await runtime.close();
  model.closeAllConnections();
  model.close();
});

/** What follows every bad input: the node serves the next request. */
async function servesTheNext(): Promise<void> {
  const reply = await execute(hello);
  assert.equal(reply.code, '200');
  assert.match(reply.results?.[0]?.result.stdout ?? '', /infererValue/);
}

test('every clause of the table has its test', async () => {
  for (const [clause, file, name] of CLAUSES) {
    const url = file === '.' ? new URL(import.meta.url) : new URL(`../${file}`, import.meta.url);
    const text = (await readFile(url, 'utf8'))
      .split('];')
      .slice(file === '.' ? 1 : 0)
      .join('];');
    assert.ok(text.includes(name), `${clause}: no test "${name}" in ${file}`);
  }
});

describe('requests', () => {
  test('not a CID', async () => {
    for (const id of ['', 'nonsense', '../../etc/passwd', 'a'.repeat(10_000)]) {
      const reply = await execute(id);
      assert.equal(reply.code, '404');
      assert.ok(reply.message !== undefined && reply.message.length < 500);
    }
    await servesTheNext();
  });

  test('a CID nowhere to be found', async () => {
    const reply = await execute('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy');
    assert.equal(reply.code, '404');
    assert.match(reply.message ?? '', /gateway/);
    await servesTheNext();
  });

  test('a file that is not wasm', async () => {
    for (const text of ['', 'hello', '<!doctype html>', '(module)', '\0asm', '\0asm\x01\0\0\0\xff']) {
      const reply = await execute(await store(Buffer.from(text, 'latin1')));
      assert.ok(['404', '500'].includes(reply.code), reply.code);
      assert.ok(reply.message);
    }
    await servesTheNext();
  });

  test('a method with a path in it', async () => {
    const bytes = await buildFunction('hello');
    const { cid } = await runtime.store.add([
      { path: 'a.wasm', bytes },
      { path: 'b.wasm', bytes },
    ]);
    for (const method of ['../a.wasm', '/a.wasm', './a.wasm', 'a.wasm/', 'c.wasm', '..', 'a.wasm\0', '']) {
      const reply = await execute(cid, { method });
      assert.equal(reply.code, '404', method);
      assert.match(reply.message ?? '', /a\.wasm/);
    }
    assert.equal((await execute(cid, { method: 'b.wasm' })).code, '200');
  });

  test('a body that is not JSON', async () => {
    for (const body of ['{', 'nonsense', '[]', '{"function_id":1}', '{"config":{"env_vars":{}}}']) {
      const { status, body: reply } = await post('/api/v1/functions/execute', body);
      assert.equal(status, 400, body);
      assert.ok(reply.message);
    }
    await servesTheNext();
  });

  test('a 50 MB body', async () => {
    const status = await new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(api);
      const socket = connect(Number(port), hostname, () => {
        socket.write('POST /api/v1/functions/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
        socket.write(`Content-Length: ${50 * 1_048_576}\r\n\r\n`);
        socket.write(Buffer.alloc(1_048_576, 32));
      });
      socket.once('data', (data) => resolve(data.toString('latin1', 0, 12)));
      socket.once('error', reject);
      socket.once('data', () => socket.destroy());
    });
    assert.equal(status, 'HTTP/1.1 413');
    await servesTheNext();
  });

  test('a permission that is no URL', async () => {
    const body = JSON.stringify({ function_id: hello, config: { permissions: ['nonsense'] } });
    const { status, body: reply } = await post('/api/v1/functions/execute', body);
    assert.equal(status, 400);
    assert.match(reply.message ?? '', /nonsense/);
  });
});

describe('functions', () => {
  const rows: readonly (readonly [name: string, cause: string, exitCode: number])[] = [
    ['trap-unreachable', 'trapped', 11],
    ['exit-three', 'exited', 3],
    ['spin', 'deadline', 15],
    ['sleep', 'deadline', 15],
    ['print-for-ever', 'output', 255],
    ['allocate-for-ever', 'memory', 11],
  ];
  for (const [name, cause, exitCode] of rows) {
    test(name, async () => {
      const reply = await execute(await store(await guest(name)));
      assert.equal(reply.code, '200');
      assert.equal(reply.results?.[0]?.result.exit_code, exitCode);
      assert.match(reply.message ?? '', new RegExp(`${cause}.*exit code ${exitCode}`));
      assert.match(JSON.stringify(reply.results?.[0]?.metadata), new RegExp(`"cause":"${cause}"`));
      await servesTheNext();
    });
  }
});

describe('a model server that is or', () => {
  const stderrOf = async (): Promise<{ stderr: string; stdout: string; exitCode: number }> => {
    const reply = await execute(coin, { config: { env_vars: [{ name: 'ALLORA_ARG_PARAMS', value: 'ETH' }] } });
    assert.equal(reply.code, '200');
    const { stdout = '', stderr = '', exit_code: exitCode = 0 } = reply.results?.[0]?.result ?? {};
    return { stdout, stderr, exitCode };
  };
  const rows: readonly (readonly [name: string, answer: RequestListener])[] = [
    ['slow', () => {}],
    ['answers 500', (_request, response) => response.writeHead(500).end('broken')],
    ['answers garbage', (_request, response) => response.end('{"value":')],
    ['down', (incoming) => incoming.socket.destroy()],
  ];
  for (const [name, answer] of rows) {
    test(name, async () => {
      answerOfModel = answer;
      const { stdout, stderr, exitCode } = await stderrOf();
      assert.equal(stdout, '');
      assert.ok(exitCode >= 2, String(exitCode));
      assert.match(stderr, /model server|\/inference\/ETH/);
      answerOfModel = (_request, response) => response.end('{"value":"1.5"}');
      const next = await stderrOf();
      assert.match(next.stdout, /"infererValue":"1\.5"/);
    });
  }
});
