import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, it } from 'node:test';
import { failureOf, get, outboundFor, policy, serve, textOf } from './loopback.ts';

describe('a redirect', () => {
  it('is followed with the method rules of fetch', async (t) => {
    const { origin } = await serve(t, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const status = Number(request.url?.slice(1));
      if (status > 0) response.writeHead(status, { location: '/end' }).end('moved');
      else response.end(JSON.stringify([request.method, body, request.headers['content-type'] ?? null]));
    });
    const outbound = outboundFor(t);
    const follow = async (method: string, status: number): Promise<unknown> => {
      const over = { method, body: Buffer.from('b'), headers: [['Content-Type', 'text/plain']] as const };
      const response = await outbound.request(get(`${origin}/${status}`, { permissions: policy(origin), ...over }));
      assert.equal(response.url, `${origin}/end`);
      return JSON.parse(await textOf(response));
    };
    for (const status of [301, 302, 303]) assert.deepEqual(await follow('POST', status), ['GET', '', null]);
    assert.deepEqual(await follow('PUT', 303), ['GET', '', null]);
    assert.deepEqual(await follow('PUT', 302), ['PUT', 'b', 'text/plain']);
    for (const status of [307, 308]) assert.deepEqual(await follow('POST', status), ['POST', 'b', 'text/plain']);
  });

  it('passes both gates again: to loopback, metadata, a host that is not listed, another scheme', async (t) => {
    let secrets = 0;
    const secret = await serve(t, (_request, response) => {
      secrets++;
      response.end('secret');
    });
    let location = '';
    const { origin } = await serve(t, (_request, response) => response.writeHead(302, { location }).end());
    const outbound = outboundFor(t);
    const permissions = policy(`${origin}/`, 'http://localhost:1/');
    const wide = policy('http://', `${origin}/`);
    const places = [`${secret.origin}/`, `http://localhost:${secret.port}/`, `//0x7f.1:${secret.port}/`];
    places.push('http://169.254.169.254/latest/meta-data/', 'http://user@127.0.0.1/', 'file:///etc/passwd');
    for (const place of places) {
      location = place;
      for (const granted of [permissions, wide]) {
        const failure = await failureOf(outbound.request(get(`${origin}/`, { permissions: granted })));
        assert.equal(failure.kind, 'denied', place);
      }
    }
    assert.equal(secrets, 0);
  });

  it('never leads to an upstream by its name: neither its server nor its secrets are granted by that', async (t) => {
    const seen: IncomingHttpHeaders[] = [];
    const model = await serve(t, (request, response) => {
      seen.push(request.headers);
      response.end('private');
    });
    let location = '';
    const { origin } = await serve(t, (_request, response) => response.writeHead(302, { location }).end());
    const outbound = outboundFor(t, {
      model: { url: model.origin, headers: { Authorization: 'Bearer secret' } },
      other: { url: origin },
    });
    for (location of ['http://model/admin', '//model/', 'http://MODEL:80/', `${model.origin}/`]) {
      for (const from of [`${origin}/`, 'http://other/']) {
        const failure = await failureOf(outbound.request(get(from, { permissions: policy(`${origin}/`) })));
        assert.equal(failure.kind, 'denied', `${from} to ${location}`);
      }
    }
    assert.deepEqual(seen, []);
    location = `${model.origin}/`;
    const permissions = policy(`${origin}/`, `${model.origin}/`);
    assert.equal(await textOf(await outbound.request(get(`${origin}/`, { permissions }))), 'private');
    assert.deepEqual(
      seen.map(({ authorization }) => authorization),
      [undefined],
    );
  });

  it('is not followed more than ten times', async (t) => {
    let asked = 0;
    const { origin } = await serve(t, (_request, response) => {
      asked++;
      response.writeHead(302, { location: '/again' }).end();
    });
    const failure = await failureOf(outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) })));
    assert.equal(failure.kind, 'redirects');
    assert.equal(asked, 11);
  });

  it('shares one time limit', async (t) => {
    const { origin } = await serve(t, (_request, response) => {
      setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 40);
    });
    const over = { permissions: policy(origin), totalTimeoutMs: 100 };
    assert.equal((await failureOf(outboundFor(t).request(get(`${origin}/`, over)))).kind, 'timeout');
  });

  it('is the answer itself when it says nowhere to go', async (t) => {
    const { origin } = await serve(t, (request, response) => {
      response.writeHead(302, request.url === '/none' ? {} : { location: 'http://[' }).end('stay');
    });
    const outbound = outboundFor(t);
    for (const path of ['/none', '/bad']) {
      const response = await outbound.request(get(origin + path, { permissions: policy(origin) }));
      assert.equal(response.status, 302);
      assert.equal(await textOf(response), 'stay');
    }
  });

  it('takes credentials and cookies along within an origin, but not to another', async (t) => {
    const seen: IncomingHttpHeaders[] = [];
    const other = await serve(t, (request, response) => {
      seen.push(request.headers);
      response.end();
    });
    const { origin } = await serve(t, (request, response) => {
      seen.push(request.headers);
      const location = request.url === '/1' ? '/2' : `${other.origin}/3`;
      response.writeHead(307, { location }).end();
    });
    const headers = [
      ['Authorization', 'Bearer x'],
      ['Cookie', 'a=b'],
      ['X-Other', 'kept'],
    ] as const;
    await outboundFor(t).request(get(`${origin}/1`, { headers, permissions: policy(origin, other.origin) }));
    const shown = seen.map(({ authorization, cookie, 'x-other': kept }) => [authorization, cookie, kept]);
    assert.deepEqual(shown, [
      ['Bearer x', 'a=b', 'kept'],
      ['Bearer x', 'a=b', 'kept'],
      [undefined, undefined, 'kept'],
    ]);
  });
});
