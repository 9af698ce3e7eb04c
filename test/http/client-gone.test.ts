import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Client } from 'undici';
import type { InferenceNode } from '../../runtime/core/node.ts';
import { EXECUTE, PEER, peerResult, stubApi } from './stub-node.ts';

async function listening(
  context: TestContext,
  over: Partial<InferenceNode>,
): Promise<{ port: number; server: Server }> {
  const app = await stubApi(over);
  context.after(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { port: (app.server.address() as AddressInfo).port, server: app.server };
}

const REQUEST = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"function_id":"x"}',
} as const;

test('a client that goes away cancels its execution', async (context) => {
  const started = Promise.withResolvers<AbortSignal>();
  const cancelled = Promise.withResolvers<unknown>();
  const { port } = await listening(context, {
    execute: (_request, { signal }) => {
      started.resolve(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cancelled.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    },
  });
  const client = new Client(`http://127.0.0.1:${port}`);
  const answer = assert.rejects(client.request({ path: EXECUTE, ...REQUEST }));
  assert.equal((await started.promise).aborted, false);
  await client.destroy();
  await answer;
  assert.match(String(await cancelled.promise), /client closed its connection/);
});

test('a client that goes away cancels each of the requests it pipelined', async (context) => {
  const signals: AbortSignal[] = [];
  const bothStarted = Promise.withResolvers<void>();
  const { port } = await listening(context, {
    execute: (_request, { signal }) => {
      signals.push(signal);
      if (signals.length === 2) bothStarted.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  const socket = connect(port, '127.0.0.1');
  const { body } = REQUEST;
  const head = `POST ${EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.write(`${head}\r\n\r\n${body}`.repeat(2));
  await bothStarted.promise;
  const aborted = Promise.all(signals.map((signal) => once(signal, 'abort')));
  socket.destroy();
  await aborted;
});

test('a connection that closes after the answer cancels nothing', async (context) => {
  const signals: AbortSignal[] = [];
  const { port, server } = await listening(context, {
    execute: async (_request, { requestId, signal }) => {
      signals.push(signal);
      return { requestId, code: '200', results: [peerResult(PEER)], cluster: [PEER], remarks: [] };
    },
  });
  const connected = once(server, 'connection');
  const client = new Client(`http://127.0.0.1:${port}`);
  for (let i = 0; i < 20; i++) {
    const { statusCode, body } = await client.request({ path: EXECUTE, ...REQUEST });
    assert.equal(statusCode, 200);
    await body.dump();
  }
  const [socket] = (await connected) as [Socket];
  const closed = once(socket, 'close');
  await client.close();
  await closed;
  assert.deepEqual(new Set(signals.map(({ aborted }) => aborted)), new Set([false]));
  assert.equal(signals.length, 20);
});
