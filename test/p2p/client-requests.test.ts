import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { ExecuteRequest, InferenceNode } from '../../runtime/core/node.ts';
import { createClientRequests } from '../../runtime/p2p/client-requests.ts';
import { peerResult } from '../http/stub-node.ts';
import { FUNCTION, type Json, startHead, startPeer } from './b7s-peers.ts';
import { until } from './support.ts';

/** Requests as clients of each dialect write them. */
const REQUESTS = {
  a: `{"type":"MsgExecute","function_id":"${FUNCTION}","method":"x.wasm","config":{"runtime":{},"number_of_nodes":2,"result_aggregation":{}},"timestamp":"0001-01-01T00:00:00Z"}`,
  b: `{"function_id":"${FUNCTION}","method":"x.wasm","config":{"number_of_nodes":2},"timestamp":"0001-01-01T00:00:00Z","type":"MsgExecute"}`,
  c: `{"function_id":"${FUNCTION}","method":"x.wasm","config":{"number_of_nodes":2},"topic":"allora-topic-1-worker","type":"MsgExecute"}`,
};

const reply: InferenceNode['execute'] = async (_request, { requestId }) => ({
  requestId,
  code: '206',
  results: [peerResult('p')],
  cluster: ['p', 'q'],
  remarks: ['no answer of q'],
});

suite('a request of a client on libp2p', () => {
  test('has workers looked for a minute at most, however long it asks for', async () => {
    const asked: ExecuteRequest[] = [];
    const clients = createClientRequests({
      node: {
        execute: (request, options) => {
          asked.push(request);
          return reply(request, options);
        },
      },
    });
    for (const timeout of [2, 1e9]) {
      await clients.answer(
        { type: 'MsgExecute', function_id: FUNCTION, config: { timeout } },
        { peerId: 'client', size: 1 },
      );
    }
    assert.deepEqual(
      asked.map(({ body }) => body.config?.timeout),
      [2, 60],
    );
  });

  for (const dialect of ['a', 'b', 'c'] as const) {
    test(`of dialect ${dialect} is run, and answered in that dialect`, async (t) => {
      const asked: ExecuteRequest[] = [];
      const head = await startHead(t, {
        execute: (request, options) => {
          asked.push(request);
          return reply(request, options);
        },
      });
      const client = await startPeer(t, head);
      await client.say(head.peerId, REQUESTS[dialect]);
      await until(() => client.got.length > 0);
      const [request] = asked;
      assert.deepEqual(
        [request?.functionId, request?.method, request?.nodeCount, request?.topic, request?.env],
        [FUNCTION, 'x.wasm', 2, dialect === 'c' ? 'allora-topic-1-worker' : '', []],
      );
      const [answer = {}] = client.got;
      const { request_id, results, ...rest } = answer;
      assert.match(String(request_id), /^[0-9a-f-]{36}$/);
      const result = (results as Record<string, Json>).p ?? {};
      assert.deepEqual([result.code, result.request_id], ['200', dialect === 'c' ? undefined : request_id]);
      assert.deepEqual(rest, {
        type: 'MsgExecuteResponse',
        ...(dialect === 'a' && { from: head.peerId }),
        code: '206',
        cluster: { peers: ['p', 'q'] },
        ...(dialect !== 'c' && { pbft: { view: 0, request_timestamp: '0001-01-01T00:00:00Z' } }),
        message: 'no answer of q',
      });
      const keys = Object.keys(answer);
      assert.equal(dialect === 'a' ? keys[0] : keys.at(-1), 'type');
    });
  }

  test('that cannot be run is answered with the code and why', async (t) => {
    const head = await startHead(t, {
      execute: () => Promise.reject(new InferbaseError('ERR_NOT_ENOUGH_NODES', 'nobody there')),
    });
    const client = await startPeer(t, head);
    await client.say(head.peerId, REQUESTS.c);
    await until(() => client.got.length > 0);
    const [{ request_id: _id, ...answer } = {}] = client.got;
    assert.deepEqual(answer, { code: '408', cluster: {}, message: 'nobody there', type: 'MsgExecuteResponse' });
  });

  test('is refused where work.clients does not name the client, or names none', async () => {
    let asked = 0;
    const node: Pick<InferenceNode, 'execute'> = {
      execute: (request, options) => {
        asked++;
        return reply(request, options);
      },
    };
    const codeOf = async (allowed: readonly string[], peerId: string): Promise<string | undefined> => {
      const clients = createClientRequests({ node }, { allowed });
      const message = { type: 'MsgExecute', function_id: FUNCTION } as const;
      return (await clients.answer(message, { peerId, size: 1 }))?.message.code;
    };
    assert.deepEqual(
      [await codeOf([], 'a'), await codeOf(['a', 'b'], 'a'), await codeOf(['b'], 'a'), await codeOf(['none'], 'a')],
      ['206', '206', '403', '403'],
    );
    assert.equal(asked, 2);
  });

  test('waits in memory together with others up to so many bytes, and past them is refused', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const node: Pick<InferenceNode, 'execute'> = {
      execute: (request, options) => promise.then(() => reply(request, options)),
    };
    const clients = createClientRequests({ node }, { heldBytes: 100 });
    const ask = async (peerId: string, size: number) => {
      const message = { type: 'MsgExecute', function_id: FUNCTION } as const;
      return (await clients.answer(message, { peerId, size }))?.message.code;
    };
    const taken = [ask('a', 1_000)];
    assert.equal(await ask('b', 1), '503');
    resolve();
    assert.deepEqual(await Promise.all(taken), ['206']);
    assert.deepEqual(await Promise.all([ask('a', 60), ask('b', 40), ask('c', 1)]), ['206', '206', '503']);
  });

  test('ends with its client, and past so many at once is refused', async (t) => {
    let open = 0;
    let ended = 0;
    const head = await startHead(t, {
      execute: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          open++;
          signal.addEventListener('abort', () => {
            ended++;
            reject(signal.reason);
          });
        }),
    });
    const client = await startPeer(t, head);
    for (let i = 0; i < 70; i++) await client.say(head.peerId, REQUESTS.c);
    await until(() => client.got.length === 6);
    assert.deepEqual(new Set(client.got.map(({ code }) => code)), new Set(['503']));
    assert.equal(open, 64);
    await client.host.stop();
    await until(() => ended === 64);
  });
});
