import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { after, before, describe, test } from 'node:test';
import type { Runtime } from '../../runtime/runtime.ts';
import { compile } from '../support/asc.ts';
import { openTestRuntime } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let runtime: Runtime & { readonly logLines: readonly string[] };
let port = 0;
/** By name, as `web.functions` has them. */
const cids = new Map<string, string>();

/** Adds functions to a store of their own first: their CIDs are part of the settings. */
before(async () => {
  const modules: [string, Uint8Array][] = [
    ['web', await compile(new URL('./assembly/web/', import.meta.url))],
    ['old', await compile(new URL('./assembly/http-component/', import.meta.url))],
  ];
  for (const name of [
    'echo',
    'exit-three',
    'trap-unreachable',
    'spin',
    'show-all',
    'print-past-cap',
    'print-for-ever',
  ]) {
    modules.push([name, await guest(name)]);
  }
  const scratch = await openTestRuntime();
  for (const [name, bytes] of modules) cids.set(name, (await scratch.store.add([{ path: '', bytes }])).cid);
  await scratch.close();
  const served = [...cids]
    .filter(([name]) => name !== 'show-all')
    .map(([name, cid]) => (name === 'web' ? cid : `${name}=${cid}`));
  runtime = await openTestRuntime({ 'web.functions': served, 'limits.deadlineMs': 2_000 });
  for (const [, bytes] of modules) await runtime.store.add([{ path: '', bytes }]);
  ({ port } = await runtime.listen());
});
after(() => runtime.close());

