import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyBaseLogger } from 'fastify';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { Outcome } from '../../runtime/core/execution.ts';
import type { ExecuteRequest, PeerResult } from '../../runtime/core/node.ts';
import { createApi } from '../../runtime/http/api.ts';
import { createLog } from '../../runtime/telemetry/log.ts';
import { BODY_LIMIT, EXECUTE, PEER, peerResult, post, stubApi, stubNode } from './stub-node.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The body of an execute request's answer, with the request id replaced by `ID`. */
async function answered(
  results: readonly PeerResult[],
  remarks: readonly string[] = [],
  url = EXECUTE,
): Promise<string> {
  const app = await stubApi({
    execute: async (_request, { requestId }) => ({
      requestId,
      code: '200',
      results,
      cluster: results.map(({ peerId }) => peerId),
      remarks,
    }),
  });
  const answer = await post(app, url, '{}');
  assert.equal(answer.status, 200);
  assert.equal(answer.type, 'application/json; charset=UTF-8');
  const id = String(JSON.parse(answer.body).request_id);
  assert.match(id, UUID);
  return answer.body.replaceAll(id, 'ID');
}

test('a function that exits 0 is answered field for field in the order of the inference base image', async () => {
  assert.equal(
    await answered([peerResult(PEER)]),
    `{"code":"200","request_id":"ID","results":[{"result":{"stdout":"{\\"infererValue\\":\\"42\\"}\\n","stderr":"","exit_code":0},` +
      `"peers":["${PEER}"],"frequency":100,"metadata":{"${PEER}":{"cause":"exited","usage":{"wall_clock_time":1500000,` +
      `"cpu_user_time":250000,"memory_max_kb":65,"fuel":1234,"host_calls":3,"bytes_out":7}}}}],"cluster":{"peers":["${PEER}"]}}\n`,
  );
});

test('at level debug a request has a line with how it ended; at others none', async () => {
  for (const level of ['info', 'debug'] as const) {
    const lines: string[] = [];
    const log = createLog({ level, pretty: false, write: (text) => lines.push(text) }) as unknown as FastifyBaseLogger;
    const execute = ({ topic }: ExecuteRequest, { requestId }: { requestId: string }) =>
      topic === '2'
        ? Promise.reject(new InferbaseError('ERR_NOT_ENOUGH_NODES', 'none'))
        : Promise.resolve({ requestId, code: '200' as const, results: [], cluster: [PEER], remarks: [] });
    const app = await createApi(stubNode({ execute }), { log, bodyLimitBytes: BODY_LIMIT });
    for (const topic of ['1', '2']) await post(app, EXECUTE, `{"function_id":"${'f'.repeat(200)}","topic":"${topic}"}`);
    await app.close();
    const told = lines
      .map((line) => JSON.parse(line))
      .map(({ msg, function: cid, topic, code, nodes }) => [msg, cid, topic, code, nodes]);
    const cid = 'f'.repeat(100);
    const expected = [
      ['request answered', cid, '1', '200', 1],
      ['request answered', cid, '2', '408', 0],
    ];
    assert.deepEqual(told, level === 'debug' ? expected : []);
  }
});

test('?pretty indents by two spaces and says the same', async () => {
  const compact = await answered([peerResult(PEER, { stdout: Buffer.from('<&') })]);
  const pretty = await answered([peerResult(PEER, { stdout: Buffer.from('<&') })], [], `${EXECUTE}?x=1&pretty`);
  assert.ok(pretty.startsWith('{\n  "code": "200",\n  "request_id": "ID",\n'));
  assert.ok(pretty.includes('"stdout": "\\u003c\\u0026"'));
  assert.deepEqual(JSON.parse(pretty), JSON.parse(compact));
  assert.equal(await answered([peerResult(PEER)], [], `${EXECUTE}?prettyplease`), await answered([peerResult(PEER)]));
});

