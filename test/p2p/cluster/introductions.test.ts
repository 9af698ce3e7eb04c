import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { base58btc } from 'multiformats/bases/base58';
import { mayDial } from '../../../runtime/p2p/cluster/dial-policy.ts';
import { findPeer, KAD_PROTOCOL } from '../../../runtime/p2p/cluster/find-peer.ts';
import { createIntroductions } from '../../../runtime/p2p/cluster/introductions.ts';
import { startSwarm, type TestSwarm } from '../support.ts';

const ID = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
const without = (address: string): string => address.replace(/\/p2p\/.*$/, '');

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2, bytes.length), bytes]);
}

/** What a Go node answers to `FIND_NODE`: the message in field 8, one peer. */
function answer(peerId: string, addresses: readonly string[]): Buffer {
  const peer = Buffer.concat([
    field(1, base58btc.baseDecode(peerId)),
    ...addresses.map((address) => field(2, multiaddr(address).bytes)),
    Buffer.of(0x18, 0x01),
  ]);
  const message = Buffer.concat([Buffer.of(0x08, 0x04), field(8, peer)]);
  return Buffer.concat([Buffer.of(message.length), message]);
}

/** A node that says such things of where others are. */
async function startTeller(
  t: Parameters<typeof startSwarm>[0],
  tell: (question: Buffer, stream: Stream) => void,
): Promise<TestSwarm> {
  return await startSwarm(t, {
    prepare: ({ swarm }) =>
      swarm.accept(KAD_PROTOCOL, (_peer, stream) => {
        stream.addEventListener('message', ({ data }) => tell(Buffer.from(data.subarray()), stream));
      }),
  });
}

suite('a head that knows where a member is', () => {
  test('is asked as Go nodes ask each other, and believed for the peer that was asked for', async (t) => {
    const questions: Buffer[] = [];
    const addresses = ['/ip4/127.0.0.1/tcp/4001', '/ip6/::1/tcp/4002/ws'];
    const teller = await startTeller(t, (question, stream) => {
      questions.push(question);
      stream.send(Buffer.concat([answer(ID, addresses), Buffer.from('what follows')]));
    });
    const worker = await startSwarm(t);
    await worker.dial(teller);
    const ask = (peerId: string): Promise<readonly string[]> =>
      findPeer(worker.swarm, { at: teller.peerId, peerId, signal: AbortSignal.timeout(30_000) });
    assert.deepEqual(await ask(ID), addresses);
    const id = Buffer.from(base58btc.baseDecode(ID));
    assert.deepEqual(questions[0], Buffer.concat([Buffer.of(42, 0x08, 0x04, 0x12, 38), id]));
    assert.deepEqual(await ask(worker.peerId), []);
  });

  test('may say nothing, nonsense or far too much', async (t) => {
    const says: readonly Uint8Array[] = [
      Buffer.of(0),
      Buffer.of(3, 0xff, 0xff, 0xff),
      Buffer.of(4, 0x42, 0x7f, 0x0a, 0x00),
      Buffer.from('ffffffffffffffffffffffff', 'hex'),
      answer(ID, []).fill(0x2a, 50),
      Buffer.alloc(70_000, 0xff),
      Buffer.concat([Buffer.of(0xff, 0xff, 0xff, 0x7f), Buffer.alloc(66_000)]),
    ];
    let at = 0;
    const teller = await startTeller(t, (_question, stream) => void stream.send(says[at++] ?? Buffer.of(0)));
    const worker = await startSwarm(t);
    await worker.dial(teller);
    for (const _ of says) {
      const asked = { at: teller.peerId, peerId: ID, signal: AbortSignal.timeout(30_000) };
      assert.deepEqual(await findPeer(worker.swarm, asked), []);
    }
    const silent = await startTeller(t, () => {});
    await worker.dial(silent);
    const over = new AbortController();
    const asked = findPeer(worker.swarm, { at: silent.peerId, peerId: ID, signal: over.signal });
    over.abort();
    assert.deepEqual(await asked, []);
    const other = await startSwarm(t);
    await worker.dial(other);
    const signal = AbortSignal.timeout(30_000);
    assert.deepEqual(await findPeer(worker.swarm, { at: other.peerId, peerId: ID, signal }), []);
  });

  test('has members connect that it did not tell the place of', async (t) => {
    const member = await startSwarm(t);
    const teller = await startTeller(
      t,
      (_question, stream) => void stream.send(answer(member.peerId, [without(member.address)])),
    );
    const worker = await startSwarm(t);
    await worker.dial(teller);
    const introductions = createIntroductions(worker.swarm, {
      isNeeded: () => true,
      trusted: new Set(),
      reachMs: 60_000,
      log: () => {},
    });
    await introductions.introduce([worker.peerId, member.peerId], teller.peerId, new Map());
    assert.equal(worker.swarm.remoteAddress(member.peerId), member.address);
  });

  test('has it keep no more than some connections of clusters that are over', async (t) => {
    const { swarm } = await startSwarm(t);
    const [met, left]: [Set<string>, string[]] = [new Set(), []];
    const scripted = {
      ...{ ...swarm, dial: async (peerId: string) => void met.add(peerId) },
      hangUp: async (peerId: string) => void left.push(peerId),
      remoteAddress: (peerId: string) => (met.has(peerId) ? '/ip4/192.0.2.1/tcp/1' : undefined),
    };
    const needed = new Set(['peer3']);
    const init = { isNeeded: (peerId: string) => needed.has(peerId), trusted: new Set(['head']), log: () => {} };
    const introductions = createIntroductions(scripted, init);
    const peers = Array.from({ length: 30 }, (_, n) => `peer${n}`);
    for (const id of peers) await introductions.introduce([id], 'head', new Map([[id, ['/ip4/192.0.2.1/tcp/1']]]));
    assert.deepEqual(left, ['peer0', 'peer1', 'peer2', 'peer4', 'peer5', 'peer6']);
  });

  test('cannot have it look for more than some in a minute, and is told of those it did not reach', async (t) => {
    const dialled: string[] = [];
    const lines: string[] = [];
    const swarm = (await startSwarm(t)).swarm;
    const counting = { ...swarm, dial: async (peerId: string) => void dialled.push(peerId) };
    counting.remoteAddress = () => undefined;
    const introductions = createIntroductions(
      { ...counting, open: swarm.open },
      { isNeeded: () => true, trusted: new Set(['head']), log: (line) => void lines.push(line) },
    );
    const peers = Array.from({ length: 60 }, (_, n) => `peer${n}`);
    const told = new Map(peers.map((id) => [id, ['/ip4/192.0.2.1/tcp/1']]));
    for (let i = 0; i < 4; i++) await introductions.introduce(peers, 'head', told);
    assert.equal(dialled.length, 128);
    assert.ok(lines.length > 0);
    await introductions.introduce(peers, 'stranger', new Map(peers.map((id) => [id, ['/ip4/10.0.0.1/tcp/22']])));
    assert.equal(dialled.length, 128);
  });
});

