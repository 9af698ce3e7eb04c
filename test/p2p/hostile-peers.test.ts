import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { gossipsub } from '@libp2p/gossipsub';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { createDirectMessages, type DirectMessagesInit } from '../../runtime/p2p/direct-messages.ts';
import { B7S_PROTOCOL, type DirectMessage } from '../../runtime/p2p/swarm.ts';
import { createHost } from '../../runtime/store/peers/host.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const MESHSUB = '/meshsub/1.1.0';

/** A connection as js-libp2p has it inside. */
interface Encrypted {
  readonly stream: { readonly socket: Socket };
  readonly writableNeedsDrain: boolean;
  send(bytes: Uint8Array): boolean;
}

/** A host without any of our limits, that does as the test says. */
async function startStranger(t: TestContext, services = {}): Promise<Libp2p> {
  const host = await createHost({ privateKey: null, listen: [], maxConnections: 16, allow: [], services });
  // Said when it identifies itself; else it would be taken for one that gossips no more.
  if (Object.keys(services).length === 0) await host.handle(MESHSUB, () => {});
  await host.start();
  t.after(() => host.stop());
  return host;
}

async function openStream(host: Libp2p, to: TestSwarm, protocol: string): Promise<Stream> {
  const connection = host.getConnections()[0] ?? (await host.dial(multiaddr(to.address)));
  return await connection.newStream(protocol, { maxOutboundStreams: 100_000 });
}

/** An honest neighbour is heard. */
async function stillHears(t: TestContext, swarm: TestSwarm): Promise<void> {
  const honest = await startSwarm(t);
  await honest.dial(swarm);
  await until(() => honest.swarm.subscribers('topic').length > 0);
  const text = `from ${honest.peerId}`;
  await honest.swarm.publish('topic', bytes(text));
  await until(() => swarm.heard.some((message) => Buffer.from(message.bytes).toString() === text));
}

/** A node that takes messages of up to a megabyte on `/test`, within these limits. @returns what it logs as well */
async function startLimited(
  t: TestContext,
  got: DirectMessage[],
  limits: Omit<DirectMessagesInit, 'log'>,
): Promise<{ readonly node: TestSwarm; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const log = (line: string, fields = {}): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
  const direct = createDirectMessages({ log, ...limits });
  t.after(() => direct.stop());
  const listener = (message: DirectMessage): void => void got.push(message);
  const node = await startSwarm(t, {
    prepare: ({ host }) => host.handle('/test', direct.reader('/test', 1e6, listener), { maxInboundStreams: 1_000 }),
  });
  return { node, lines };
}

/** A node that takes direct messages of up to a megabyte. */
async function startTaking(t: TestContext, got: DirectMessage[]): Promise<TestSwarm> {
  return await startSwarm(t, {
    topics: ['topic'],
    prepare: ({ swarm }) => swarm.handle(B7S_PROTOCOL, 1_000_000, (message) => got.push(message)),
  });
}

