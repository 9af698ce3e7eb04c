import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { InferbaseError } from '../../../runtime/core/errors.ts';
import { createOutbound } from '../../../runtime/guest/outbound/fetch.ts';
import { bytesOf, closedPort, failureOf, get, outboundFor, policy, serve, serveRaw, textOf } from './loopback.ts';

describe('a named upstream', () => {
  it('needs no permission, and puts its own path before the guest’s', async (t) => {
    const { origin } = await serve(t, (request, response) => response.end(request.url));
    for (const [base, path] of [
      [origin, ''],
      [`${origin}/`, ''],
      [`${origin}/v1`, '/v1'],
      [`${origin}/v1/`, '/v1'],
    ] as const) {
      const outbound = outboundFor(t, { model: { url: base } });
      for (const url of ['http://model/inference/ETH?x=1', 'HTTP://MODEL:80/inference/ETH?x=1#y']) {
        const response = await outbound.request(get(url));
        assert.equal(await textOf(response), `${path}/inference/ETH?x=1`);
        assert.equal(response.url, 'http://model/inference/ETH');
      }
    }
  });

  it('is only meant by http, its bare name and no other port', async (t) => {
    const outbound = outboundFor(t, { model: { url: `http://127.0.0.1:${await closedPort()}` } });
    for (const url of [
      'https://model/',
      'http://model:8000/',
      'http://model.evil.net/',
      'http://model./',
      'http://xmodel/',
    ]) {
      assert.equal((await failureOf(outbound.request(get(url)))).kind, 'denied', url);
    }
  });

  it('is never left by "..", encoded slashes or backslashes', async (t) => {
    const seen: string[] = [];
    const { origin } = await serve(t, (request, response) => {
      seen.push(request.url ?? '');
      response.end();
    });
    const outbound = outboundFor(t, { model: { url: `${origin}/base` } });
    for (const path of [
      '/..%2fadmin',
      '/a/..%2F..%2Fadmin',
      '/..%5cadmin',
      '/%252e%252e/admin',
      '/%252e%252e%252fadmin',
      '/..;/admin',
    ]) {
      assert.equal((await failureOf(outbound.request(get(`http://model${path}`)))).kind, 'denied', path);
    }
    assert.deepEqual(seen, []);
    for (const path of [
      '/../../admin',
      '/%2e%2e/admin',
      '/..\\admin',
      '//evil.net/x',
      '/http://evil.net/',
      '/ETH%2FUSD',
      '/\\evil.net/',
    ]) {
      await bytesOf(await outbound.request(get(`http://model${path}`)));
    }
    for (const url of seen) assert.match(url, /^\/base\//);
    assert.equal(seen.length, 7);
  });

  it('gets the host-side headers over the guest’s, and its own Host', async (t) => {
    const { origin, port } = await serve(t, (request, response) => response.end(JSON.stringify(request.headers)));
    const settings = { url: origin, headers: { 'X-Api-Key': 'ours', Authorization: 'Bearer ours', Host: 'evil' } };
    const outbound = outboundFor(t, { model: settings });
    const headers = [
      ['x-api-key', 'guest'],
      ['AUTHORIZATION', 'Bearer guest'],
      ['X-Guest', 'kept'],
    ] as const;
    const seen = JSON.parse(await textOf(await outbound.request(get('http://model/', { headers }))));
    assert.equal(seen['x-api-key'], 'ours');
    assert.equal(seen.authorization, 'Bearer ours');
    assert.equal(seen['x-guest'], 'kept');
    assert.equal(seen.host, `127.0.0.1:${port}`);
  });

  it('keeps its headers on a redirect within its path, and drops them on one elsewhere, which needs permission', async (t) => {
    const keys: string[] = [];
    const note = (url: string | undefined, key: unknown): number => keys.push(`${url} ${key}`);
    const other = await serve(t, (request, response) => {
      note(request.url, request.headers['x-api-key']);
      response.end('other');
    });
    const { origin } = await serve(t, (request, response) => {
      note(request.url, request.headers['x-api-key']);
      if (request.url === '/v1/in') response.writeHead(307, { location: '/v1/in/' }).end();
      else if (request.url === '/v1/out') response.writeHead(307, { location: `${other.origin}/x` }).end();
      else if (request.url === '/v1/up') response.writeHead(307, { location: '/admin' }).end();
      else if (request.url === '/v1/sly') response.writeHead(307, { location: '/v1/..%2fadmin' }).end();
      else if (request.url === '/v1/near') response.writeHead(307, { location: '/v1x' }).end();
      else response.end('in');
    });
    const outbound = outboundFor(t, { model: { url: `${origin}/v1`, headers: { 'X-Api-Key': 'ours' } } });

    const inside = await outbound.request(get('http://model/in'));
    assert.equal(inside.url, 'http://model/in/');
    for (const path of ['/out', '/up', '/sly', '/near']) {
      assert.equal((await failureOf(outbound.request(get(`http://model${path}`)))).kind, 'denied', path);
    }
    assert.equal(
      await textOf(await outbound.request(get('http://model/out', { permissions: policy(other.origin) }))),
      'other',
    );
    await outbound.request(get('http://model/up', { permissions: policy(origin) }));
    const expected = ['/v1/in ours', '/v1/in/ ours', '/v1/out ours', '/v1/up ours', '/v1/sly ours', '/v1/near ours'];
    assert.deepEqual(keys, [...expected, '/v1/out ours', '/x undefined', '/v1/up ours', '/admin undefined']);
  });

  it('is bounded by its own time limit, whatever the guest asks', async (t) => {
    const { origin } = await serveRaw(t, () => {});
    const outbound = outboundFor(t, { model: { url: origin, timeoutMs: 50 } });
    const failure = await failureOf(outbound.request(get('http://model/', { totalTimeoutMs: 1_000_000_000_000 })));
    assert.equal(failure.kind, 'timeout');
  });

  it('is tried again while it accepts no connection, and said once to be down and once to be back', async (t) => {
    const port = await closedPort();
    const outbound = outboundFor(t, { model: { url: `http://127.0.0.1:${port}` } });
    for (let times = 0; times < 2; times++) {
      const failure = await failureOf(outbound.request(get('http://model/', { method: 'POST' })));
      assert.equal(failure.kind, 'transport');
      assert.match(failure.message, /http:\/\/model\/ cannot be reached \(connect ECONNREFUSED/);
      assert.equal(failure.told, times === 0, "what was told with its remedy is not told again as the guest's failure");
    }
    assert.equal(outbound.lines.length, 1);
    assert.match(outbound.lines[0] ?? '', new RegExp(`http://127.0.0.1:${port}, or correct upstreams.model.url`));

    const server = createServer((_request, response) => response.end('up'));
    t.after(() => server.close());
    const waiting = outbound.request(get('http://model/', { method: 'POST' }));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    assert.equal(await textOf(await waiting), 'up');
    assert.equal(outbound.lines.length, 2);
  });

  it('is never sent the same request twice once bytes have gone out', async (t) => {
    let asked = 0;
    const { origin } = await serveRaw(t, (socket) => {
      socket.once('data', () => {
        asked++;
        socket.destroy();
      });
    });
    const outbound = outboundFor(t, { model: { url: origin } });
    assert.equal((await failureOf(outbound.request(get('http://model/')))).kind, 'transport');
    assert.equal(asked, 1);
  });

  it('may be named by a host name of several addresses, some of which do not answer', async (t) => {
    const { port } = await serve(t, (_request, response) => response.end('ok'));
    const outbound = outboundFor(t, { model: { url: `http://localhost:${port}` } });
    for (let times = 0; times < 2; times++) {
      assert.equal(await textOf(await outbound.request(get('http://model/'))), 'ok');
    }
  });

  it('is refused at start when its settings cannot be used', () => {
    const create = (url: string, headers: Record<string, string> = {}) =>
      createOutbound({ upstreams: { model: { url, headers, timeoutMs: 1 } }, log: () => {} });
    for (const start of [
      () => create('nonsense'),
      () => create('ftp://x/'),
      () => create('http://user:pass@x/'),
      () => create('http://x/', { 'bad name': 'x' }),
      () => create('http://x/', { 'X-Key': 'a\r\nb' }),
    ]) {
      assert.throws(start, (error: unknown) => error instanceof InferbaseError && error.code === 'ERR_INVALID_SETTING');
    }
  });
});
