import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permissionLineFor } from '../../runtime/core/permissions.ts';
import { type RunOptions, runProgram } from './run-sdk.ts';
import type { StubResponse } from './stub-host.ts';

interface Row {
  readonly ok: boolean;
  readonly code?: number;
  readonly name?: string;
  readonly message?: string;
  readonly permission?: string;
  readonly status: number;
  readonly responseOk: boolean;
  readonly length: number;
  readonly text: string;
  readonly json: unknown;
  readonly headerBefore?: string | null;
  readonly headerAfter?: string | null;
  readonly bodyError: string;
}

async function send(steps: readonly object[], answer: StubResponse, options: RunOptions = {}) {
  const run = await runProgram('http.ts', { stdin: JSON.stringify(steps), http: () => answer, ...options });
  assert.equal(run.exitCode, 0, run.stderr);
  const rows = JSON.parse(run.stdout) as Row[];
  const [first] = rows;
  assert.ok(first);
  return { run, rows, first };
}

const OK: StubResponse = { status: 200 };

test('a plain GET sends the option string of the official SDK', async () => {
  const { run } = await send([{ url: 'http://a.example/x' }], OK);
  assert.deepEqual(run.requests, [
    { url: 'http://a.example/x', options: '{"headers":"{}","connectTimeout":30,"readTimeout":30,"method":"GET"}' },
  ]);
});

test('body, headers, timeouts and method keep the official order and types', async () => {
  const step = {
    method: 'POST',
    url: 'http://a.example/x',
    headers: [
      ['X-Key', 'a "b"\\'],
      ['x-key', 'last'],
      ['Accept', 'é'],
    ],
    json: { price: 1.5, note: 'é\u0000\f' },
    timeoutMs: 1001,
    connectTimeoutMs: 1,
  };
  const { run } = await send([step], OK);
  const [request] = run.requests;
  assert.equal(
    request?.options,
    '{"body":"{\\"price\\":1.5,\\"note\\":\\"é\\\\u0000\\\\f\\"}",' +
      '"headers":"{\\"X-Key\\":\\"last\\",\\"Accept\\":\\"é\\",\\"content-type\\":\\"application/json\\"}",' +
      '"connectTimeout":1,"readTimeout":2,"method":"POST"}',
  );
});

test('query values are percent-encoded and go before the fragment', async () => {
  const query = [
    ['q', 'a b&c=d'],
    ['é', '🎉'],
    ['lone', '\ud800'],
  ];
  const encoded = 'q=a%20b%26c%3Dd&%C3%A9=%F0%9F%8E%89&lone=%EF%BF%BD';
  for (const [url, expected] of [
    ['http://a/x', `http://a/x?${encoded}`],
    ['http://a/x?y=1', `http://a/x?y=1&${encoded}`],
    ['http://a/x?#f', `http://a/x?${encoded}#f`],
  ]) {
    const { run } = await send([{ url, query }], OK);
    assert.equal(run.requests[0]?.url, expected);
  }
});

test('the model client asks http://model', async () => {
  const { run } = await send([{ model: '/inference/ETH' }, { model: 'health' }], OK);
  assert.deepEqual(
    run.requests.map((request) => request.url),
    ['http://model/inference/ETH', 'http://model/health'],
  );
});

test('a body with NUL goes out and comes back whole; one that is not UTF-8 is refused before it is sent', async () => {
  const { run, first } = await send([{ method: 'POST', url: 'http://a/', bytes: [97, 0, 98] }], {
    status: 200,
    body: 'x\0y',
  });
  assert.equal((JSON.parse(run.requests[0]?.options ?? '') as { body: string }).body, 'a\0b');
  assert.equal(first.text, 'x\0y');
  const refused = await send([{ method: 'POST', url: 'http://a/', bytes: [0xff] }], OK);
  assert.deepEqual([refused.first.code, refused.first.name, refused.run.requests.length], [-1, 'body_not_utf8', 0]);
});

test('any status is a response; only 2xx is ok', async () => {
  for (const [status, ok] of [
    [200, true],
    [204, true],
    [301, false],
    [404, false],
    [500, false],
  ] as const) {
    const { first } = await send([{ url: 'http://a/' }], { status, body: '{"error":"x"}' });
    assert.deepEqual([first.ok, first.status, first.responseOk, first.json], [true, status, ok, { error: 'x' }]);
  }
});

test('a denied URL is error 14 with the permission line that would allow it, and no secret in it', async () => {
  const { first } = await send([{ url: 'https://User:pw@API.Example.com:8443/v1/price?key=secret#f' }], { errno: 14 });
  assert.equal(first.ok, false);
  assert.equal(first.code, 14);
  assert.equal(first.name, 'permission_deny');
  assert.equal(first.permission, 'https://api.example.com:8443/v1/price');
  assert.equal(
    first.message,
    'GET https://api.example.com:8443/v1/price: permission_deny (14), no permission covers it: allow https://api.example.com:8443/v1/price',
  );
  assert.deepEqual([first.status, first.length, first.text], [0, 0, ''], 'reading the missing response aborts nothing');
});