suite('neighbours that flood gossip', () => {
  test('one that floods with signed messages is slowed, then let go for a while, and others are heard meanwhile', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'], perSecond: [200, 400], patienceMs: 1_500 });
    const flooder = await startStranger(t, {
      pubsub: gossipsub({ scoreParams: { IPColocationFactorWeight: 0 }, maxOutboundBufferSize: 1_000_000_000 }),
    });
    const pubsub = (flooder.services as unknown as { pubsub: ReturnType<ReturnType<typeof gossipsub>> }).pubsub;
    await flooder.dial(multiaddr(node.address));
    await until(() => pubsub.getSubscribers('topic').length === 1);
    const stop = new AbortController();
    t.after(() => stop.abort());
    let sent = 0;
    const began = Date.now();
    const flood = (async () => {
      while (!stop.signal.aborted && flooder.getConnections().length > 0) {
        for (let i = 0; i < 100; i++, sent++) await pubsub.publish('topic', bytes(`flood ${sent}`)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    await until(() => sent > 500);
    await stillHears(t, node);
    await until(() => node.lines.some((line) => line.includes('it floods gossip')));
    await until(() => flooder.getConnections().length === 0);
    stop.abort();
    await flood;
    // 200 a second, two seconds' worth at once, and what was under way when it was slowed.
    const most = 200 * (2 + (Date.now() - began) / 1_000) + 2_000;
    assert.ok(node.heard.length < Math.min(sent, most), `${node.heard.length} of ${sent}`);
    await openStream(flooder, node, MESHSUB).catch(() => {});
    await until(() => flooder.getConnections().length === 0);
    await stillHears(t, node);
  });

  test('one that is named as a boot node is slowed and kept', async (t) => {
    const head = await startSwarm(t);
    const node = await startSwarm(t, {
      topics: ['topic'],
      perSecond: [400, 1_600],
      patienceMs: 200,
      trusted: new Set([head.peerId]),
    });
    await head.dial(node);
    await until(() => head.swarm.subscribers('topic').length === 1);
    for (let i = 0; i < 600; i++) await head.swarm.publish('topic', bytes(`roll call ${i}`));
    await until(() => node.heard.length === 600);
    assert.equal(node.host.getConnections().length, 1);
    assert.deepEqual(node.lines, []);
  });

  test('a gossip message of 5 MB, a length without end and bytes that are none are not heard', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'] });
    const payloads = [
      Buffer.concat([Buffer.from([0x80, 0x80, 0xc0, 0x02]), Buffer.alloc(5 * 1024 * 1024)]),
      Buffer.alloc(64, 0xff),
      Buffer.concat([Buffer.from([16]), Buffer.alloc(16, 0x7a)]),
    ];
    for (const payload of payloads) {
      const stranger = await startStranger(t);
      const stream = await openStream(stranger, node, MESHSUB);
      stream.send(payload);
    }
    await stillHears(t, node);
    assert.equal(node.heard.length, 1);
  });

  test('those that begin many large messages and end none are let go before they fill the memory', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'], perSecond: [100_000, 100_000] });
    const begun = Buffer.concat([varint(1024 * 1024 - 1), Buffer.alloc(1024 * 1024 - 2)]);
    const protocols = ['/meshsub/1.2.0', '/meshsub/1.1.0', '/meshsub/1.0.0', '/floodsub/1.0.0'];
    for (let i = 0; i < 3; i++) {
      const stranger = await startStranger(t);
      for (const protocol of [...protocols, ...protocols, ...protocols, ...protocols]) {
        const stream = await openStream(stranger, node, protocol).catch(() => undefined);
        if (stream?.status === 'open') stream.send(begun);
      }
    }
    await until(() => node.lines.some((line) => line.includes('it holds too much under way')));
    await stillHears(t, node);
  });

  test('one that subscribes to a million topics takes part in few', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'] });
    const stranger = await startStranger(t);
    const stream = await openStream(stranger, node, MESHSUB);
    const subscriptions = Array.from({ length: 4_000 }, (_, i) => {
      const topic = Buffer.from(`t${i}`);
      const inner = Buffer.concat([Buffer.from([8, 1, 18, topic.length]), topic]);
      return Buffer.concat([Buffer.from([10, inner.length]), inner]);
    });
    const rpc = Buffer.concat(subscriptions);
    stream.send(Buffer.concat([varint(rpc.length), rpc]));
    await until(() => node.swarm.subscribers('t1').length === 1);
    const kept = Array.from({ length: 4_000 }, (_, i) => node.swarm.subscribers(`t${i}`).length);
    assert.ok(kept.reduce((sum, one) => sum + one, 0) < 200);
    await stillHears(t, node);
  });
});

