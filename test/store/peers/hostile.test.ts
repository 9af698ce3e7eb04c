import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { forgetStrangers } from '../../../runtime/store/peers/forget-strangers.ts';
import { createHost } from '../../../runtime/store/peers/host.ts';
import type { SourceMiss } from '../../../runtime/store/sources/block-source.ts';
import { MAX_BLOCK_BYTES } from '../../../runtime/store/sources/block-source.ts';
import { NEVER } from '../support.ts';
import { bytesOf, carried, LOOPBACK, rawCid, startNode, startRawPeer, type TestNode, until, want } from './support.ts';

const ask = (node: TestNode, text: string) => node.ask(rawCid(bytesOf(text)), NEVER);

/** The node still serves an honest peer. */
async function stillServes(t: Parameters<typeof startNode>[0], node: TestNode): Promise<void> {
  const cid = await node.add(bytesOf('still here'));
  const honest = await startNode(t, { connect: [node.address] });
  assert.equal((await honest.ask(cid, NEVER)).length, 1000);
}

suite('peers that do not play by the rules', () => {
  test('one that never answers costs its time-out, and another peer is asked meanwhile', async (t) => {
    const silent = await startRawPeer(t);
    const alone = await startNode(t, { connect: [silent.address], timeoutMs: 300 });
    await until(() => alone.lines.some((line) => line.startsWith('connected to a peer')));
    await assert.rejects(ask(alone, 'x'), (error: SourceMiss) => {
      assert.equal(error.code, 'ERR_SOURCE_UNAVAILABLE');
      assert.match(error.message, new RegExp(`${silent.peerId} gave no block within 300 ms`));
      return true;
    });
    const good = await startNode(t);
    const cid = await good.add(bytesOf('x'));
    const both = await startNode(t, { connect: [silent.address, good.address] });
    assert.equal((await both.ask(cid, NEVER)).length, 1000);
  });

  test('one that sends other bytes is caught, let go and not asked again, and the good one is', async (t) => {
    const liar = await startRawPeer(t, ({ wants }, from, peer) => {
      if (wants.length > 0)
        void peer.say(String(from.remotePeer), { blocks: [carried(rawCid(bytesOf('x')), bytesOf('lie'))] });
    });
    const alone = await startNode(t, { connect: [liar.address] });
    await assert.rejects(ask(alone, 'x'), { code: 'ERR_INTEGRITY', message: /sent other bytes than the CID names/ });
    const asked = liar.heard.length;
    await assert.rejects(ask(alone, 'x'), { message: new RegExp(`${liar.peerId} sent wrong bytes and is not asked`) });
    assert.equal(liar.heard.length, asked);

    const good = await startNode(t);
    const cid = await good.add(bytesOf('x'));
    const both = await startNode(t, { connect: [liar.address, good.address] });
    assert.deepEqual(Buffer.from(await both.ask(cid, NEVER)), Buffer.from(bytesOf('x')));
  });

  test('one that dies midway fails at once, not after the time-out', async (t) => {
    const dying = await startRawPeer(t, (_message, from) => from.abort(new Error('dead')));
    const a = await startNode(t, { connect: [dying.address], timeoutMs: 60_000 });
    await assert.rejects(ask(a, 'x'), { code: 'ERR_SOURCE_UNAVAILABLE', message: /went away/ });
  });

  test('a block larger than any block is refused', async (t) => {
    const giant = await startRawPeer(t, (_message, from, peer) =>
      peer.say(String(from.remotePeer), {
        blocks: [carried(rawCid(bytesOf('x')), new Uint8Array(MAX_BLOCK_BYTES + 1))],
      }),
    );
    const a = await startNode(t, { connect: [giant.address] });
    await assert.rejects(ask(a, 'x'), { code: 'ERR_INTEGRITY', message: /sent a block of 2097153 bytes/ });
  });

  test('blocks that nobody asked for are not kept, and their sender is let go', async (t) => {
    const a = await startNode(t, { serve: 'stored' });
    const pushy = await startRawPeer(t);
    const blocks = Array.from({ length: 100 }, (_, i) => carried(rawCid(bytesOf(`${i}`)), bytesOf(`${i}`)));
    await pushy.say(a.address, { blocks });
    await until(() => a.lines.some((line) => /let go.*nobody asked for/.test(line)));
    await until(() => pushy.host.getConnections().length === 0);
    await stillServes(t, a);
  });

  test('a flood of wants is answered in part, and others are served all the while', async (t) => {
    const a = await startNode(t);
    const cid = await a.add(bytesOf('wanted'));
    const flooding = await startRawPeer(t);
    for (let i = 0; i < 40; i++) {
      const wants = Array.from({ length: 1024 }, (_, j) => want(rawCid(Buffer.from(`${i} ${j}`))));
      // Its streams stay open: past their number it is refused.
      await flooding.say(a.address, { wants: [...wants, want(cid)] }).catch(() => {});
    }
    await stillServes(t, a);
  });

  test('what is no message ends the stream, and nothing else', async (t) => {
    const a = await startNode(t);
    const raw = await startRawPeer(t);
    const junk = ['ffffffff0f', '050affffffff', '0b0b', 'ffffffffffffffffffffffff'];
    for (const hex of junk) {
      const stream = await raw.sendBytes(a.address, Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(300)]));
      await until(() => stream.status !== 'open');
    }
    assert.ok(raw.host.getConnections().length > 0);
    await stillServes(t, a);
  });

  test('one that takes nothing off the wire holds up nobody else', async (t) => {
    const a = await startNode(t);
    const cids = await Promise.all(Array.from({ length: 12 }, (_, i) => a.add(bytesOf(`${i}`, 1_000_000))));
    const stuck = await startRawPeer(t);
    await stuck.host.unhandle('/ipfs/bitswap/1.2.0');
    await stuck.host.handle('/ipfs/bitswap/1.2.0', (stream) => stream.pause());
    await stuck.say(a.address, { wants: cids.map((cid) => want(cid)) });
    await stillServes(t, a);
  });

  test('a stranger does not get in where the peers are named, and those named do', async (t) => {
    const friend = await startRawPeer(t);
    const a = await startNode(t, { allow: [friend.peerId] });
    const cid = await a.add(bytesOf('for friends'));
    const stranger = await startNode(t, { connect: [a.address], timeoutMs: 2_000 });
    await assert.rejects(stranger.ask(cid, NEVER), {
      code: 'ERR_SOURCE_UNAVAILABLE',
      message: /not connected, it hung up/,
    });
    await friend.say(a.address, { wants: [want(cid)] });
    await until(() => friend.heard.some(({ blocks }) => blocks.length === 1));
  });

  test('of strangers that come under ever new names and go nothing is kept, of peers that are dialled again it is', async (t) => {
    const host = await createHost({ privateKey: null, listen: [LOOPBACK], maxConnections: 16, allow: [] });
    await host.start();
    t.after(() => host.stop());
    const friend = await startRawPeer(t);
    t.after(forgetStrangers({ host }, new Set([friend.peerId])));
    for (const passing of [friend, await startRawPeer(t), await startRawPeer(t)]) {
      await passing.host.dial(host.getMultiaddrs());
      await until(() => host.getConnections().length === 1);
      await passing.host.stop();
      await until(() => host.getConnections().length === 0);
    }
    const known = async (): Promise<string[]> =>
      (await host.peerStore.all()).map(({ id }) => id.toString()).filter((id) => id !== host.peerId.toString());
    for (let turn = 0; (await known()).length > 1; turn++) {
      assert.ok(turn < 300, 'still remembered');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await known(), [friend.peerId]);
  });

  test('no more connections are taken than are allowed', async (t) => {
    const a = await startNode(t, { maxConnections: 2 });
    const others = await Promise.all(Array.from({ length: 5 }, () => startRawPeer(t)));
    await Promise.allSettled(others.map((other) => other.say(a.address, {})));
    await until(() => others.filter(({ host }) => host.getConnections().length > 0).length <= 2);
  });
});
