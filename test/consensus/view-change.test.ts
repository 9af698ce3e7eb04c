import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodePbft, type PbftMessage, pbftDigest, pbftSignatureFlaw } from '../../runtime/wire/pbft.ts';
import { randomFrom } from '../fuzz/random.ts';
import { PATIENCE_MS, type Simulation, simulate } from './simulated-cluster.ts';

function silent(...indexes: readonly number[]) {
  return (from: { readonly index: number }, _to: unknown, message: PbftMessage) =>
    indexes.includes(from.index) ? [] : [message];
}

/** What each of these replicas has executed. */
function executedBy({ nodes }: Simulation, ...indexes: readonly number[]) {
  return indexes.map((index) => nodes[index]?.executed.map(({ request, view }) => `${request} in ${view}`));
}

suite('the view of a PBFT cluster', () => {
  test('is changed after its time when the primary is silent, and the next one proposes the request', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(1), requestId: 'r', tamper: silent(0) });
    cluster.order(cluster.makeRequest('r'));
    await cluster.run(PATIENCE_MS - 1_000);
    assert.deepEqual(executedBy(cluster, 1, 2, 3), [[], [], []]);
    await cluster.run(3_000);
    assert.deepEqual(executedBy(cluster, 1, 2, 3), Array(3).fill(['r in 1']));
    assert.equal(cluster.nodes[2]?.replica.view, 1);
    assert.equal(cluster.nodes[2]?.replica.primary, cluster.nodes[1]?.peerId);
  });

  test('is changed again when the next primary is silent, too', async () => {
    const cluster = simulate({ n: 7, random: randomFrom(2), requestId: 'r', tamper: silent(0, 1) });
    cluster.order(cluster.makeRequest('r'));
    assert.ok(await cluster.run(60_000, () => cluster.nodes.slice(2).every(({ executed }) => executed.length > 0)));
    assert.deepEqual(executedBy(cluster, 2, 3, 4, 5, 6), Array(5).fill(['r in 2']));
  });

  test('is left by one that sees f+1 others leave it', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(3), requestId: 'r', tamper: silent(0) });
    // Replica 3 hears of no request, so it has no reason of its own.
    cluster.order(cluster.makeRequest('r'), [0, 1, 2]);
    await cluster.run(PATIENCE_MS + 3_000);
    assert.deepEqual(executedBy(cluster, 1, 2, 3), Array(3).fill(['r in 1']));
  });

  test('is not left because one replica wants to', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(4), requestId: 'r' });
    cluster.order(cluster.makeRequest('r'), [3]);
    await cluster.run(PATIENCE_MS + 200);
    assert.deepEqual(
      cluster.nodes.map(({ replica }) => replica.view),
      [0, 0, 0, 1],
    );
    cluster.order(cluster.makeRequest('r'), [0, 1, 2]);
    await cluster.run(3_000);
    assert.deepEqual(executedBy(cluster, 0, 1, 2), Array(3).fill(['r in 0']));
  });

  test('carries over what was prepared, under its digest and sequence number', async () => {
    const muted = (_from: unknown, _to: unknown, message: PbftMessage) => (message.type === 4 ? [] : [message]);
    let tamper: (from: { readonly index: number }, to: unknown, message: PbftMessage) => readonly PbftMessage[] = muted;
    const cluster = simulate({ n: 4, random: randomFrom(5), tamper: (...args) => tamper(...args) });
    const first = cluster.makeRequest('a');
    cluster.order(first);
    await cluster.run(1_000);
    // The commits of view 0 are lost, and its primary with them; another request is there to take the number.
    tamper = silent(0);
    const second = cluster.makeRequest('b');
    cluster.order(second);
    // Commits that are said again would decide in view 0.
    const late = (from: { readonly index: number }, to: unknown, message: PbftMessage) =>
      message.type === 4 && message.data.view === 0 ? [] : silent(0)(from, to, message);
    tamper = late;
    assert.ok(await cluster.run(60_000, () => cluster.nodes.slice(1).every(({ executed }) => executed.length === 2)));
    const digests = [first, second].map((data) => pbftDigest({ type: 1, data }));
    for (const { executed } of cluster.nodes.slice(1)) {
      assert.deepEqual(
        executed.map(({ digest }) => digest),
        digests,
      );
    }
    const newView = cluster.sent.find(({ message }) => message.type === 6)?.message;
    assert.ok(newView?.type === 6);
    assert.deepEqual(
      newView.data.preprepares?.map(({ data }) => data?.digest),
      digests.slice(0, 1),
    );
  });

  test('carries over what was prepared where traces are signed, as with b7s v0.7.0', async () => {
    const cluster = simulate({
      ...{ n: 4, random: randomFrom(5), requestId: 'r', traceField: () => 'Carrier' },
      // The commits of view 0 are lost, and its primary with them.
      tamper: (from, _to, message) => {
        const isLost = message.type === 4 && message.data.view === 0;
        return isLost || (from.index === 0 && message.type !== 2) ? [] : [message];
      },
    });
    const request = cluster.makeRequest('r');
    cluster.order(request);
    assert.ok(await cluster.run(60_000, () => cluster.nodes.slice(1).every(({ executed }) => executed.length > 0)));
    const digest = pbftDigest({ type: 1, data: request }, 'Carrier');
    assert.notEqual(digest, pbftDigest({ type: 1, data: request }));
    for (const { executed } of cluster.nodes.slice(1)) assert.equal(executed[0]?.digest, digest);
    assert.ok(cluster.sent.some(({ message }) => message.type === 6 && (message.data.preprepares?.length ?? 0) > 0));
    for (const { from, message } of cluster.sent) {
      assert.equal(pbftSignatureFlaw(message, from.peerId, 'Carrier'), null);
      const [messages, fields] = ['{"type":', '"Carrier":null'].map(
        (text) => encodePbft(message, 'Carrier').split(text).length - 1,
      );
      // A new-view has none of its own.
      assert.equal(fields, (messages ?? 0) - (message.type === 6 ? 1 : 0));
    }
  });

  test('goes on without a replica that signs no traces where the others do, and the other way round', async () => {
    for (const [common, odd] of [
      ['Carrier', 'carrier'],
      ['carrier', 'Carrier'],
    ] as const) {
      const cluster = simulate({
        ...{ n: 4, random: randomFrom(6), requestId: 'r' },
        traceField: (index) => (index === 0 ? odd : common),
      });
      cluster.order(cluster.makeRequest('r'));
      assert.ok(await cluster.run(60_000, () => cluster.nodes.slice(1).every(({ executed }) => executed.length > 0)));
      assert.deepEqual(executedBy(cluster, 0, 1, 2, 3), [[], ...Array(3).fill(['r in 1'])]);
    }
  });

  test('fills a gap with a request that nobody executes', async () => {
    let tamper: (from: { readonly index: number }, to: unknown, message: PbftMessage) => readonly PbftMessage[];
    // The pre-prepare of the first request is lost, that of the second is prepared but not committed.
    tamper = (_from, _to, message) =>
      message.type === 4 || (message.type === 2 && message.data.sequence_number === 1) ? [] : [message];
    const cluster = simulate({ n: 4, random: randomFrom(6), tamper: (...args) => tamper(...args) });
    for (const id of ['a', 'b']) {
      cluster.order(cluster.makeRequest(id), [0]);
      await cluster.run(500);
    }
    tamper = (from, to, message) => (message.type === 4 && message.data.view === 0 ? [] : silent(0)(from, to, message));
    assert.ok(await cluster.run(60_000, () => cluster.nodes.slice(1).every(({ executed }) => executed.length === 1)));
    assert.deepEqual(executedBy(cluster, 1, 2, 3), Array(3).fill(['b in 1']));
    const newView = cluster.sent.find(({ message }) => message.type === 6)?.message;
    assert.ok(newView?.type === 6);
    assert.deepEqual(newView.data.preprepares?.[0]?.data?.digest, '');
  });

  test('has twice the time of the one before it, from the second change on', async () => {
    const cluster = simulate({
      n: 4,
      random: randomFrom(7),
      tamper: (_from, _to, message) => (message.type === 6 ? [] : [message]),
    });
    cluster.weather.groups = [0, 1, 1, 1];
    cluster.order(cluster.makeRequest('r'), [1, 2, 3]);
    const changes: number[] = [];
    while (changes.length < 4) {
      const view = cluster.nodes[3]?.replica.view;
      assert.ok(await cluster.run(100_000, () => cluster.nodes[3]?.replica.view !== view));
      changes.push(Math.round(cluster.now / 1_000));
    }
    // Of 10, 10, 20 and 40 s.
    assert.deepEqual(changes, [10, 20, 40, 80]);
  });

  test('comes to a replica that was cut off: it executes what the others have decided meanwhile', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(8), requestId: 'r' });
    cluster.weather.groups = [0, 0, 0, 1];
    cluster.order(cluster.makeRequest('r'));
    await cluster.run(25_000);
    assert.deepEqual(executedBy(cluster, 0, 1, 2, 3), [['r in 0'], ['r in 0'], ['r in 0'], []]);
    cluster.weather.groups = null;
    assert.ok(await cluster.run(60_000, () => cluster.nodes[3]?.executed.length === 1));
    assert.equal(cluster.nodes[0]?.executed.length, 1);
  });

  test('does not change for an execution that takes long', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(9), requestId: 'r', executionMs: 10 * PATIENCE_MS });
    cluster.order(cluster.makeRequest('r'));
    await cluster.run(11 * PATIENCE_MS);
    assert.deepEqual(executedBy(cluster, 0, 1, 2, 3), Array(4).fill(['r in 0']));
    assert.equal(cluster.nodes[2]?.replica.view, 0);
    assert.equal(cluster.sent.filter(({ message }) => message.type === 5).length, 0);
  });

  test('is quiet once everybody has executed, also after a change of it', async () => {
    const cluster = simulate({ n: 4, random: randomFrom(10), requestId: 'r', tamper: silent(0) });
    cluster.order(cluster.makeRequest('r'));
    await cluster.run(PATIENCE_MS + 2_000);
    assert.deepEqual(executedBy(cluster, 1, 2, 3), Array(3).fill(['r in 1']));
    const said = cluster.sent.filter(({ from }) => from.index !== 0).length;
    await cluster.run(50 * PATIENCE_MS);
    assert.equal(cluster.sent.filter(({ from }) => from.index !== 0).length, said);
  });
});
