import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import { multiaddr } from '@multiformats/multiaddr';
import { keepForSigning } from '../../../runtime/store/peers/signing-key.ts';
import { generateKey } from '../../support/peer-key.ts';
import { startRawPeer, until } from './support.ts';

const PROTOCOL = '/test/1.0.0';

test('what one turn sends leaves at once, on connections made and taken', async (t) => {
  const [one, other] = [await startRawPeer(t), await startRawPeer(t)];
  const heard: string[] = [];
  for (const { host } of [one, other]) {
    await host.handle(PROTOCOL, (stream) => {
      stream.addEventListener('message', ({ data }) => heard.push(Buffer.from(data.subarray()).toString()));
    });
  }
  await one.host.dial(multiaddr(other.address));
  await until(() => other.host.getConnections().length === 1);
  for (const { host } of [one, other]) {
    const [connection] = host.getConnections();
    assert.ok(connection);
    const { socket } = (connection as unknown as { maConn: { socket: Socket } }).maConn;
    const stream = await connection.newStream(PROTOCOL);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(socket.writableCorked, 0);
    for (const text of ['a', 'b', 'c']) stream.send(Buffer.from(text));
    assert.equal(socket.writableCorked, 1);
    heard.length = 0;
    await until(() => heard.join('') === 'abc');
    assert.equal(socket.writableCorked, 0);
  }
});

test('a peer is asked of the store once for all streams of a protocol, and again when it comes back', async (t) => {
  const [one, other] = [await startRawPeer(t), await startRawPeer(t)];
  await other.host.handle(PROTOCOL, () => {});
  const spoken = async (): Promise<boolean> =>
    (await one.host.peerStore.get(other.host.peerId)).protocols.includes(PROTOCOL);
  for (const round of ['first', 'second']) {
    const connection = await one.host.dial(multiaddr(other.address));
    for (let at = 0; at < 3; at++) await connection.newStream(PROTOCOL);
    assert.equal(await spoken(), true, round);
    await connection.close();
    await until(() => one.host.getConnections().length === 0);
    await one.host.peerStore.delete(other.host.peerId);
  }
});

test('a key that is kept for signing signs as the library does', async () => {
  const [bytes, message] = [generateKey(), Buffer.from('what is said')];
  const kept = keepForSigning(privateKeyFromProtobuf(bytes));
  const signature = await kept.sign(message);
  assert.deepEqual(Buffer.from(signature), Buffer.from(await privateKeyFromProtobuf(bytes).sign(message)));
  assert.equal(await kept.publicKey.verify(message, signature), true);
});