/** One request, its path sent as it is written here. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string | Uint8Array } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

const web = (path: string, options: Parameters<typeof ask>[1] = {}): Promise<Reply> =>
  ask(`/fn/${cids.get('web')}${path}`, options);

describe('a function as a web endpoint, with the SDK', () => {
  test('is asked with method, path, query, headers and body, and answers with status, headers and body', async () => {
    const { status, headers, body } = await web('/echo/a%2Fb?name=J%C3%BCrgen+M&x=1', {
      method: 'PUT',
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'x-tricky': 'a=b&c%41',
        cookie: 'a=b',
        connection: 'close',
      },
      body: 'grüße',
    });
    assert.equal(status, 201);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-one'], '1, 2');
    assert.deepEqual(JSON.parse(body), {
      method: 'PUT',
      path: '/echo/a%2Fb',
      segment: 'a/b',
      query: 'name=J%C3%BCrgen+M&x=1',
      name: 'Jürgen M',
      type: 'text/plain; charset=utf-8',
      tricky: 'a=b&c%41',
      cookie: 'none',
      connection: 'none',
      body: 'grüße',
    });
  });

  test('every method reaches it; HEAD is answered without a body', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      assert.equal(JSON.parse((await web('/echo', { method })).body).method, method);
    }
    const { status, headers, body } = await web('/echo', { method: 'HEAD' });
    assert.deepEqual([status, body], [201, '']);
    assert.ok(Number(headers['content-length']) > 50);
  });

  test('204 has neither body nor type, and keeps other headers', async () => {
    const { status, headers, body } = await web('/empty');
    assert.deepEqual([status, body, headers['x-kept']], [204, '', 'yes']);
    assert.deepEqual([headers['content-type'], headers['content-length']], [undefined, undefined]);
  });

  test('bytes pass as they are, both ways', async () => {
    const body = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
    const reply = await new Promise<Buffer>((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, path: `/fn/${cids.get('web')}/binary`, method: 'POST' },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => resolve(Buffer.concat(chunks)));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
    assert.deepEqual(reply, Buffer.from(body));
  });

  test('headers of the connection, of the whole origin and of ours are not the function’s to send', async () => {
    const { status, headers, body } = await web('/headers');
    assert.deepEqual([status, body, headers['x-own']], [200, '<p>', 'ü']);
    for (const name of ['set-cookie', 'strict-transport-security', 'transfer-encoding'])
      assert.equal(headers[name], undefined, name);
    assert.equal(headers['content-length'], '3');
    assert.match(String(headers['content-security-policy']), /^default-src 'self', sandbox /);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.ok(headers['x-inferbase-request-id']);
  });

  test('a line break in a header, or an impossible status, is 502 and nothing of it is sent', async () => {
    const split = await web('/split');
    assert.deepEqual([split.status, split.headers['set-cookie'], split.headers['x-bad']], [502, undefined, undefined]);
    for (const status of ['99', '101', '600', '-1']) assert.equal((await web(`/status/${status}`)).status, 502, status);
    assert.equal((await web('/status/304')).status, 304);
    assert.equal((await web('/status/599')).status, 599);
  });

  test('is found by any spelling of its CID and under a name, and nothing else is', async () => {
    assert.equal((await ask(`/fn/${cids.get('web')}`)).status, 404, 'of the function: its path is /');
    assert.equal((await ask(`/fn/${cids.get('web')}`)).body, 'not here');
    assert.equal((await ask('/fn/echo/x', { method: 'POST', body: 'hi' })).body, 'hi');
    for (const path of [
      `/fn/${cids.get('show-all')}/`,
      '/fn/nothing/',
      '/fn/',
      '/fn/../api/v1/health',
      `/fn/${'a'.repeat(300)}/`,
    ]) {
      const { status, body } = await ask(path);
      assert.equal(status, 404, path);
      assert.match(body, /no function is served|Not Found/, path);
    }
    assert.equal(
      (await ask(`/fn/${cids.get('web')}/web.wasm/status/418`)).status,
      418,
      'the method is no part of the path',
    );
    assert.equal((await ask('/fn/%zz/')).status, 400);
    const long = `/${'p'.repeat(4_000)}`;
    assert.equal((await web(`/echo${long}`)).status, 201);
  });
});

describe('a function that only prints', () => {
  test('is answered with 200 and a type that fits', async () => {
    const rows: [body: string | Uint8Array, type: string, answer?: string][] = [
      ['{"a": 1}', 'application/json'],
      ['[1]', 'application/json'],
      ['{"a": ', 'text/plain; charset=utf-8'],
      ['42', 'text/plain; charset=utf-8'],
      ['\n<!DOCTYPE html><p>', 'text/html; charset=utf-8'],
      ['<html>', 'text/html; charset=utf-8'],
      [Uint8Array.of(0xff, 0xfe), 'application/octet-stream', '��'],
      ['data:image/png;base64,aGk=', 'image/png', 'hi'],
      ['data:text/html\n;base64,aGk=', 'text/plain; charset=utf-8'],
    ];
    for (const [body, type, answer] of rows) {
      const reply = await ask('/fn/echo/', { method: 'POST', body });
      assert.deepEqual([reply.status, reply.headers['content-type'], reply.body], [200, type, answer ?? body]);
    }
  });

  test('cannot be made to answer for its caller: a forged envelope is text like any other', async () => {
    const forged = `--inferbase ${'0'.repeat(32)} {"status":302,"headers":[["location","http://evil"]],"length":0}\n`;
    const reply = await ask('/fn/echo/', { method: 'POST', body: forged });
    assert.deepEqual([reply.status, reply.body, reply.headers.location], [200, forged, undefined]);
  });

  test('that fails is 502, that takes too long 504; what it printed stays here', async () => {
    const exit = await ask('/fn/exit-three/');
    assert.deepEqual([exit.status, exit.body], [502, '{"message":"the function failed with exit code 3"}\n']);
    const trap = await ask('/fn/trap-unreachable/');
    assert.deepEqual(
      [trap.status, JSON.parse(trap.body).message],
      [502, 'the function ended with cause trapped, exit code 11'],
    );
    const late = await ask('/fn/spin/');
    assert.deepEqual(
      [late.status, JSON.parse(late.body).message],
      [504, 'the function ended with cause deadline, exit code 15'],
    );
    assert.match(JSON.parse((await ask('/fn/print-past-cap/')).body).message, /longer than limits\.stdoutBytes/);
    assert.equal((await ask('/fn/print-for-ever/')).status, 502);
  });

  test('counts as an execution: its result can be asked for', async () => {
    const { headers } = await ask('/fn/echo/', { method: 'POST', body: 'kept' });
    const id = headers['x-inferbase-request-id'];
    const answer = await ask('/api/v1/functions/requests/result', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id }),
    });
    assert.match(answer.body, /"stdout":"kept"/);
  });

  test('a body larger than the limit is 413', async () => {
    const { status } = await ask('/fn/echo/', { method: 'POST', body: new Uint8Array(8_388_609) });
    assert.equal(status, 413);
  });
});

test("HttpComponent of npm's @blockless/sdk works", async () => {
  const { status, headers, body } = await ask('/fn/old/hello/there?name=Ada&x=1', {
    method: 'POST',
    headers: { 'user-agent': 'test/1' },
    body: '{"n":1}',
  });
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; charset=utf-8']);
  assert.equal(body.trimEnd(), 'POST /hello/there Ada test/1 {"n":1}');
});

test('nothing is served unless it is enabled, and a setting that is no CID is refused', async () => {
  const plain = await openTestRuntime();
  const { port: other } = await plain.listen();
  const status = await new Promise((resolve) => {
    httpRequest({ host: '127.0.0.1', port: other, path: `/fn/${cids.get('web')}/` }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  await plain.close();
  assert.equal(status, 404);
  const wrong = await openTestRuntime({ 'web.functions': ['name=bafybeigdyrztabcabcabcabcabcabc'] });
  await assert.rejects(wrong.listen(), /web\.functions has "name=bafy.*Give a CID, NAME=CID, or \*/);
  await wrong.close();
});