suite('peers that misuse direct messages', () => {
  test('streams that are opened and left are bounded, and another peer is served', async (t) => {
    const got: DirectMessage[] = [];
    const { node, lines } = await startLimited(t, got, { maxOfPeer: 100, graceMs: 600_000 });
    const stranger = await startStranger(t);
    const opened: Stream[] = [];
    const open = async (): Promise<void> => {
      const stream = await openStream(stranger, node, '/test');
      opened.push(stream);
      if (stream.status === 'open') stream.send(bytes('{'));
    };
    await open();
    await Promise.all(Array.from({ length: 149 }, open));
    await until(() => opened.filter(({ status }) => status === 'open').length === 100);
    assert.equal(lines.length, 10, 'lines of one peer');
    assert.ok(lines.every((line) => line.includes('too many messages are under way')));
    const honest = await startStranger(t);
    const stream = await openStream(honest, node, '/test');
    stream.send(bytes('hello\n'));
    await until(() => got.length === 1);
    assert.equal(got[0]?.from, honest.peerId.toString());
  });

  test('one that sends a few bytes and waits is cut off', async (t) => {
    const got: DirectMessage[] = [];
    const { node, lines } = await startLimited(t, got, { graceMs: 1_000 });
    const stranger = await startStranger(t);
    const stream = await openStream(stranger, node, '/test');
    stream.send(bytes('{"slow":'));
    await until(() => stream.status !== 'open');
    assert.match(lines.join('\n'), /it sends too slowly/);
    assert.deepEqual(got, []);
  });

  test('100 MB for a limit of 1 MB ends at 1 MB, and so does what follows a line feed', async (t) => {
    const got: DirectMessage[] = [];
    const node = await startTaking(t, got);
    const stranger = await startStranger(t);
    const large = await openStream(stranger, node, B7S_PROTOCOL);
    const chunk = new Uint8Array(1_000_000).fill(65);
    for (let i = 0; i < 100 && large.status === 'open'; i++) {
      if (!large.send(chunk)) await large.onDrain().catch(() => {});
    }
    await until(() => large.status !== 'open');
    const line = await openStream(stranger, node, B7S_PROTOCOL);
    line.send(bytes('{"one":1}\n'));
    for (let i = 0; i < 20 && line.status === 'open'; i++) line.send(chunk);
    await until(() => got.length === 1);
    assert.equal(Buffer.from(got[0]?.bytes ?? []).toString(), '{"one":1}');
    assert.equal(node.lines.filter((text) => text.includes('more than 1000000 bytes')).length, 1);
  });

  test('a message that is reset midway is no message, and an empty one is none', async (t) => {
    const got: DirectMessage[] = [];
    const node = await startTaking(t, got);
    const stranger = await startStranger(t);
    const half = await openStream(stranger, node, B7S_PROTOCOL);
    half.send(bytes('{"half":'));
    half.abort(new Error('changed my mind'));
    const empty = await openStream(stranger, node, B7S_PROTOCOL);
    await empty.close();
    const whole = await openStream(stranger, node, B7S_PROTOCOL);
    whole.send(bytes('whole'));
    await whole.close();
    await until(() => got.length > 0);
    assert.deepEqual(
      got.map((message) => Buffer.from(message.bytes).toString()),
      ['whole'],
    );
  });
});

suite('peers that hold on to memory', () => {
  test('where messages under way hold too much, those of whoever holds most have to go, and another is heard', async (t) => {
    const got: DirectMessage[] = [];
    const { node, lines } = await startLimited(t, got, { maxHeldBytes: 3e6, graceMs: 600_000 });
    const stranger = await startStranger(t);
    for (let i = 0; i < 6; i++) {
      const stream = await openStream(stranger, node, '/test');
      stream.send(Buffer.alloc(900_000, 'x'));
      await until(() => stream.writeBufferLength === 0 || stream.status !== 'open');
    }
    await until(() => lines.length >= 3);
    const honest = await startStranger(t);
    for (let i = 0; i < 5; i++) {
      const stream = await openStream(honest, node, '/test');
      stream.send(Buffer.alloc(500_000, 'y'));
      await stream.close();
    }
    await until(() => got.length === 5);
    assert.ok(got.every(({ from }) => from === honest.peerId.toString()));
    assert.ok(lines.every((line) => line.includes(stranger.peerId.toString())));
  });

  test('a message that comes byte by byte takes no more memory than its bytes', async (t) => {
    const got: DirectMessage[] = [];
    const node = await startTaking(t, got);
    const stranger = await startStranger(t);
    const stream = await openStream(stranger, node, B7S_PROTOCOL);
    const text = Array.from({ length: 3_000 }, (_, i) => String(i % 10)).join('');
    for (const char of text) stream.send(bytes(char));
    await stream.close();
    await until(() => got.length === 1);
    assert.equal(Buffer.from(got[0]?.bytes ?? []).toString(), text);
  });
});

