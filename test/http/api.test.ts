import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { BODY_LIMIT, EXECUTE, PEER, peerResult, post, stubApi } from './stub-node.ts';

const INSTALL = '/api/v1/functions/install';
const RESULT = '/api/v1/functions/requests/result';

test('health answers as the inference base image', async () => {
  const response = await (await stubApi()).inject('/api/v1/health');
  assert.equal(response.statusCode, 200);
  assert.equal(response.body, '{"type":"health","code":200}\n');
  assert.equal(response.headers['content-type'], 'application/json; charset=UTF-8');
});

const ELSEWHERE: readonly (readonly [method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, status: number])[] = [
  ['GET', '/', 404],
  ['POST', '/api/v1/functions', 404],
  ['GET', '/api/v1/health/', 404],
  ['GET', '/api/v1/__proto__', 404],
  ['POST', '/api/v1/health', 405],
  ['GET', EXECUTE, 405],
  ['GET', `${EXECUTE}?pretty`, 405],
  ['PUT', INSTALL, 405],
  ['DELETE', RESULT, 405],
];

for (const [method, url, status] of ELSEWHERE) {
  test(`${method} ${url} is ${status} with a message`, async () => {
    const response = await (await stubApi()).inject({ method, url });
    assert.equal(response.statusCode, status);
    const message = status === 404 ? 'Not Found' : 'Method Not Allowed';
    assert.deepEqual(response.json(), { message });
    assert.equal(response.headers.allow !== undefined, status === 405);
  });
}

test('a path that cannot be decoded is a 400 with a message', async () => {
  const response = await (await stubApi()).inject('/%');
  assert.equal(response.statusCode, 400);
  assert.deepEqual(Object.keys(response.json()), ['message']);
});

test('a body over the limit is 413 with a message, and the next request is served', async () => {
  const app = await stubApi();
  const { status, body } = await post(app, EXECUTE, `{"x":"${'a'.repeat(BODY_LIMIT)}"}`);
  assert.equal(status, 413);
  assert.equal(body, '{"message":"Request Entity Too Large"}\n');
  assert.equal((await post(app, EXECUTE, '{}')).status, 200);
});

test('a failure outside the use cases is a 500 that keeps its text to itself', async () => {
  const app = await stubApi({
    results: () => {
      throw new Error('a secret path');
    },
  });
  assert.deepEqual(await post(app, RESULT, '{"id":"x"}'), {
    status: 500,
    body: '{"message":"Internal Server Error"}\n',
    type: 'application/json; charset=UTF-8',
  });
});

const INSTALLS: readonly (readonly [name: string, sent: string, status: number, body: string])[] = [
  ['a CID', '{"cid":"good","topic":"1"}', 200, '{"code":"200"}\n'],
  ['a CID with a URI', '{"CID":"good","uri":"https://x","subgroup":"s"}', 200, '{"code":"200"}\n'],
  ['nothing', '{}', 400, '{"message":"URI or CID are required"}\n'],
  ['an empty body', '', 400, '{"message":"URI or CID are required"}\n'],
  [
    'a URI alone',
    '{"uri":"https://x/m.json"}',
    500,
    '{"message":"function installation failed: https://x/m.json comes with nothing to verify it against; give its CID"}\n',
  ],
  ['an unknown CID', '{"cid":"missing"}', 200, '{"code":"404","message":"missing is nowhere"}\n'],
  ['an unexpected failure', '{"cid":"broken"}', 200, '{"code":"500","message":"internal error"}\n'],
  [
    'a wrong type',
    '{"cid":1}',
    400,
    '{"message":"could not unpack request: code=400, message=Unmarshal type error: expected=string, got=number, field=cid, ' +
      'offset=8, internal=json: cannot unmarshal number into Go struct field InstallFunctionRequest.cid of type string"}\n',
  ],
];

for (const [name, sent, status, body] of INSTALLS) {
  test(`an install of ${name} is answered ${status}`, async () => {
    const app = await stubApi({
      install: async (cid) => {
        if (cid === 'missing') throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', 'missing is nowhere');
        if (cid === 'broken') throw new Error('a secret path');
      },
    });
    const answer = await post(app, INSTALL, sent);
    assert.deepEqual([answer.status, answer.body], [status, body]);
  });
}

test('an install that takes long is answered 408 and goes on until the API closes', async () => {
  const signals: AbortSignal[] = [];
  const app = await stubApi(
    {
      install: (_cid, { signal }) => {
        signals.push(signal);
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    },
    1,
  );
  assert.equal((await post(app, INSTALL, '{"cid":"slow"}')).body, '{"code":"408"}\n');
  assert.equal(signals[0]?.aborted, false);
  await app.close();
  assert.equal(signals[0]?.aborted, true);
});

test('the result of a known request maps each peer to what it made of it', async () => {
  const results = [peerResult(PEER), peerResult('P2', { cause: 'trapped', exitCode: 11, stdout: new Uint8Array(0) })];
  const app = await stubApi({ results: async (id) => (id === 'r-1' ? results : undefined) });
  const usage =
    '"usage":{"wall_clock_time":1500000,"cpu_user_time":250000,"memory_max_kb":65,"fuel":1234,"host_calls":3,"bytes_out":7}';
  const { status, body } = await post(app, RESULT, '{"id":"r-1"}');
  assert.equal(status, 200);
  assert.equal(
    body,
    `{"${PEER}":{"code":"200","result":{"stdout":"{\\"infererValue\\":\\"42\\"}\\n","stderr":"","exit_code":0},"request_id":"r-1",${usage}},` +
      `"P2":{"code":"500","result":{"stdout":"","stderr":"","exit_code":11},"request_id":"r-1",${usage}}}\n`,
  );
});

test('the result of an unknown request is 404 without a body, and a missing id is 400', async () => {
  const app = await stubApi();
  for (const id of ['unknown', '__proto__', 'constructor']) {
    const { status, body } = await post(app, RESULT, JSON.stringify({ id }));
    assert.deepEqual([status, body], [404, '']);
  }
  for (const sent of ['{}', '', '{"id":""}', '{"id":null}']) {
    const { status, body } = await post(app, RESULT, sent);
    assert.deepEqual([status, body], [400, '{"message":"missing request ID"}\n']);
  }
});
