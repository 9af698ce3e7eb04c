import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { createBlocklessHttp } from '../../../runtime/guest/blockless/http.ts';
import { closedPort, outboundFor, policy, serve, serveBytes, serveRaw } from '../outbound/loopback.ts';
import { createGuest, type GuestInit } from './guest.ts';

const HANDLE = 16;
const STATUS = 20;
const COUNT = 24;
const BUFFER = 65_536;
const UNTOUCHED = 0xdeadbeef;
/** One past the last byte of the guest's four pages. */
const END = 4 * 65_536;
const GET = '{"method":"GET"}';

function httpGuest(t: TestContext, origin: string, init: GuestInit = {}) {
  const outbound = outboundFor(t, { model: { url: origin } });
  const guest = createGuest(t, { outbound, ...init });
  const module = createBlocklessHttp(guest.host);
  const { memory } = guest;
  return {
    ...guest,
    module,
    async request(url: string | Uint8Array, options: string | Uint8Array = GET) {
      memory.setU32(HANDLE, UNTOUCHED);
      memory.setU32(STATUS, UNTOUCHED);
      const errno = await guest.call(module, 'http_req', ...guest.put(url), ...guest.put(options), HANDLE, STATUS);
      return { errno, handle: memory.getU32(HANDLE), status: memory.getU32(STATUS) };
    },
    async header(handle: number, name: string | Uint8Array, capacity = 2048) {
      memory.setU32(COUNT, UNTOUCHED);
      const errno = await guest.call(module, 'http_read_header', handle, ...guest.put(name), BUFFER, capacity, COUNT);
      const count = memory.getU32(COUNT);
      return errno === 0 ? memory.text(BUFFER, count) : errno;
    },
    /** Bytes of one read, or its errno. */
    async read(handle: number, capacity: number) {
      memory.setU32(COUNT, UNTOUCHED);
      const errno = await guest.call(module, 'http_read_body', handle, BUFFER, capacity, COUNT);
      const count = memory.getU32(COUNT);
      if (errno !== 0) assert.equal(count, UNTOUCHED);
      return errno === 0 ? Buffer.from(memory.bytes(BUFFER, count)) : errno;
    },
    close: (handle: number) => guest.call(module, 'http_close', handle),
  };
}

async function modelGuest(t: TestContext, listener: RequestListener, init: GuestInit = {}) {
  const { origin } = await serve(t, listener);
  return httpGuest(t, origin, init);
}