suite('who may connect', () => {
  test('one that pings on and on and does not read the answers is let go', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'] });
    const stranger = await startStranger(t);
    const connection = await stranger.dial(multiaddr(node.address));
    const { maConn } = (connection as unknown as { readonly muxer: { readonly maConn: Encrypted } }).muxer;
    maConn.stream.socket.pause();
    const pings = Buffer.alloc(12 * 5_000, Buffer.from('000200010000000000000000', 'hex'));
    const isGone = (): boolean => connection.status !== 'open';
    // As many as the buffers of the system take, and those that the node may keep.
    for (let sent = 0; sent < 2_000 && !isGone(); sent++) {
      maConn.send(pings);
      await until(() => !maConn.writableNeedsDrain || isGone());
    }
    await until(isGone);
    await stillHears(t, node);
  });

  test('peers.allow lets in those it names only', async (t) => {
    const friend = await startSwarm(t);
    const node = await startSwarm(t, { topics: ['topic'], allow: [friend.peerId] });
    await friend.dial(node);
    await until(() => friend.swarm.subscribers('topic').length === 1);
    const stranger = await startSwarm(t);
    await stranger.dial(node).catch(() => {});
    await until(() => stranger.host.getConnections().length === 0);
    assert.deepEqual(stranger.swarm.subscribers('topic'), []);
    assert.equal(node.host.getConnections().length, 1);
  });

  test('one address that shakes hands for ever holds not all places', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'], maxConnections: 64 });
    const port = Number(/tcp\/(\d+)/.exec(node.address)?.[1]);
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    let closed = 0;
    for (let i = 0; i < 60; i++) {
      // 127.0.0.1 is the address of the honest one.
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      socket.on('error', () => {}).on('close', () => closed++);
      sockets.push(socket);
    }
    await until(() => closed >= 40);
    assert.ok(closed < 60);
    await stillHears(t, node);
  });

  test('one address has half of the connections at most, under however many names', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'], maxConnections: 34 });
    const stranger = await startStranger(t);
    // 20 of one address are let in within a second.
    for (let i = 0; i < 19; i++) await stranger.dial(multiaddr(node.address), { force: true }).catch(() => {});
    assert.ok(node.host.getConnections().length <= 17, `${node.host.getConnections().length} connections`);
    const port = Number(/tcp\/(\d+)/.exec(node.address)?.[1]);
    const other = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    t.after(() => other.destroy());
    const greeting = new Promise<string>((resolve, reject) => {
      other.once('data', (data) => resolve(String(data)));
      other.once('close', () => reject(new Error('it was not let in')));
    });
    other.write('\u0013/multistream/1.0.0\n');
    assert.match(await greeting, /multistream/);
    for (const connection of stranger.getConnections()) connection.abort(new Error('gone'));
    await until(() => node.host.getConnections().length === 0);
    await stillHears(t, node);
  });

  test('peers.maxPerAddress says otherwise, for less and for more', async (t) => {
    const [few, many] = [
      await startSwarm(t, { maxConnections: 40, maxPerAddress: 2 }),
      await startSwarm(t, { maxConnections: 18, maxPerAddress: 18 }),
    ];
    const stranger = await startStranger(t);
    const opened = async (node: TestSwarm, times: number): Promise<number> => {
      let open = 0;
      for (let i = 0; i < times; i++) {
        const connection = await stranger.dial(multiaddr(node.address), { force: true }).catch(() => null);
        if (connection !== null) open++;
      }
      return open;
    };
    assert.equal(await opened(few, 4), 2);
    assert.equal(await opened(many, 18), 18);
  });

  test('web sockets are bounded in number, and one that says nothing of libp2p is not kept', async (t) => {
    const node = await startSwarm(t, { topics: ['topic'], listen: ['/ip4/127.0.0.1/tcp/0/ws'], maxConnections: 8 });
    const port = Number(/tcp\/(\d+)/.exec(node.address)?.[1]);
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    let closed = 0;
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n'));
      socket.on('error', () => {}).on('close', () => closed++);
      sockets.push(socket);
    }
    await until(() => closed >= 12);
    for (const socket of sockets) socket.destroy();
    await stillHears(t, node);
  });
});

function varint(value: number): Buffer {
  const out: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...out, rest]);
    out.push((rest & 127) | 128);
  }
}
