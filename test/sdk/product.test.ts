import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { extension, openWithExtensions } from '../services/cgi/extensions.ts';
import { runGuest, runIn } from '../support/run-guest.ts';
import { buildProgram } from './run-sdk.ts';

/** Answers with what it was asked; `/long` with a long text, `/cut` with less than it promised. */
async function upstream(t: { after(hook: () => void): void }): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 20);
    } else if (request.url === '/long') {
      response.setHeader('x-long', 'v'.repeat(3_000));
      response.end('é🎉'.repeat(20_000));
    } else {
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end(
        JSON.stringify({ method: request.method, url: request.url, key: request.headers['x-key'] ?? '', body }),
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const gcStress of [false, true]) {
  suite(`the SDK in the product${gcStress ? ', out of step with the garbage collector' : ''}`, () => {
    test('asks the model and other servers over a real network, and says what it may not reach', async (t) => {
      const url = await upstream(t);
      const steps = [
        { model: '/inference/ETH' },
        {
          method: 'POST',
          url: `${url}/x`,
          headers: [['X-Key', 'ü']],
          query: [['q', 'a b']],
          json: { price: 1.5, note: 'é' },
        },
        { url: `${url}/long`, headerBefore: 'x-long', headerAfter: 'X-LONG', late: true },
        { url: `${url}/missing` },
        { url: `${url}/cut` },
        { url: 'http://127.0.0.2:9/' },
        { url: 'not a url' },
      ];
      const result = await runGuest(await buildProgram('http.ts', { gcStress }), {
        stdin: JSON.stringify(steps),
        upstreams: { model: url },
        allow: [`${url}/`],
      });
      assert.deepEqual([result.cause, result.exitCode, result.stderr], ['exited', 0, '']);
      const rows = JSON.parse(result.stdout);
      const [model, posted, missing, cut, denied, invalid, long] = rows;
      assert.deepEqual(model.json, { method: 'GET', url: '/inference/ETH', key: '', body: '' });
      assert.equal(posted.json.method, 'POST');
      assert.equal(posted.json.url, '/x?q=a%20b');
      assert.equal(Buffer.from(posted.json.key, 'latin1').toString(), 'ü');
      assert.deepEqual(JSON.parse(posted.json.body), { price: 1.5, note: 'é' });
      assert.deepEqual([missing.ok, missing.status, missing.responseOk], [true, 404, false]);
      assert.deepEqual([cut.ok, cut.text, cut.bodyError !== ''], [true, 'half', true]);
      assert.deepEqual([denied.ok, denied.name], [false, 'permission_deny']);
      assert.equal(denied.permission, 'http://127.0.0.2:9/');
      assert.equal(invalid.ok, false);
      assert.equal(long.text, 'é🎉'.repeat(20_000));
      assert.deepEqual([long.headerBefore, long.headerAfter], ['v'.repeat(3_000), 'v'.repeat(3_000)]);
    });

    test('runs extensions that are programs', async (t) => {
      const runtime = await openWithExtensions(t, {
        model: extension('model', 'read length; read body; printf \'{"got": "%s"}\' "$body"; echo careful >&2'),
      });
      const wasm = await buildProgram('cgi.ts', { gcStress });
      const { stdout, stderr, exitCode } = await runIn(runtime, wasm, { args: ['model', 'request ü'] });
      assert.deepEqual([exitCode, stderr], [0, '']);
      const answer = JSON.parse(stdout);
      assert.match(answer.list[0], /^model\/says it is model\/model\/[0-9a-f]{32}$/);
      assert.equal(answer.ok, true);
      assert.match(answer.stdout, /^\{"got": "request ü\r?"\}$/);
      const unknown = JSON.parse((await runIn(runtime, wasm, { args: ['none', 'x'] })).stdout);
      assert.deepEqual([unknown.ok, unknown.code], [false, 4]);
    });
  });
}
