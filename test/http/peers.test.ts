import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PEER, stubApi } from './stub-node.ts';

test('a head shows whom it is connected with, whatever they say of themselves', async () => {
  const peer = { peerId: 'B', agent: 'a"<b>', topics: ['t"1'], protocols: ['/p/1'], inbound: true };
  const app = await stubApi({
    peers: async () => [
      { ...peer, connectedAt: 0, heardAt: null },
      { ...peer, agent: '', topics: [], protocols: [], connectedAt: 1_000, heardAt: 2_000 },
    ],
    workers: async () => [],
  });
  const { statusCode, json } = await app.inject('/api/v1/peers');
  assert.equal(statusCode, 200);
  assert.deepEqual(json(), {
    peer_id: PEER,
    peers: [
      {
        ...{ peer_id: 'B', agent: 'a"<b>', topics: ['t"1'], protocols: ['/p/1'], inbound: true },
        ...{ connected_at: '1970-01-01T00:00:00.000Z', heard_at: null },
      },
      {
        ...{ peer_id: 'B', agent: '', topics: [], protocols: [], inbound: true },
        ...{ connected_at: '1970-01-01T00:00:01.000Z', heard_at: '1970-01-01T00:00:02.000Z' },
      },
    ],
  });
  assert.equal((await app.inject({ method: 'POST', url: '/api/v1/peers' })).headers.allow, 'OPTIONS, GET');
});

test('a solo node has no such page', async () => {
  assert.equal((await (await stubApi()).inject('/api/v1/peers')).statusCode, 404);
});
