import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeadClusters } from '../../runtime/p2p/head-clusters.ts';
import { createOpenOrders } from '../../runtime/p2p/open-orders.ts';
import { createOrderMessages } from '../../runtime/p2p/order-messages.ts';
import { decodeMessage } from '../../runtime/wire/messages/message.ts';

test('a cluster that is given up before its members are asked is not formed after it was disbanded', async () => {
  const sent: string[] = [];
  const known = Promise.withResolvers<readonly string[]>();
  const swarm = {
    peerId: 'head',
    addresses: () => known.promise,
    send: async (_peer: string, _protocol: string, bytes: Uint8Array) => void sent.push(decodeMessage(bytes).type),
  };
  const orders = createOpenOrders();
  const messages = createOrderMessages('head');
  const clusters = createHeadClusters({ swarm, orders, messages, drop: (_peer, error) => assert.fail(String(error)) });
  const peers = ['a', 'b', 'c', 'd'];
  const giving = new AbortController();
  const formed = clusters.form({ requestId: 'r', peers, consensus: 2 }, { waitMs: 600_000, signal: giving.signal });
  giving.abort(new Error('given up'));
  await clusters.disband({ requestId: 'r', peers });
  known.resolve([]);
  await assert.rejects(formed, /given up/);
  assert.deepEqual(sent, Array(4).fill('MsgDisbandCluster'));
  // Nothing is left of its orders.
  for (const peerId of peers) orders.open(peerId, 'r').close();
});