const ENDS: readonly (readonly [name: string, over: Partial<Outcome>, message: string | undefined])[] = [
  ['exit 0', {}, undefined],
  ['exit 3', { exitCode: 3 }, 'function ended with cause exited, exit code 3'],
  [
    'a trap',
    { cause: 'trapped', exitCode: 11, message: 'unreachable' },
    'function ended with cause trapped, exit code 11: unreachable',
  ],
  [
    'a deadline',
    { cause: 'deadline', exitCode: 15, message: '20000 ms passed' },
    'function ended with cause deadline, exit code 15: 20000 ms passed',
  ],
];

for (const [name, over, message] of ENDS) {
  test(`a function that ran is code 200, and its end is in message and metadata: ${name}`, async () => {
    const body = JSON.parse(await answered([peerResult(PEER, over)]));
    assert.equal(body.code, '200');
    assert.equal(body.message, message);
    assert.equal(body.results[0].result.exit_code, over.exitCode ?? 0);
    assert.equal(body.results[0].metadata[PEER].cause, over.cause ?? 'exited');
  });
}

test('remarks are told in message, after the end of the function', async () => {
  const body = JSON.parse(await answered([peerResult(PEER, { exitCode: 1 })], ['pbft ran as one node', 'more']));
  assert.equal(body.message, 'function ended with cause exited, exit code 1; pbft ran as one node; more');
});

test('identical results of several peers are one entry, the most frequent first', async () => {
  const other = { stderr: Buffer.from('x') };
  const results = [
    peerResult('P1', other),
    peerResult('P4'),
    peerResult('P2', { ...other, exitCode: 1 }),
    peerResult('P3'),
  ];
  const body = JSON.parse(await answered(results));
  const entries = body.results.map((entry: Record<string, unknown>) => [entry.peers, entry.frequency]);
  assert.deepEqual(entries, [
    [['P3', 'P4'], 50],
    [['P1'], 25],
    [['P2'], 25],
  ]);
  assert.deepEqual(Object.keys(body.results[0].metadata), ['P3', 'P4']);
  assert.deepEqual(body.cluster, { peers: ['P1', 'P4', 'P2', 'P3'] });
  const thirds = JSON.parse(await answered([peerResult('P1'), peerResult('P2'), peerResult('P3', other)]));
  assert.equal(thirds.results[1].frequency, 33.333333333333336);
});

test('a reply without results leaves the field out', async () => {
  assert.equal(await answered([]), '{"code":"200","request_id":"ID","cluster":{}}\n');
});

test('what Go escapes is escaped', async () => {
  const stdout = Buffer.from('<script>&\u2028\u2029"\\/\u0001\u001f\u007f\b\f\n\r\té😀');
  const expected = '\\u003cscript\\u003e\\u0026\\u2028\\u2029\\"\\\\/\\u0001\\u001f\u007f\\b\\f\\n\\r\\té😀';
  assert.ok((await answered([peerResult(PEER, { stdout })])).includes(`"stdout":"${expected}"`));
});

test('output that is not UTF-8 has U+FFFD in its place, and a byte order mark stays', async () => {
  const stdout = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xed, 0xa0, 0x80, 0x62, 0xf0, 0x9f]);
  const body = JSON.parse(await answered([peerResult(PEER, { stdout })]));
  assert.match(body.results[0].result.stdout, /^\ufeffa\ufffd+b\ufffd+$/);
});

test('truncated output is marked, and usage of zero is left out', async () => {
  const usage = { wallMs: 0, cpuMs: 0, fuel: 0, peakMemoryBytes: 0, hostCalls: 0, bytesIn: 0, bytesOut: 0 };
  const body = JSON.parse(await answered([peerResult(PEER, { stdoutTruncated: true, stderrTruncated: true, usage })]));
  assert.deepEqual(body.results[0].metadata[PEER], { cause: 'exited', usage: {}, truncated: ['stdout', 'stderr'] });
});