suite('an address that a head gives', () => {
  const near = { loopback: '/ip4/127.0.0.1/tcp/1', private: '/ip4/10.1.1.1/tcp/1', public: '/ip4/8.8.4.4/tcp/1' };
  const rows: readonly [address: string, loopback: boolean, privately: boolean, publicly: boolean][] = [
    ['/ip4/1.2.3.4/tcp/9011', true, true, true],
    ['/ip6/2606:4700::1/tcp/9011/ws', true, true, true],
    ['/ip4/192.168.1.5/tcp/9011', true, true, false],
    ['/ip4/100.64.1.1/tcp/9011', true, true, false],
    ['/ip6/fd00::1/tcp/9011', true, true, false],
    ['/ip4/127.0.0.1/tcp/9011', true, false, false],
    ['/ip6/::1/tcp/9011', true, false, false],
    ['/ip4/169.254.169.254/tcp/80', false, false, false],
    ['/ip6/fe80::1/tcp/9011', false, false, false],
    ['/ip6/::ffff:127.0.0.1/tcp/9011', false, false, false],
    ['/ip6/64:ff9b::7f00:1/tcp/9011', false, false, false],
    ['/ip4/0.0.0.0/tcp/9011', false, false, false],
    ['/ip4/224.0.0.1/tcp/9011', false, false, false],
    ['/dns4/worker.example/tcp/9011', false, false, false],
    ['/ip4/1.2.3.4/tcp/0', false, false, false],
    ['/ip4/1.2.3.4/udp/9011/quic-v1', false, false, false],
    ['nonsense', false, false, false],
  ];
  test('is dialled where the head could reach it itself', () => {
    for (const [address, ...expected] of rows) {
      const asked = Object.values(near).map((from) => mayDial(address, { address: from, trusted: false }));
      assert.deepEqual(asked, expected, address);
    }
    assert.equal(mayDial('/ip4/127.0.0.1/tcp/1', { address: '', trusted: false }), false);
  });

  test('is dialled in its private network and by name for a head that the operator named, and not on this machine', () => {
    for (const [address, expected] of [
      ['/ip4/10.1.2.3/tcp/1', true],
      ['/dns4/worker.example/tcp/1', true],
      ['/ip4/127.0.0.1/tcp/1', false],
      ['/ip4/169.254.169.254/tcp/80', false],
      ['/ip4/1.2.3.4/udp/1/quic-v1', false],
    ] as const) {
      assert.equal(mayDial(address, { address: near.public, trusted: true }), expected, address);
    }
    assert.equal(mayDial('/ip4/127.0.0.1/tcp/1', { address: '/ip4/127.0.0.1/tcp/9527', trusted: true }), true);
  });
});
