import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import type { MessageStream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { keepForSigning } from '../../../runtime/store/peers/signing-key.ts';
import { generateKey } from '../../support/peer-key.ts';
import { startRawPeer, until } from './support.ts';

const PROTOCOL = '/test/1.0.0';

test('what one turn sends leaves at once and in its order, on connections made and taken', async (t) => {
  const [one, other] = [await startRawPeer(t), await startRawPeer(t)];
  const heard: Buffer[] = [];
  for (const { host } of [one, other]) {
    await host.handle(PROTOCOL, (stream) => {
      stream.addEventListener('message', ({ data }) => heard.push(Buffer.from(data.subarray())));
    });
  }
  await one.host.dial(multiaddr(other.address));
  await until(() => other.host.getConnections().length === 1);
  for (const { host } of [one, other]) {
    const [connection] = host.getConnections();
    assert.ok(connection);
    const { maConn } = connection as unknown as { maConn: { socket: Socket } & MessageStream };
    const streams = [await connection.newStream(PROTOCOL), await connection.newStream(PROTOCOL)];
    const written: number[] = [];
    const send = maConn.send.bind(maConn);
    maConn.send = (data) => {
      written.push(data.byteLength);
      const sent = send(data);
      assert.equal(maConn.socket.writableCorked, 0);
      return sent;
    };
    heard.length = 0;
    const texts = ['a', 'b', 'c', 'd'];
    for (const [at, text] of texts.entries()) streams[at % 2]?.send(Buffer.from(text));
    assert.deepEqual(written, []);
    await until(() => Buffer.concat(heard).toString() === 'abcd');
    // Four frames with their headers, in one message of Noise.
    assert.ok(written.some((bytes) => bytes >= 4 * 13 + 18));
    // More than one message of Noise holds, and frames that go by themselves between small ones.
    const sizes = [10, 15_000, 15_000, 15_000, 15_000, 15_000, 40_000, 20, 200_000, 30];
    heard.length = 0;
    const sent = sizes.map((size, at) => Buffer.alloc(size, at));
    for (const bytes of sent) streams[0]?.send(bytes);
    await until(() => Buffer.concat(heard).length === Buffer.concat(sent).length);
    assert.deepEqual(Buffer.concat(heard), Buffer.concat(sent));
    for (const stream of streams) stream.abort(new Error('enough'));
  }
});

test('what was sent last arrives though the connection is closed at once, and nothing fails where it is aborted', async (t) => {
  for (const end of ['close', 'abort'] as const) {
    const [one, other] = [await startRawPeer(t), await startRawPeer(t)];
    const heard: string[] = [];
    await other.host.handle(PROTOCOL, (stream) => {
      stream.addEventListener('message', ({ data }) => heard.push(Buffer.from(data.subarray()).toString()));
    });
    const connection = await one.host.dial(multiaddr(other.address));
    const stream = await connection.newStream(PROTOCOL);
    stream.send(Buffer.from('last'));
    if (end === 'close') await connection.close();
    else connection.abort(new Error('enough'));
    await until(() => other.host.getConnections().length === 0);
    if (end === 'close') await until(() => heard.join('') === 'last');
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