describe('http_req', () => {
  it('sends what the options say and answers any status as success', async (t) => {
    const guest = await modelGuest(t, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.writeHead(503).end(`${request.method} ${request.headers['x-a']} ${body}`);
    });
    const options = '{"body":"hé","headers":"{\\"X-A\\":\\"1\\",\\"x-a\\":\\"2\\"}","method":"put"}';
    assert.deepEqual(await guest.request('http://model/x', options), { errno: 0, handle: 1, status: 503 });
    assert.equal(String(await guest.read(1, 4096)), 'PUT 2 hé');
  });

  it('counts the bytes of both bodies', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end('x'.repeat(5_000)));
    await guest.request('http://model/', '{"method":"POST","body":"hé"}');
    assert.deepEqual(guest.host.traffic, { bytesIn: 0, bytesOut: 3 });
    while (((await guest.read(1, 1_000)) as Buffer).length > 0);
    assert.deepEqual(guest.host.traffic, { bytesIn: 5_000, bytesOut: 3 });
  });

  it('is errno 12 beyond the handles that the execution may have, until one is closed', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end(), { limits: { handles: 2 } });
    assert.equal((await guest.request('http://model/')).errno, 0);
    // A file, say.
    guest.host.handles.take();
    assert.equal((await guest.request('http://model/')).errno, 12);
    assert.equal(await guest.close(1), 0);
    assert.equal((await guest.request('http://model/')).errno, 0);
  });

  it('counts handles from 1 and never gives one twice', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end());
    for (const expected of [1, 2, 3]) {
      assert.equal((await guest.request('http://model/')).handle, expected);
      assert.equal(await guest.close(expected), 0);
      assert.equal(await guest.close(expected), 1);
    }
  });

  it('keeps at most 64 responses open', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end());
    for (let handle = 1; handle <= 64; handle++) assert.equal((await guest.request('http://model/')).errno, 0);
    assert.deepEqual(await guest.request('http://model/'), { errno: 12, handle: UNTOUCHED, status: UNTOUCHED });
    assert.equal(await guest.close(7), 0);
    assert.equal((await guest.request('http://model/')).handle, 65);
  });

  it('is errno 14 without permission, and logs the line to add', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end());
    const answer = await guest.request('https://api.example.com/v1?key=secret');
    assert.deepEqual(answer, { errno: 14, handle: UNTOUCHED, status: UNTOUCHED });
    assert.equal(guest.lines.length, 1);
    assert.match(guest.lines[0] ?? '', /add https:\/\/api\.example\.com\/v1 to /);
    assert.ok(!guest.lines[0]?.includes('secret'));
  });

  it('writes no out word on any failure, and gives each its errno', async (t) => {
    const port = await closedPort();
    const guest = httpGuest(t, `http://127.0.0.1:${port}`, { permissions: policy(`http://127.0.0.1:${port}`) });
    const cases: [errno: number, url: string | Uint8Array, options?: string | Uint8Array][] = [
      [5, Uint8Array.of(0x68, 0xff)],
      [5, `http://127.0.0.1:${port}/`, Uint8Array.of(0x7b, 0xc3, 0x28)],
      [7, 'http://model/', '{"method":"a b"}'],
      [7, 'http://model/', '{"method":""}'],
      [7, 'http://model/', '{"method":"connect"}'],
      [9, 'no url'],
      [9, 'ftp://x/'],
      [10, 'http://model/', ''],
      [10, 'http://model/', 'GET'],
      [10, 'http://model/', '{"headers":"{}"}'],
      [11, `http://127.0.0.1:${port}/`],
      [14, 'http://127.0.0.1:1/'],
      [14, 'http://model/..%2fx'],
      [15, 'http://model/', '{"method":"GET","headers":"x"}'],
      [15, 'http://model/', '{"method":"GET","headers":{"A":"b\\r\\nEvil: 1"}}'],
      [15, 'http://model/', '{"method":"GET","headers":{"A b":"c"}}'],
    ];
    for (const [errno, url, options] of cases) {
      const answer = await guest.request(url, options ?? GET);
      assert.deepEqual(answer, { errno, handle: UNTOUCHED, status: UNTOUCHED }, `${url} ${options}`);
    }
  });

  it('is errno 5 for strings and 2 for out words outside memory, before anything is sent', async (t) => {
    let asked = 0;
    const guest = await modelGuest(t, (_request, response) => {
      asked++;
      response.end();
    });
    const url = guest.put('http://model/');
    const options = guest.put(GET);
    const call = (...args: number[]) => guest.call(guest.module, 'http_req', ...args);
    assert.equal(await call(END - 2, 3, ...options, HANDLE, STATUS), 5);
    assert.equal(await call(...url, -1, 4, HANDLE, STATUS), 5);
    assert.equal(await call(...url, 0, -1, HANDLE, STATUS), 5);
    assert.equal(await call(...url, ...options, END - 3, STATUS), 2);
    assert.equal(await call(...url, ...options, HANDLE, -1), 2);
    assert.equal(asked, 0);
  });

  it('is errno 11 when the server takes longer than readTimeout', async (t) => {
    const { origin } = await serveRaw(t, () => {});
    const guest = httpGuest(t, origin);
    assert.equal((await guest.request('http://model/', '{"method":"GET","readTimeout":1}')).errno, 11);
    assert.match(guest.lines[0] ?? '', /1000 ms/);
  });
});

describe('http_read_header', () => {
  it('gives the first value, whatever the case, before and after the body, cut to the buffer', async (t) => {
    const guest = await modelGuest(t, (_request, response) => {
      response.writeHead(200, { 'X-A': ['first', 'second'], 'X-Empty': '' }).end('body');
    });
    const { handle } = await guest.request('http://model/');
    for (let times = 0; times < 2; times++) {
      assert.equal(await guest.header(handle, 'x-a'), 'first');
      assert.equal(await guest.header(handle, 'X-A', 3), 'fir');
      assert.equal(await guest.header(handle, 'x-empty'), '');
      await guest.read(handle, 4096);
    }
    for (const name of ['x-b', '', '__proto__', 'constructor']) assert.equal(await guest.header(handle, name), 4);
    assert.equal(await guest.header(handle, Uint8Array.of(0xff)), 5);
    assert.equal(await guest.header(handle + 1, 'x-a'), 1);
    assert.equal(await guest.header(handle, 'x-a', -1), 2);
  });

  it('is errno 8 for a value that is not ASCII', async (t) => {
    const { origin } = await serveBytes(t, Buffer.from('HTTP/1.1 200 OK\r\nX-A: é\r\nContent-Length: 0\r\n\r\n'));
    const guest = httpGuest(t, origin);
    const { handle } = await guest.request('http://model/');
    assert.equal(await guest.header(handle, 'x-a'), 8);
  });
});

