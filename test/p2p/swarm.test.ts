import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Connection, Stream, StreamMuxer } from '@libp2p/interface';
import { B7S_PROTOCOL, type DirectMessage } from '../../runtime/p2p/swarm.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (swarm: TestSwarm): string[] => swarm.heard.map((message) => Buffer.from(message.bytes).toString());

/** What hands streams that a peer opens to whoever negotiates their protocol. */
interface Answering extends StreamMuxer {
  onRemoteStream(stream: Stream): void;
}

/** Collects the messages of the b7s framing. */
function collecting(got: DirectMessage[], maxBytes = 1_000_000) {
  return async ({ swarm }: { swarm: TestSwarm['swarm'] }): Promise<void> =>
    swarm.handle(B7S_PROTOCOL, maxBytes, (message) => got.push(message));
}

suite('gossip between hosts', () => {
  test('what one publishes without subscribing comes to each subscriber, with its author', async (t) => {
    const head = await startSwarm(t);
    const workers = await Promise.all(['a', 'b', 'c'].map(() => startSwarm(t, { topics: ['topic'] })));
    for (const worker of workers) await worker.dial(head);
    await until(() => head.swarm.subscribers('topic').length === 3);
    assert.deepEqual(head.swarm.subscribers('topic').toSorted(), workers.map(({ peerId }) => peerId).toSorted());
    await head.swarm.publish('topic', bytes('who can?'));
    for (const worker of workers) {
      await until(() => worker.heard.length > 0);
      const [message] = worker.heard;
      assert.deepEqual(
        { ...message, bytes: String(Buffer.from(message?.bytes ?? [])) },
        {
          topic: 'topic',
          author: head.peerId,
          relayedBy: head.peerId,
          bytes: 'who can?',
        },
      );
    }
    assert.deepEqual(head.heard, []);
  });

  test('a neighbour passes on what it is not the author of', async (t) => {
    const [far, middle, near] = [
      await startSwarm(t, { topics: ['topic'] }),
      await startSwarm(t, { topics: ['topic'] }),
      await startSwarm(t, { topics: ['topic'] }),
    ];
    await far.dial(middle);
    await near.dial(middle);
    await until(() => middle.swarm.subscribers('topic').length === 2 && far.swarm.subscribers('topic').length === 1);
    // Only once the mesh has formed, which takes a heartbeat or two, are messages passed on.
    const again = setInterval(() => void far.swarm.publish('topic', bytes('hello')), 200);
    await until(() => near.heard.length > 0).finally(() => clearInterval(again));
    assert.equal(near.heard[0]?.author, far.peerId);
    assert.equal(near.heard[0]?.relayedBy, middle.peerId);
  });

  test('40 subscribers behind one address are all counted and all hear', async (t) => {
    const head = await startSwarm(t);
    const workers = await Promise.all(
      Array.from({ length: 40 }, () => startSwarm(t, { topics: ['topic'], listen: [] })),
    );
    // A host takes 20 connections of one address in a second.
    for (const worker of workers) await patiently(() => worker.dial(head));
    await until(() => head.swarm.subscribers('topic').length === 40);
    await head.swarm.publish('topic', bytes('all'));
    await until(() => workers.every((worker) => worker.heard.length === 1));
  });

  test('a message that no neighbour would take is refused; nobody listening is no error', async (t) => {
    const { swarm } = await startSwarm(t);
    await swarm.publish('nobody', bytes('is here'));
    await assert.rejects(swarm.publish('topic', new Uint8Array(1024 * 1024)), { code: 'ERR_INVALID_REQUEST' });
  });

  test('a message that is nearly as long as gossip takes arrives', async (t) => {
    const a = await startSwarm(t);
    const b = await startSwarm(t, { topics: ['topic'] });
    await b.dial(a);
    await until(() => a.swarm.subscribers('topic').length === 1);
    await a.swarm.publish('topic', new Uint8Array(1024 * 1024 - 1_000));
    await until(() => b.heard.length === 1);
  });

  test('a topic subscribed to while connected is heard, and who goes is no subscriber', async (t) => {
    const a = await startSwarm(t);
    const b = await startSwarm(t);
    await b.dial(a);
    const changes: string[] = [];
    a.swarm.onPeers((peerId, connected) => changes.push(`${peerId === b.peerId} ${connected}`));
    b.swarm.subscribe('late');
    await until(() => a.swarm.subscribers('late').length === 1);
    await a.swarm.publish('late', bytes('x'));
    await until(() => texts(b).includes('x'));
    await b.host.stop();
    await until(() => a.swarm.subscribers('late').length === 0);
    assert.ok(changes.includes('true true'));
    assert.equal(changes.at(-1), 'true false');
  });
});