test("a denied URL's permission line is the one the node proposes", async () => {
  const urls = [
    'http://a.example',
    'https://A.example:443/V1/p?q=1',
    'http://a.example:443/x',
    'http://a.example:80/x#f',
    'http://127.0.0.1:9000/a/b-c_d~e.json',
    'http://[::1]:9000/x;y=(1)/',
  ];
  const { rows } = await send(
    urls.map((url) => ({ url })),
    { errno: 14 },
  );
  assert.deepEqual(
    rows.map((row) => row.permission),
    urls.map((url) => permissionLineFor(url)),
  );
});

test('a permission line never names a path that the node would read as another', async () => {
  const paths = ['/a/../b', '/a/./b', '/a b', '/é', '/%2e%2e/x', '\\x', '/a\\..\\b'];
  const { rows } = await send(
    paths.map((path) => ({ url: `https://a.example${path}` })),
    { errno: 14 },
  );
  for (const { permission } of rows) assert.equal(permission, 'https://a.example/');
});

test('a denied model path points at the upstream instead of a permission', async () => {
  const { first } = await send([{ model: '/x' }], { errno: 14 });
  assert.equal(first.permission, '');
  assert.match(first.message ?? '', /upstreams\.model\.url$/);
});

test('errors have their number, name and a remedy', async () => {
  for (const [errno, name] of [
    [9, 'invalid_url'],
    [10, 'request_error'],
    [11, 'runtime_error'],
    [15, 'headers_validation'],
    [99, 'unknown'],
  ] as const) {
    const { first } = await send([{ url: 'nonsense' }], { errno });
    assert.deepEqual([first.code, first.name, first.permission], [errno, name, '']);
    assert.match(first.message ?? '', new RegExp(`^GET the URL: ${name} \\(${errno}\\), .`));
  }
});

for (const gcStress of [false, true]) {
  test(`headers of any length are right${gcStress ? ', under constant garbage collection' : ''}`, async () => {
    for (const length of [0, 1, 511, 512, 513, 5_000]) {
      const value = 'abcdefgh'.repeat(700).slice(0, length);
      const step = { url: 'http://a/', headerBefore: 'x-long', headerAfter: 'X-Missing' };
      const { first } = await send([step, step], { status: 200, headers: { 'X-Long': value } }, { gcStress });
      assert.deepEqual([first.headerBefore, first.headerAfter], [value, null]);
    }
  });

  test(`a body in pieces cut inside characters is decoded once${gcStress ? ', under constant garbage collection' : ''}`, async () => {
    const body = '{"text":"é€🎉"}'.repeat(50);
    for (const pieceBytes of [1, 3, 7]) {
      const { first } = await send([{ url: 'http://a/' }], { status: 200, body, pieceBytes }, { gcStress });
      assert.equal(first.text, body);
    }
  });
}

test('1 MB in small pieces is read in linear memory', async () => {
  const body = JSON.stringify('é€🎉'.repeat(111_112));
  const { first, run } = await send([{ url: 'http://a/', quiet: true }], { status: 200, body, pieceBytes: 997 });
  assert.equal(first.length, Buffer.byteLength(body));
  assert.equal(first.json, JSON.parse(body));
  assert.ok(run.memoryBytes <= 256 * 65_536, `${run.memoryBytes} bytes`);
});

test('headers stay readable after the body; where the host refuses they are null unless asked for before', async () => {
  const step = { url: 'http://a/', headerBefore: 'etag', headerAfter: 'content-type' };
  const answer = { status: 200, headers: { ETag: 'e', 'Content-Type': 'text/plain' }, body: 'x' };
  assert.equal((await send([step], answer)).first.headerAfter, 'text/plain');
  const strict = { ...answer, headersOnlyBeforeBody: true };
  assert.deepEqual((await send([step], strict)).first.headerAfter, null);
  assert.equal((await send([{ ...step, headerAfter: 'ETAG' }], strict)).first.headerAfter, 'e');
});

test('a body that breaks off is told from one that ended', async () => {
  const { first } = await send([{ url: 'http://a/' }], { status: 200, body: '{"a":1', endErrno: 11 });
  assert.deepEqual([first.ok, first.text, first.bodyError], [true, '{"a":1', 'runtime_error']);
  assert.match(String(first.json), /^GET http:\/\/a\/: runtime_error \(11\)/);
});

test('maxBytes cuts and says so; a body of exactly that size is whole', async () => {
  for (const [maxBytes, length, error] of [
    [9, 9, 'body_too_large'],
    [10, 10, ''],
    [11, 10, ''],
    [0, 0, 'body_too_large'],
  ] as const) {
    const { first } = await send([{ url: 'http://a/', maxBytes }], { status: 200, body: '0123456789' });
    assert.deepEqual([first.length, first.bodyError], [length, error], `maxBytes ${maxBytes}`);
  }
});

test('many responses at once never run out of handles and lose no body', async () => {
  const steps = Array.from({ length: 100 }, (_, index) => ({ url: `http://a/${index}`, late: true }));
  for (const maxOpen of [64, 3]) {
    const { rows, run } = await send(steps, OK, {
      maxOpen,
      http: (request) => ({ status: 200, body: `body of ${request.url}` }),
    });
    assert.deepEqual(
      rows.map((row) => row.text),
      steps.map((step) => `body of ${step.url}`),
    );
    assert.ok(run.openHandles <= 32);
  }
});

test('a response closed early has no body, and says so', async () => {
  const { first } = await send([{ url: 'http://a/', close: true }], { status: 200, body: 'x' });
  assert.deepEqual([first.text, first.bodyError], ['', 'response_closed']);
});