describe('http_read_body', () => {
  it('fills the buffer whatever the packets, then gives the rest, then 0 for ever', async (t) => {
    const guest = await modelGuest(t, async (_request, response) => {
      for (const part of ['ab', 'cde', 'f', 'ghij']) {
        response.write(part);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end();
    });
    const { handle } = await guest.request('http://model/');
    assert.equal(String(await guest.read(handle, 4)), 'abcd');
    assert.equal(String(await guest.read(handle, 4)), 'efgh');
    assert.equal(String(await guest.read(handle, 0)), '');
    assert.equal(String(await guest.read(handle, 4)), 'ij');
    for (let times = 0; times < 2; times++) assert.equal(String(await guest.read(handle, 4)), '');
  });

  it('fills a buffer larger than one copy', async (t) => {
    const sent = Buffer.alloc(250_000, '0123456789abc');
    const guest = await modelGuest(t, (_request, response) => response.end(sent));
    const { handle } = await guest.request('http://model/');
    const first = await guest.read(handle, 190_000);
    assert.ok(Buffer.isBuffer(first) && first.equals(sent.subarray(0, 190_000)));
    const second = await guest.read(handle, 190_000);
    assert.ok(Buffer.isBuffer(second) && second.equals(sent.subarray(190_000)));
  });

  async function stepsOf(t: TestContext, body: Buffer, type: string | undefined, step: number): Promise<Buffer[]> {
    const guest = await modelGuest(t, (_request, response) => {
      if (type !== undefined) response.setHeader('content-type', type);
      response.end(body);
    });
    const { handle } = await guest.request('http://model/');
    const steps: Buffer[] = [];
    for (;;) {
      const part = await guest.read(handle, step);
      assert.ok(Buffer.isBuffer(part));
      if (part.length === 0) return steps;
      steps.push(part);
    }
  }

  it('never splits a character of a text between two steps of the old SDK', async (t) => {
    for (const character of ['é', '€', '😀']) {
      for (let before = 1018; before <= 1024; before++) {
        const text = 'x'.repeat(before) + character.repeat(900);
        const steps = await stepsOf(t, Buffer.from(text), 'application/json; charset=utf-8', 1024);
        assert.equal(steps.map((part) => part.toString()).join(''), text);
      }
    }
  });

  it('gives back every byte of what is not text, or not whole', async (t) => {
    const half = Buffer.concat([Buffer.alloc(1023, 'x'), Buffer.from('é').subarray(0, 1)]);
    for (const [type, step, sizes] of [
      ['application/octet-stream', 1024, [1024]],
      ['text/plain; charset=latin1', 1024, [1024]],
      ['text/plain', 1024, [1023, 1]],
      [undefined, 1024, [1023, 1]],
      ['text/plain', 512, [512, 512]],
    ] as const) {
      const steps = await stepsOf(t, half, type, step);
      assert.ok(Buffer.concat(steps).equals(half), type ?? 'no type');
      assert.deepEqual(
        steps.map((part) => part.length),
        sizes,
      );
    }
  });

  it('gives the good bytes of a body that breaks off, then errno 11, and says why', async (t) => {
    const { origin } = await serveBytes(t, 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc');
    const guest = httpGuest(t, origin);
    const { handle } = await guest.request('http://model/');
    assert.equal(String(await guest.read(handle, 10)), 'abc');
    for (let times = 0; times < 2; times++) assert.equal(await guest.read(handle, 10), 11);
    assert.match(guest.lines[0] ?? '', /did not complete its response/);
  });

  it('is errno 11 past limits.bodyBytes, so that a cut body never looks complete', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end(Buffer.alloc(100_000)), {
      limits: { bodyBytes: 70_000 },
    });
    const { handle } = await guest.request('http://model/');
    const first = await guest.read(handle, 100_000);
    assert.ok(Buffer.isBuffer(first) && first.length === 70_000);
    assert.equal(await guest.read(handle, 100_000), 11);
    assert.match(guest.lines[0] ?? '', /limits\.bodyBytes/);
  });

  it('is errno 1 for a handle that is not open and 2 outside memory', async (t) => {
    const guest = await modelGuest(t, (_request, response) => response.end('body'));
    const { handle } = await guest.request('http://model/');
    assert.equal(await guest.read(0, 4), 1);
    assert.equal(await guest.read(-1, 4), 1);
    assert.equal(await guest.read(handle, END), 2);
    assert.equal(await guest.call(guest.module, 'http_read_body', handle, BUFFER, 4, END), 2);
    assert.equal(String(await guest.read(handle, 4)), 'body');
    await guest.close(handle);
    assert.equal(await guest.read(handle, 4), 1);
  });
});

describe('the end of an execution', () => {
  it('frees what the guest left open, and a late answer writes nothing', async (t) => {
    const closed: Promise<unknown>[] = [];
    const { origin } = await serveRaw(t, (socket) => {
      closed.push(once(socket, 'close'));
      socket.once('data', (data) => {
        if (data.includes('/open')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
      });
    });
    const guest = httpGuest(t, origin);
    const { handle } = await guest.request('http://model/open');
    assert.equal(handle, 1);
    const url = guest.put('http://model/silent');
    const pending = guest.call(guest.module, 'http_req', ...url, ...guest.put(GET), HANDLE, STATUS);
    setTimeout(() => guest.end(), 20);
    assert.equal(await pending, 11);
    await Promise.all(closed);
    assert.equal(closed.length, 2);
    assert.deepEqual(guest.lines, []);
  });
});
