import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { DIRECT_PER_SECOND } from '../../runtime/p2p/direct-guard.ts';
import { createFairRate } from '../../runtime/p2p/fair-rate.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { callOf, goWorker, orderOf, startHead, startPeer } from './b7s-peers.ts';
import { LOOPBACK, startSwarm, until } from './support.ts';

/** A connection as js-libp2p has it inside. */
interface MuxedConnection {
  readonly muxer: { readonly maConn: { pause(): void } };
}

suite('a peer that sends direct messages as fast as it can', () => {
  for (const [kind, listen] of [
    ['TCP', LOOPBACK],
    ['WebSocket', `${LOOPBACK}/ws`],
  ] as const) {
    test(`is not read for a while, and what it says waits at its end and is all heard (${kind})`, async (t) => {
      let heard = 0;
      const node = await startSwarm(t, {
        listen: [listen],
        directPerSecond: [200, 400],
        patienceMs: 100,
        prepare: ({ swarm }) => swarm.handle(B7S_PROTOCOL, 1_000_000, () => heard++),
      });
      const busy = await startSwarm(t);
      await busy.dial(node);
      await until(() => node.host.getConnections().length === 1);
      // Three units each, and together more than what js-libp2p keeps of what it does not read.
      const [message, count] = [Buffer.alloc(32_768, 'x'), 200];
      const began = performance.now();
      let left = count;
      let pauses = 0;
      const [connection] = node.host.getConnections() as unknown as [MuxedConnection];
      const { maConn } = connection.muxer;
      const pause = maConn.pause.bind(maConn);
      maConn.pause = () => {
        pauses++;
        pause();
      };
      const send = async (): Promise<void> => {
        while (left-- > 0) await busy.swarm.send(node.peerId, B7S_PROTOCOL, message, AbortSignal.timeout(60_000));
      };
      await Promise.all(Array.from({ length: 20 }, send));
      await until(() => heard === count);
      const seconds = (performance.now() - began) / 1_000;
      // A machine that cannot send so fast has nothing to be slowed.
      assert.ok(pauses > 0 || 3 * count <= 200 * (0.25 + seconds), `${pauses} pauses in ${seconds} s`);
      // What may come at once, and what was under way when it was slowed.
      const most = 200 * (2 + seconds) + 400;
      assert.ok(3 * count < most, `${3 * count} units, at most ${most}`);
      assert.equal(node.host.getConnections().length, 1);
      assert.deepEqual(node.lines, []);
    });
  }

  test('is let go if what it says has no use, and others are heard meanwhile', async (t) => {
    const head = await startHead(t, { host: { directPerSecond: [50, 100], patienceMs: 200 } });
    const worker = await startPeer(t, head, goWorker('c'));
    const texts = [
      'no message',
      '{"code":"202","function_id":"f","request_id":"of nobody","type":"MsgRollCallResponse"}',
      '{"request_id":"of nobody","code":"200","result":{"code":"200","result":{"stdout":"x"}},"type":"MsgWorkOrderResponse"}',
      '{"code":"202","message":"installed","cid":"bafy","type":"MsgInstallFunctionResponse"}',
    ];
    const flooders = await Promise.all(texts.map(() => startPeer(t, head)));
    const floods = texts.map(async (text, at) => {
      const flooder = flooders[at];
      while (flooder !== undefined && flooder.host.getConnections().length > 0) {
        for (let i = 0; i < 10; i++) void flooder.say(head.peerId, text).catch(() => {});
        await setTimeout(1);
      }
    });
    const answered = Promise.withResolvers<void>();
    const window = new AbortController();
    await head.head.rollCall(callOf('id'), () => answered.resolve(), window.signal);
    await answered.promise;
    window.abort();
    const { code } = await head.head.order(worker.peerId, orderOf('id'), new AbortController().signal);
    assert.equal(code, '200');
    await Promise.all(floods);
    for (const { peerId } of flooders) {
      assert.ok(head.lines.some((line) => line.includes(peerId) && line.includes('that have no use')));
    }
    assert.ok(head.host.getConnections().some(({ remotePeer }) => remotePeer.toString() === worker.peerId));
  });

  test('is only slowed if it is a boot node', async (t) => {
    const made = await startSwarm(t);
    const heard: string[] = [];
    const node = await startSwarm(t, {
      directPerSecond: [200, 400],
      patienceMs: 100,
      trusted: new Set([made.peerId]),
      prepare: ({ swarm }) =>
        swarm.handle(B7S_PROTOCOL, 1_000, ({ from }) => {
          heard.push(from);
          swarm.blame(from);
        }),
    });
    await made.dial(node);
    for (let i = 0; i < 20; i++) await made.swarm.send(node.peerId, B7S_PROTOCOL, Buffer.from('nonsense'));
    await until(() => heard.length === 20);
    assert.equal(node.host.getConnections().length, 1);
    assert.deepEqual(node.lines, []);
  });
});

suite('what heads and workers say to each other at their busiest', () => {
  test('is within the rate: a thousand workers that answer one head, and one that answers a thousand requests', () => {
    const rate = createFairRate(DIRECT_PER_SECOND);
    const workers = Array.from({ length: 1_000 }, () => rate.join());
    // A roll call and a result of each, twice; and those of a newcomer.
    for (let i = 0; i < 4; i++) for (const worker of workers) assert.equal(rate.spend(worker, 1.1, false), 0);
    const busy = rate.join();
    for (let i = 0; i < 900; i++) assert.equal(rate.spend(busy, 1.1, false), 0);
    assert.ok(DIRECT_PER_SECOND[0] >= 2 * 1_000 * 1.1);
  });
});
