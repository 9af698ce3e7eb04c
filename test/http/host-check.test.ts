import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createApi } from '../../runtime/http/api.ts';
import { BODY_LIMIT, stubNode } from './stub-node.ts';

/** Asks as a program with this `Host` does. */
async function api(t: TestContext, { host = '127.0.0.1', hosts }: { host?: string; hosts?: readonly string[] }) {
  const app = await createApi(stubNode(), { log: false, bodyLimitBytes: BODY_LIMIT, ...(hosts && { hosts }) });
  t.after(() => app.close());
  await app.listen({ host, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return async (
    headers: string,
    version = '1.1',
    path = '/api/v1/health',
  ): Promise<{ status: number; text: string }> => {
    const socket = connect(port, host === '::1' ? '::1' : '127.0.0.1');
    socket.end(`GET ${path} HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    await once(socket, 'close');
    return { status: Number(text.split(' ')[1]), text };
  };
}

test('on loopback a request for a name of the internet is a 403 with the remedy, whatever its path', async (t) => {
  const ask = await api(t, { hosts: [] });
  for (const name of ['evil.example', 'evil.example:6000', 'localhost.evil.example', '127.0.0.1.evil.example', 'a b']) {
    const { status, text } = await ask(`Host: ${name}\r\n`);
    assert.equal(status, 403, name);
    assert.match(text, /\{"message":"the host .* or name it in listen\.hosts"\}\n$/);
  }
  assert.equal((await ask('Host: evil.example\r\n', '1.1', '/ipfs/x')).status, 403);
  assert.equal((await ask('Host: evil.example\r\n', '1.1', '/nothing')).status, 403);
  const { text } = await ask(`Host: ${'x.'.repeat(2_000)}\r\n`);
  assert.ok(text.length < 1_000);
});

test("on loopback addresses, names that are nobody else's, and requests without a name are answered", async (t) => {
  const ask = await api(t, { hosts: [] });
  const names = [
    '127.0.0.1',
    '127.1',
    '[::1]:6000',
    'localhost',
    'LOCALHOST.:1',
    'head:6000',
    'x',
    'a.localhost',
    'host.docker.internal',
    '',
  ];
  for (const name of names) assert.equal((await ask(`Host: ${name}\r\n`)).status, 200, name);
  assert.equal((await ask('', '1.0')).status, 200);
  assert.equal((await ask('Host: evil.example\r\n')).status, 403);
});

test('names of the setting are answered, in any case and on any port; * is every name', async (t) => {
  const ask = await api(t, { hosts: ['Node.example'] });
  assert.equal((await ask('Host: node.EXAMPLE:443\r\n')).status, 200);
  assert.equal((await ask('Host: other.example\r\n')).status, 403);
  const any = await api(t, { hosts: ['*'] });
  assert.equal((await any('Host: other.example\r\n')).status, 200);
});

test('a listener on all interfaces answers to whatever name it is reached by', async (t) => {
  const ask = await api(t, { host: '0.0.0.0', hosts: [] });
  for (const name of ['head:6000', 'head.example', 'evil.example']) {
    assert.equal((await ask(`Host: ${name}\r\n`)).status, 200, name);
  }
});
