import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { NO_PERMISSIONS } from '../../../runtime/core/permissions.ts';
import {
  bytesOf,
  closedPort,
  failureOf,
  get,
  outboundFor,
  policy,
  serve,
  serveBytes,
  serveRaw,
  textOf,
} from './loopback.ts';

describe('a permitted request', () => {
  it('sends method, path, query, headers and body, and gives status, headers and body back', async (t) => {
    const { origin } = await serve(t, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.writeHead(418, { 'X-Two': ['a', 'b'], 'Content-Type': 'text/plain' });
      response.end(`${request.method} ${request.url} ${request.headers['x-name']} ${body}`);
    });
    const outbound = outboundFor(t);
    const response = await outbound.request(
      get(`${origin}/a%20b?q=1#never`, {
        method: 'PATCH',
        headers: [['X-Name', 'naïve']],
        body: Buffer.from('body'),
        permissions: policy(`${origin}/`),
      }),
    );
    assert.equal(response.status, 418);
    assert.equal(response.header('x-TWO'), 'a');
    assert.equal(response.header('constructor'), undefined);
    assert.deepEqual(
      response.headers.filter(([name]) => name === 'x-two'),
      [
        ['x-two', 'a'],
        ['x-two', 'b'],
      ],
    );
    const latin1 = Buffer.from('naïve').toString('latin1');
    assert.equal(await textOf(response), `PATCH /a%20b?q=1 ${latin1} body`);
    assert.equal(await response.read(new Uint8Array(1)), 0);
  });

  it('fills the target across packets, and ends short only at the end', async (t) => {
    const { origin } = await serveRaw(t, (socket) => {
      socket.once('data', async () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n');
        for (const part of ['abc', 'def', 'ghi']) {
          socket.write(part);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      });
    });
    const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) }));
    const target = new Uint8Array(7);
    assert.equal(await response.read(target), 7);
    assert.equal(Buffer.from(target).toString(), 'abcdefg');
    assert.equal(await response.read(target), 2);
    assert.equal(await response.read(target), 0);
  });

  it('reads a large body whole while the guest is slow', async (t) => {
    const sent = Buffer.alloc(3_000_000, 'abcdefghij');
    const { origin } = await serve(t, (_request, response) => response.end(sent));
    const response = await outboundFor(t).request(
      get(`${origin}/`, { permissions: policy(origin), maxBodyBytes: 3_000_000 }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await bytesOf(response, 100_003)).equals(sent));
  });

  it('decompresses nothing and adds nothing to the request but what HTTP needs', async (t) => {
    const { origin } = await serve(t, (request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(JSON.stringify(request.headers));
    });
    const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) }));
    assert.deepEqual(Object.keys(JSON.parse(await textOf(response))).sort(), ['connection', 'host']);
  });

  it('never sends framing, hop-by-hop or Host headers of a guest', async (t) => {
    const { origin, port } = await serve(t, (request, response) => response.end(JSON.stringify(request.headers)));
    const names = ['Host', 'Connection', 'Transfer-Encoding', 'Content-Length', 'Keep-Alive', 'TE', 'Trailer'];
    names.push('Upgrade', 'Proxy-Authorization', 'Proxy-Connection', 'Expect', 'eXpEcT');
    const headers = names.map((name) => [name, 'evil'] as const);
    const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin), headers }));
    assert.deepEqual(JSON.parse(await textOf(response)), { host: `127.0.0.1:${port}`, connection: 'keep-alive' });
  });

  it('takes blanks off both ends of a header value, and is done at once with one that is nothing but', async (t) => {
    const { origin } = await serve(t, (request, response) => response.end(request.headers['x-a']));
    const send = (value: string) =>
      outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin), headers: [['X-A', value]] }));
    assert.equal(await textOf(await send('\t  a \t b \t')), 'a \t b');
    assert.equal(await textOf(await send(' '.repeat(4_000_000))), '');
    assert.equal((await failureOf(send(`a${' '.repeat(4_000_000)}b`))).kind, 'headers');
  });

  it('answers a HEAD request and a 204 without a body', async (t) => {
    const { origin } = await serve(t, (request, response) => {
      response.writeHead(
        request.method === 'HEAD' ? 200 : 204,
        request.method === 'HEAD' ? { 'content-length': 5 } : {},
      );
      response.end();
    });
    const outbound = outboundFor(t);
    for (const method of ['HEAD', 'DELETE']) {
      const response = await outbound.request(
        get(`${origin}/`, { method, permissions: policy(origin), maxBodyBytes: 0 }),
      );
      assert.equal(await textOf(response), '');
    }
  });

  it('keeps a connection for the same decision, and never shares it between a URL and an upstream', async (t) => {
    const ports: (number | undefined)[] = [];
    const { origin } = await serve(t, (request, response) => {
      ports.push(request.socket.remotePort);
      response.end('x');
    });
    const outbound = outboundFor(t, { model: { url: origin } });
    for (const url of [`${origin}/`, 'http://model/', `${origin}/`, 'http://model/']) {
      await textOf(await outbound.request(get(url, { permissions: policy(origin) })));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(ports[0], ports[2]);
    assert.equal(ports[1], ports[3]);
    assert.notEqual(ports[0], ports[1]);
  });
});