suite('direct messages between hosts', () => {
  test('each comes whole with its sender, however it is cut on the way', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got, 4_000_000) });
    const a = await startSwarm(t, { prepare: collecting([]) });
    await a.dial(b);
    await a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('{"a":1}'));
    await a.swarm.send(b.peerId, B7S_PROTOCOL, new Uint8Array(3_000_000).fill(65));
    await a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('{"line":1}\n{"never":"read"}'));
    await until(() => got.length === 3);
    assert.deepEqual(got.map((message) => [message.from === a.peerId, message.bytes.length]).toSorted(), [
      [true, 10],
      [true, 3_000_000],
      [true, 7],
    ]);
  });

  test('speakers of a protocol are those connected that take it, and who is not there cannot be sent to', async (t) => {
    const a = await startSwarm(t, { prepare: collecting([]) });
    const b = await startSwarm(t, { prepare: collecting([]) });
    const mute = await startSwarm(t);
    await b.dial(a);
    await mute.dial(a);
    await until(() => a.swarm.speakers(B7S_PROTOCOL).length === 1);
    assert.deepEqual(a.swarm.speakers(B7S_PROTOCOL), [b.peerId]);
    await assert.rejects(a.swarm.send(mute.peerId, B7S_PROTOCOL, bytes('x')), { code: 'ERR_NOT_ENOUGH_NODES' });
    await b.host.stop();
    await until(() => a.swarm.speakers(B7S_PROTOCOL).length === 0);
    await assert.rejects(a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('x')), {
      code: 'ERR_NOT_ENOUGH_NODES',
      message: /it is not connected/,
    });
  });

  test('one that comes in the same breath as the negotiation is not lost, as Go sends them', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got) });
    const a = await startSwarm(t);
    await a.dial(b);
    await until(() => a.host.getConnections().length > 0);
    const [connection] = a.host.getConnections() as unknown as { muxer: StreamMuxer }[];
    const line = (text: string): Uint8Array => Buffer.concat([Uint8Array.of(text.length + 1), bytes(`${text}\n`)]);
    for (let i = 0; i < 10; i += 1) {
      const stream = await connection?.muxer.createStream();
      stream?.send(Buffer.concat([line('/multistream/1.0.0'), line(B7S_PROTOCOL), bytes(`{"n":${i}}`)]));
      await stream?.close();
    }
    await until(() => got.length === 10);
    assert.deepEqual(
      got.map((message) => String(Buffer.from(message.bytes))).toSorted(),
      Array.from({ length: 10 }, (_, i) => `{"n":${i}}`),
    );
  });

  test('one to a peer that is known to speak the protocol goes with the negotiation, without an answer', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got) });
    const a = await startSwarm(t, { prepare: collecting([]) });
    await a.dial(b);
    await until(() => a.swarm.speakers(B7S_PROTOCOL).length === 1 && b.host.getConnections().length === 1);
    // b answers nothing from now on.
    const [connection] = b.host.getConnections() as unknown as { muxer: Answering }[];
    assert.ok(connection !== undefined);
    const came: string[] = [];
    connection.muxer.onRemoteStream = (stream) => {
      connection.muxer.streams.push(stream);
      const at = came.push('') - 1;
      stream.addEventListener('message', ({ data }) => {
        came[at] += Buffer.from(data.subarray()).toString();
      });
    };
    await a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('{"n":1}'));
    const said = `\u0013/multistream/1.0.0\n${String.fromCharCode(B7S_PROTOCOL.length + 1)}${B7S_PROTOCOL}\n{"n":1}`;
    // Beside it what gossip says.
    await until(() => came.includes(said));
  });

  test('one to a peer is negotiated where the library no longer shows what opens streams', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got) });
    const a = await startSwarm(t, { prepare: collecting([]) });
    await a.dial(b);
    await until(() => a.swarm.speakers(B7S_PROTOCOL).length === 1);
    const getConnections = a.host.getConnections.bind(a.host);
    const hidden = (connection: Connection): Connection =>
      new Proxy(connection, {
        get(target, key) {
          const value = key === 'muxer' ? undefined : Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    a.host.getConnections = (peer) => getConnections(peer).map(hidden);
    await a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('x'));
    await until(() => got.length === 1);
  });

  test('100 at once between two hosts all arrive', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got) });
    const a = await startSwarm(t, { prepare: collecting([]) });
    await a.dial(b);
    await until(() => a.swarm.speakers(B7S_PROTOCOL).length === 1);
    await Promise.all(Array.from({ length: 100 }, (_, i) => a.swarm.send(b.peerId, B7S_PROTOCOL, bytes(`m${i}`))));
    await until(() => got.length === 100);
  });

  test('a message longer than allowed is cut off and logged, and the next one is taken', async (t) => {
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { prepare: collecting(got, 1_000) });
    const a = await startSwarm(t, { prepare: collecting([]) });
    await a.dial(b);
    // The sender sees it, if it is still sending.
    await a.swarm.send(b.peerId, B7S_PROTOCOL, new Uint8Array(30_000_000)).catch(() => {});
    await a.swarm.send(b.peerId, B7S_PROTOCOL, bytes('ok'));
    await until(() => got.length === 1);
    assert.match(b.lines.join('\n'), /refused.*more than 1000 bytes/);
  });
});

suite('WebSocket', () => {
  test('hosts that listen for WebSockets only find each other and gossip', async (t) => {
    const a = await startSwarm(t, { listen: ['/ip4/127.0.0.1/tcp/0/ws'] });
    const got: DirectMessage[] = [];
    const b = await startSwarm(t, { topics: ['topic'], listen: [], prepare: collecting(got, 20_000_000) });
    assert.match(a.address, /\/ws\/p2p\//);
    await b.dial(a);
    await until(() => a.swarm.subscribers('topic').length === 1);
    await a.swarm.publish('topic', bytes('by web socket'));
    await until(() => texts(b).includes('by web socket'));
    await a.swarm.send(b.peerId, B7S_PROTOCOL, new Uint8Array(10_000_000));
    await until(() => got.length === 1);
  });
});

/** Again until it does not throw. */
async function patiently(step: () => Promise<void>): Promise<void> {
  for (let left = 20; ; left--) {
    try {
      await step();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