const DETAILS = { details: ['https://a: 404', 'https://b: timed out'] };
const ERRORS: readonly (readonly [error: unknown, code: string, message: string])[] = [
  [new InferbaseError('ERR_INVALID_CID', '"x<y" is no CID'), '404', '"x<y" is no CID'],
  [
    new InferbaseError('ERR_FUNCTION_NOT_FOUND', 'nowhere', DETAILS),
    '404',
    'nowhere (https://a: 404; https://b: timed out)',
  ],
  [new InferbaseError('ERR_NOT_ENOUGH_NODES', '2 nodes'), '408', '2 nodes'],
  [new InferbaseError('ERR_BUSY', 'busy'), '503', 'busy'],
  [new InferbaseError('ERR_CLOSED', 'closing'), '503', 'closing'],
  [new InferbaseError('ERR_INVALID_MODULE', 'no wasm'), '500', 'no wasm'],
  [new InferbaseError('ERR_SOURCE_UNAVAILABLE', 'down'), '500', 'down'],
  [new InferbaseError('ERR_INTERNAL', 'ENOENT /secret'), '500', 'internal error'],
  [new Error('a secret path'), '500', 'internal error'],
  [undefined, '500', 'internal error'],
];

for (const [error, code, message] of ERRORS) {
  test(`a function that never ran is HTTP 200 with code ${code}: ${String(error)}`, async () => {
    const app = await stubApi({ execute: () => Promise.reject(error) });
    const { status, body } = await post(app, EXECUTE, '{"function_id":"x<y"}');
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(JSON.parse(body)), ['code', 'request_id', 'message', 'cluster']);
    const { request_id: id, ...rest } = JSON.parse(body);
    assert.match(id, UUID);
    assert.deepEqual(rest, { code, message, cluster: {} });
  });
}

test('an empty function_id is named as the field it is', async () => {
  const error = new InferbaseError('ERR_INVALID_CID', '"" is empty; give the CID of a function.');
  const app = await stubApi({ execute: () => Promise.reject(error) });
  for (const body of ['{}', '{"function_id":""}']) {
    const { code, message } = JSON.parse((await post(app, EXECUTE, body)).body);
    assert.deepEqual([code, message], ['404', 'function_id is empty; give the CID of a function']);
  }
  const { message } = JSON.parse((await post(app, EXECUTE, '{"function_id":"x"}')).body);
  assert.equal(message, error.message);
});

test('more parameters or variables than anyone needs are a 400, and the function does not run', async (t) => {
  const app = await createApi(stubNode({ execute: () => Promise.reject(new Error('it ran')) }), {
    log: false,
    bodyLimitBytes: 1_048_576,
  });
  t.after(() => app.close());
  for (const body of [
    { parameters: new Array(10_001).fill({}) },
    { config: { env_vars: new Array(10_001).fill({}) } },
  ]) {
    const answer = await post(app, EXECUTE, JSON.stringify(body));
    assert.equal(answer.status, 400);
    assert.match(answer.body, /(parameters|config\.env_vars) has 10001 items/);
  }
});

test('requests whose bodies together take too much memory are told that the node is busy', async (t) => {
  const waiting = Promise.withResolvers<void>();
  const node = stubNode({
    execute: async (_request, { requestId }) => {
      await waiting.promise;
      return { requestId, code: '200', results: [], cluster: [], remarks: [] };
    },
  });
  const app = await createApi(node, { log: false, bodyLimitBytes: BODY_LIMIT, heldBytes: 2_000 });
  t.after(() => app.close());
  const body = JSON.stringify({ config: { stdin: 'a'.repeat(900) } });
  const held = [post(app, EXECUTE, body), post(app, EXECUTE, body)];
  const refused = JSON.parse((await post(app, EXECUTE, body)).body);
  assert.equal(refused.code, '503');
  assert.match(refused.message, /busy/);
  waiting.resolve();
  for (const answer of await Promise.all(held)) assert.equal(JSON.parse(answer.body).code, '200');
  assert.equal(JSON.parse((await post(app, EXECUTE, body)).body).code, '200');
});
