import assert from 'node:assert/strict';
import { test } from 'node:test';

import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { noteProtocolsOnce } from '../../runtime/store/peers/known-protocols.ts';
import { startSwarm, until } from './support.ts';

test('a stream costs no write to the peer store, and its protocol is known there all the same', async (t) => {
  const writes: unknown[] = [];
  let taken = 0;
  const receiver = await startSwarm(t, {
    prepare: async ({ swarm }) => swarm.handle(B7S_PROTOCOL, 1_000, () => taken++),
  });
  const sender = await startSwarm(t, {
    prepare: async ({ host }) => {
      // Beneath the one that remembers.
      const { peerStore } = host;
      const merge = Object.getPrototypeOf(peerStore).merge.bind(peerStore);
      peerStore.merge = async (peerId, data, options) => {
        writes.push(data);
        return await merge(peerId, data, options);
      };
      noteProtocolsOnce(host);
    },
  });
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await sender.swarm.send(receiver.peerId, B7S_PROTOCOL, Buffer.from('x'));
  };
  await sender.dial(receiver);
  // What it said of itself is written once.
  await until(() => sender.swarm.peers().some(({ agent }) => agent !== ''));
  await send(20);
  await until(() => taken === 20);
  const isTold = (): boolean => JSON.stringify(writes).includes(B7S_PROTOCOL);
  assert.ok(isTold());
  const [peer] = await sender.host.peerStore.all();
  assert.ok(peer?.protocols.includes(B7S_PROTOCOL));
  const before = writes.length;
  await send(20);
  await until(() => taken === 40);
  assert.equal(writes.length, before);

  await sender.host.getConnections()[0]?.close();
  await until(() => sender.host.getConnections().length === 0);
  writes.length = 0;
  await sender.dial(receiver);
  await send(1);
  assert.ok(isTold());
});
