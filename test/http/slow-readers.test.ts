import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { createApi } from '../../runtime/http/api.ts';
import { BODY_LIMIT, outcome, PEER, stubNode } from './stub-node.ts';

const CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';
const MIB = 1_048_576;

test('answers that are not read take no more memory than they may: the oldest reader loses its connection', {
  timeout: 60_000,
}, async () => {
  const stdout = Buffer.alloc(24 * MIB, 'x');
  const node = stubNode({
    execute: async (_request, { requestId }) => ({
      requestId,
      results: [{ peerId: PEER, outcome: outcome({ stdout }) }],
      code: '200',
      cluster: [PEER],
      remarks: [],
    }),
  });
  const app = await createApi(node, {
    log: false,
    bodyLimitBytes: BODY_LIMIT,
    webFunctions: ['*'],
    unreadBytes: 50 * MIB,
  });
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = new URL(base);
  const sockets: Socket[] = [];
  const closed: number[] = [];
  /** Asks, and reads the first bytes only. */
  async function ask(at: number): Promise<void> {
    const socket = connect(Number(port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {}).on('close', () => closed.push(at));
    socket.write(`GET /fn/${CID}/ HTTP/1.1\r\nHost: node\r\n\r\n`);
    await new Promise((resolve) => socket.once('readable', resolve));
    socket.read(10);
  }
  try {
    await ask(0);
    await ask(1);
    assert.deepEqual(closed, []);
    await ask(2);
    // What had been sent before is still there to read; then comes the end.
    sockets[0]?.resume();
    await new Promise((resolve) => sockets[0]?.once('close', resolve));
    assert.deepEqual(closed, [0]);
    let length = 0;
    for await (const chunk of sockets[1] as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length >= 24 * MIB) break;
    }
    assert.ok(length >= 24 * MIB, 'who reads after all gets all of it');
    const { body } = await fetch(`${base}/fn/${CID}/`);
    let read = 0;
    for await (const chunk of body ?? []) read += (chunk as Uint8Array).length;
    assert.equal(read, stdout.length);
  } finally {
    for (const socket of sockets) socket.destroy();
    await app.close();
  }
});
