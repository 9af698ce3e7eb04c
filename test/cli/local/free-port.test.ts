import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../runtime/cli/local/free-port.ts';

test('a free port is below those that the system hands out, can be listened on, and is not given twice', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, () => freePort('127.0.0.1')));
  assert.equal(new Set(ports).size, 100);
  assert.ok(ports.every((port) => port >= 20_000 && port < 32_768));
  const server = createServer().listen(ports[0], '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

test('for an address of another machine it says what the system says', async () => {
  await assert.rejects(freePort('192.0.2.1'), { code: 'EADDRNOTAVAIL' });
});