describe('a request that is not permitted', () => {
  it('is denied with the line that would allow it', async (t) => {
    const outbound = outboundFor(t);
    for (const url of ['https://good.com/v1?key=1', 'https://good.com.evil.net/', 'http://model.evil.net/x']) {
      const failure = await failureOf(outbound.request(get(url, { permissions: policy('https://good.com/v2') })));
      assert.equal(failure.kind, 'denied');
      assert.equal(failure.hint, url.split('?')[0]);
      assert.ok(failure.message.includes(`${failure.hint}`));
    }
  });

  it('is denied when it carries a user name, even for a permitted host', async (t) => {
    for (const url of ['https://good.com@evil.net/', 'https://user:pass@good.com/', 'http://user@model/']) {
      const outbound = outboundFor(t, { model: { url: 'http://127.0.0.1:1' } });
      const failure = await failureOf(
        outbound.request(get(url, { permissions: policy('https://good.com', 'https://') })),
      );
      assert.equal(failure.kind, 'denied', url);
      assert.ok(!failure.message.includes('pass@'));
    }
  });

  it('is denied at a private address unless the operator named that host and port', async (t) => {
    const { port } = await serve(t, (_request, response) => response.end('secret'));
    const outbound = outboundFor(t);
    const urls = [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`, `http://0x7f.1:${port}/`];
    urls.push(
      `http://2130706433:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://[::1]:${port}/`,
      `http://0:${port}/`,
    );
    for (const url of urls) {
      const failure = await failureOf(outbound.request(get(url, { permissions: policy('http://') })));
      assert.equal(failure.kind, 'denied', url);
      assert.equal(failure.hint, `${new URL(url).origin}/`);
      const other = policy('http://', `http://127.0.0.1:${port + 1}/`);
      assert.equal((await failureOf(outbound.request(get(url, { permissions: other })))).kind, 'denied', url);
    }
    const named = policy(`http://localhost:${port}/`);
    assert.equal(
      await textOf(await outbound.request(get(`http://localhost:${port}/`, { permissions: named }))),
      'secret',
    );
  });
});

describe('what cannot be sent', () => {
  it('is refused by kind before anything is sent', async (t) => {
    let asked = 0;
    const { origin } = await serve(t, (_request, response) => {
      asked++;
      response.end();
    });
    const permissions = policy(origin);
    const outbound = outboundFor(t);
    const cases: [kind: string, over: Parameters<typeof get>[1] & { url?: string }][] = [
      ['invalid-url', { url: 'not a url' }],
      ['invalid-url', { url: '' }],
      ['invalid-url', { url: 'file:///etc/passwd' }],
      ['invalid-url', { url: 'data:text/plain,x' }],
      ['invalid-url', { url: `${origin}/${'x'.repeat(70_000)}` }],
      ['invalid-method', { method: '' }],
      ['invalid-method', { method: 'GE T' }],
      ['invalid-method', { method: 'GET / HTTP/1.1\r\nX: ' }],
      ['invalid-method', { method: 'CONNECT' }],
      ['invalid-method', { method: 'trace' }],
      ['headers', { headers: [['X-A', 'a\r\nX-Evil: b']] }],
      ['headers', { headers: [['X-A', 'a\n']] }],
      ['headers', { headers: [['X-A', 'a\0b']] }],
      ['headers', { headers: [['X-A: b\r\nX-Evil', 'a']] }],
      ['headers', { headers: [['', 'a']] }],
      ['headers', { headers: [['X-A', 'x'.repeat(40_000)]] }],
      ['headers', { headers: Array.from({ length: 5_000 }, (_, at) => [`X-${at}`, 'x'] as const) }],
    ];
    for (const [kind, over] of cases) {
      const failure = await failureOf(outbound.request(get(`${origin}/`, { permissions, ...over })));
      assert.equal(failure.kind, kind, JSON.stringify(over).slice(0, 80));
    }
    assert.equal(asked, 0);
  });
});

describe('a server that misbehaves', () => {
  it('is a transport failure when nothing listens or the name does not exist', async (t) => {
    const origin = `http://127.0.0.1:${await closedPort()}`;
    const outbound = outboundFor(t);
    const refused = await failureOf(outbound.request(get(`${origin}/x`, { permissions: policy(origin) })));
    assert.equal(refused.kind, 'transport');
    assert.match(refused.message, /ECONNREFUSED/);
    const unknown = 'http://no-such-host.invalid/';
    assert.equal((await failureOf(outbound.request(get(unknown, { permissions: policy(unknown) })))).kind, 'transport');
  });

  it('is a transport failure when it closes, stays silent on HTTP or sends garbage instead of a response', async (t) => {
    const outbound = outboundFor(t);
    const garbage = ['', 'garbage\r\n\r\n', 'HTTP/1.1 200 OK\r\nBad Header\r\n\r\n'];
    garbage.push(
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    );
    for (const answer of garbage) {
      const { origin } = await serveBytes(t, answer);
      const failure = await failureOf(outbound.request(get(`${origin}/`, { permissions: policy(origin) })));
      assert.equal(failure.kind, 'transport', answer.slice(0, 40));
    }
  });

  it('gives the good bytes of a body that breaks off, then fails', async (t) => {
    const broken = ['HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc'];
    broken.push(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
    );
    for (const answer of broken) {
      const { origin } = await serveBytes(t, answer);
      const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) }));
      const target = new Uint8Array(10);
      assert.equal(await response.read(target), 3);
      assert.equal(Buffer.from(target.subarray(0, 3)).toString(), 'abc');
      assert.equal((await failureOf(response.read(target))).kind, 'transport');
      assert.equal((await failureOf(response.read(target))).kind, 'transport');
    }
  });

  it('skips informational responses', async (t) => {
    const { origin } = await serveBytes(
      t,
      'HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) }));
    assert.equal(response.status, 200);
    assert.equal(await textOf(response), 'ok');
  });

  it('times out while it sends no head, and while it sends no more of the body', async (t) => {
    const outbound = outboundFor(t);
    const silent = await serveRaw(t, () => {});
    const over = { totalTimeoutMs: 60 };
    const permissions = policy(silent.origin);
    assert.equal(
      (await failureOf(outbound.request(get(`${silent.origin}/`, { permissions, ...over })))).kind,
      'timeout',
    );

    const stalling = await serveBytes(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', false);
    const response = await outbound.request(
      get(`${stalling.origin}/`, { permissions: policy(stalling.origin), ...over }),
    );
    assert.equal(await response.read(new Uint8Array(9)), 3);
    assert.equal((await failureOf(response.read(new Uint8Array(9)))).kind, 'timeout');
  });

  for (const head of [
    'Content-Length: 10000000\r\n',
    'Connection: close\r\nContent-Length: 10000000\r\n',
    'Connection: close\r\n',
  ]) {
    it(`ends with too-large after the bytes that fit (${JSON.stringify(head)})`, async (t) => {
      const { origin } = await serveBytes(
        t,
        Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n`), Buffer.alloc(10_000_000)]),
      );
      const response = await outboundFor(t).request(
        get(`${origin}/`, { permissions: policy(origin), maxBodyBytes: 100_000 }),
      );
      const target = new Uint8Array(200_000);
      assert.equal(await response.read(target), 100_000);
      assert.equal((await failureOf(response.read(target))).kind, 'too-large');
    });
  }

  it('is cut off past the cap within one packet, and serves the next request', async (t) => {
    const { origin } = await serveBytes(
      t,
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n123456789',
    );
    const outbound = outboundFor(t);
    for (const [maxBodyBytes, kind] of [
      [8, 'too-large'],
      [0, 'too-large'],
      [9, null],
    ] as const) {
      const response = await outbound.request(get(`${origin}/`, { permissions: policy(origin), maxBodyBytes }));
      if (kind === null) assert.equal(await textOf(response), '123456789');
      else assert.equal((await failureOf(bytesOf(response))).kind, kind);
    }
  });
});

describe('ending a request', () => {
  it('fails it, its body and its redirects when the execution is over, and closes its socket', async (t) => {
    const outbound = outboundFor(t);
    const closed: Promise<unknown>[] = [];
    const { origin } = await serveRaw(t, (socket) => {
      closed.push(once(socket, 'close'));
      socket.once('data', (data) => {
        if (data.includes('/body')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
      });
    });
    const permissions = policy(origin);
    const first = new AbortController();
    const waiting = failureOf(outbound.request(get(`${origin}/`, { permissions, signal: first.signal })));
    setTimeout(() => first.abort(), 20);
    assert.equal((await waiting).kind, 'cancelled');

    const second = new AbortController();
    const response = await outbound.request(get(`${origin}/body`, { permissions, signal: second.signal }));
    const reading = failureOf(bytesOf(response));
    second.abort();
    assert.equal((await reading).kind, 'cancelled');

    const over = get(`${origin}/`, { permissions, signal: AbortSignal.abort() });
    assert.equal((await failureOf(outbound.request(over))).kind, 'cancelled');
    await Promise.all(closed);
  });

  it('cancels at any time, more than once', async (t) => {
    const { origin } = await serveBytes(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', false);
    const response = await outboundFor(t).request(get(`${origin}/`, { permissions: policy(origin) }));
    response.cancel();
    response.cancel();
    assert.equal((await failureOf(response.read(new Uint8Array(1)))).kind, 'cancelled');
  });

  it('refuses further requests after close', async (t) => {
    const { origin } = await serve(t, (_request, response) => response.end());
    const outbound = outboundFor(t);
    await outbound.close();
    assert.equal(
      (await failureOf(outbound.request(get(`${origin}/`, { permissions: policy(origin) })))).kind,
      'cancelled',
    );
    assert.equal(
      (await failureOf(outbound.request(get(`${origin}/`, { permissions: NO_PERMISSIONS })))).kind,
      'denied',
    );
  });
});
