import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { InferbaseError } from '../../runtime/core/errors.ts';
import type { Cluster, Joined, WorkOrder } from '../../runtime/core/work.ts';
import { createHead, type Head } from '../../runtime/head/head.ts';
import { createKeptResults } from '../../runtime/services/kept-results/kept-results.ts';
import { toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { requestSignatureFlaw } from '../../runtime/wire/messages/signed-messages.ts';
import { callOf, captured, FUNCTION, goWorker, type HeadSwarm, orderOf, startHead, startPeer } from './b7s-peers.ts';
import {
  answerOf,
  joined,
  type ReplicaScript,
  type ReplicaSelf,
  resultOf,
  signedAnswer,
  signedResponse,
  signedResultOf,
  startReplica,
} from './replica-peers.ts';
import { until } from './support.ts';

const never = new AbortController().signal;
const LONG = { waitMs: 600_000, signal: never };

function clusterOf(requestId: string, members: readonly { readonly peerId: string }[]): Cluster {
  return { requestId, peers: members.map(({ peerId }) => peerId), consensus: 2 };
}

const forMember = (requestId: string): WorkOrder => ({ ...orderOf(requestId), consensus: 2 });
const codesOf = (answers: readonly Joined[]): string[] => answers.map(({ code }) => code);

/** Has the head hear a roll-call answer of a worker in the words of a dialect, from which it knows it. */
async function introduce(head: HeadSwarm, count: number): Promise<void> {
  let heard = 0;
  const over = new AbortController();
  await head.head.rollCall(callOf(`call ${count}`), () => heard++, over.signal);
  await until(() => heard === count);
  over.abort();
}

suite('a cluster on the b7s wire', () => {
  test('is asked for in the dialect of each member, with addresses, and each says whether it is in', async (t) => {
    const head = await startHead(t);
    const [a, unknown] = [await startPeer(t, head, goWorker('a')), await startReplica(t, head)];
    const refuses = await startReplica(t, head, { joins: (asked) => [joined(asked, '501')] });
    await introduce(head, 3);
    const cluster = clusterOf('id', [a, unknown, refuses]);
    const forming = head.head.formCluster(cluster, LONG);
    await until(() => a.got.length === 1);
    await a.say(head.peerId, captured('a', 'MsgFormClusterResponse, code 200, consensus 1', { requestId: 'id' }));
    assert.deepEqual(await forming, [
      { peerId: a.peerId, code: '200' },
      { peerId: unknown.peerId, code: '200' },
      { peerId: refuses.peerId, code: '501' },
    ]);
    const asked = { type: 'MsgFormCluster', request_id: 'id', peers: cluster.peers, consensus: 2 };
    assert.deepEqual(a.got, [{ ...asked, from: head.peerId }]);
    assert.equal(Object.keys(a.got[0] ?? {})[0], 'type');
    const { connection_info: told, ...rest } = unknown.got[0] ?? {};
    assert.deepEqual(rest, asked);
    const own = ({ peerId, address }: typeof a): object => ({ ID: peerId, Addrs: [address.replace(/\/p2p\/.*/, '')] });
    assert.deepEqual(told, [a, unknown, refuses].map(own));
    await head.head.disbandCluster(cluster);
    for (const { got } of [a, unknown, refuses]) await until(() => got.at(-1)?.type === 'MsgDisbandCluster');
    assert.deepEqual(a.got.at(-1), { type: 'MsgDisbandCluster', from: head.peerId, request_id: 'id' });
    assert.deepEqual(unknown.got.at(-1), { request_id: 'id', type: 'MsgDisbandCluster' });
  });

  test('counts of each member the first answer, and none of a stranger or for another cluster', async (t) => {
    const head = await startHead(t);
    // A late word or two are excused.
    const often = (asked: object): string[] => Array.from({ length: 6 }, (_, i) => joined({ ...asked }, `50${i}`));
    const twice = await startReplica(t, head, { joins: often });
    const other = await startReplica(t, head, { joins: () => [joined({ request_id: 'other', consensus: 2 })] });
    const stranger = await startReplica(t, head);
    const forming = head.head.formCluster(clusterOf('id', [twice, other]), LONG);
    await until(() => other.got.length === 1);
    await stranger.say(head.peerId, joined({ request_id: 'id', consensus: 2 }));
    const isDropped = (peerId: string): boolean =>
      head.told.some((line) => /no cluster of that id waits/.test(line) && line.includes(peerId));
    await until(() => [stranger, other].every(({ peerId }) => isDropped(peerId)));
    await other.say(head.peerId, joined({ request_id: 'id', consensus: 2 }));
    const [first = '', second] = codesOf(await forming);
    // Streams may overtake each other; one answer is taken.
    assert.match(first, /^50[0-5]$/);
    assert.equal(second, '200');
    await until(() => isDropped(twice.peerId));
  });

  test('waits no longer than it is told, and not for who goes', async (t) => {
    const head = await startHead(t);
    const silent = await startReplica(t, head, { joins: () => [] });
    const leaves = await startReplica(t, head, { joins: () => [] });
    const here = await startReplica(t, head);
    const first = await head.head.formCluster(clusterOf('short', [here, silent]), { waitMs: 500, signal: never });
    assert.equal(codesOf(first)[1], '');
    const forming = head.head.formCluster(clusterOf('long', [leaves, here]), LONG);
    await until(() => leaves.got.length === 1);
    await leaves.host.stop();
    assert.deepEqual(codesOf(await forming), ['', '200']);
    // One that is not connected is not waited for either.
    assert.deepEqual(codesOf(await head.head.formCluster(clusterOf('gone', [leaves, here]), LONG)), ['', '200']);
  });

  test('is formed once, and given up when it is told to', async (t) => {
    const head = await startHead(t);
    const silent = await startReplica(t, head, { joins: () => [] });
    const over = new AbortController();
    const cluster = clusterOf('id', [silent]);
    const forming = head.head.formCluster(cluster, { ...LONG, signal: over.signal });
    await assert.rejects(head.head.formCluster(cluster, LONG), /id has a cluster already/);
    over.abort(new Error('enough'));
    await assert.rejects(forming, /enough/);
    await head.head.disbandCluster(cluster);
    const again = head.head.formCluster(cluster, { waitMs: 1, signal: never });
    assert.deepEqual(codesOf(await again), ['']);
  });
});

suite('an order for the members of a cluster', () => {
  async function answerTo(t: TestContext, answers: ReplicaScript['answers']) {
    const head = await startHead(t);
    const replica = await startReplica(t, head, answers === undefined ? {} : { answers });
    await head.head.formCluster(clusterOf('id', [replica]), LONG);
    return { head, replica, answer: await head.head.order(replica.peerId, forMember('id'), never) };
  }

  test('is answered with what the replica says under its signature, in the words of b or c', async (t) => {
    for (const words of [signedAnswer, signedResponse, signedResultOf]) {
      const answers = (order: object, self: ReplicaSelf): string[] => [words({ ...order }, self)];
      const { replica, answer } = await answerTo(t, answers);
      assert.equal(Buffer.from(answer.outcome?.stdout ?? []).toString(), '42');
      const { timestamp } = forMember('id');
      assert.deepEqual(answer.pbft, { view: 0, requestTimestamp: timestamp, replica: replica.peerId });
    }
  });

  test('has no report where the answer is not signed, and no result where the signature is wrong', async (t) => {
    const unsigned = await answerTo(t, (order, { peerId }) => [answerOf(order, resultOf(order, peerId))]);
    assert.equal(unsigned.answer.pbft, undefined);
    const forged = await answerTo(t, (order, self) => [signedAnswer(order, self).replace('"42"', '"43"')]);
    const forgedResult = await answerTo(t, (order, self) => [signedResultOf(order, self).replace('"42"', '"43"')]);
    for (const { answer } of [forged, forgedResult]) {
      assert.deepEqual([answer.code, answer.outcome, answer.pbft], ['401', null, undefined]);
    }
  });

  test('is answered before it comes, where its neighbours were faster', async (t) => {
    const head = await startHead(t);
    const replica = await startReplica(t, head, { answers: () => [] });
    await head.head.formCluster(clusterOf('id', [replica]), LONG);
    const self = { peerId: replica.peerId, sign: (text: string) => replica.swarm.sign(text) };
    await replica.say(head.peerId, signedAnswer({ request_id: 'id', timestamp: '2026-01-01T00:00:00Z' }, self));
    const answer = await head.head.order(replica.peerId, forMember('id'), never);
    assert.equal(Buffer.from(answer.outcome?.stdout ?? []).toString(), '42');
  });

  test('says at once that a worker of a tells the primary only', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { ...goWorker('a'), onDirect: () => [] });
    await introduce(head, 1);
    const answer = await head.head.order(worker.peerId, forMember('id'), never);
    assert.deepEqual([answer.code, answer.outcome], ['204', null]);
    await until(() => worker.got.some(({ type }) => type === 'MsgExecute'));
  });

  test('does not go to a Go node with what it has no field for, and does to one of ours', async (t) => {
    const head = await startHead(t);
    const theirs = await startReplica(t, head);
    const ours = await startPeer(t, head, {
      onRollCall: ({ request_id, function_id }) => [
        JSON.stringify({ code: '202', function_id, request_id, type: 'MsgRollCallResponse', inferbase: { load: 0 } }),
      ],
      onDirect: (order, peerId) => (order.type === 'MsgWorkOrder' ? [answerOf(order, resultOf(order, peerId))] : []),
    });
    await introduce(head, 2);
    for (const [config, what] of [
      [{ inferbase: { limits: { fuel: 1 } } }, /^the request has config\.inferbase, which/],
      [{ permissions: [] }, /^the request has an empty list config\.permissions, which/],
    ] as const) {
      const order = { ...forMember(`id${Object.keys(config)}`), request: { function_id: FUNCTION, config } };
      const refused = await head.head.order(theirs.peerId, order, never);
      assert.deepEqual([refused.code, refused.outcome], ['400', null]);
      assert.match(refused.message, what);
      assert.equal((await head.head.order(ours.peerId, order, never)).code, '200');
    }
    assert.deepEqual(theirs.got, []);
  });
});

suite('a head with hostile replicas', () => {
  const liar = (order: object, self: ReplicaSelf): string[] => [signedAnswer({ ...order }, self, 'lie')];
  const HOSTILE: Readonly<Record<string, ReplicaScript>> = {
    'joins and never answers': { answers: () => [] },
    'does not sign': { answers: (order, { peerId }) => [answerOf(order, resultOf(order, peerId, 'lie'))] },
    'signs wrongly': { answers: (order, self) => [signedAnswer(order, self).replace('"42"', '"lie"')] },
    'answers for another time': {
      answers: (order, self) => [signedAnswer({ ...order, timestamp: '2020-01-01T00:00:00Z' }, self)],
    },
    'lies under its signature': { answers: liar },
    'joins and answers twice': {
      joins: (asked) => [joined(asked), joined(asked)],
      answers: (order, self) => [...liar(order, self), ...liar(order, self)],
    },
  };

  async function startPbftHead(t: TestContext): Promise<{ swarm: HeadSwarm; head: Head }> {
    const swarm = await startHead(t);
    const results = createKeptResults({ folder: null, log: () => {} });
    const head = createHead(
      { peerId: swarm.peerId, network: swarm.head, sign: (text) => swarm.swarm.sign(text), results },
      { rollCallMs: 60_000, executionMs: 60_000, workers: [], consensus: 'pbft' },
    );
    t.after(() => head.close());
    return { swarm, head };
  }

  const config = { consensus_algorithm: 'pbft', number_of_nodes: 4 };
  const asked = toExecuteRequest({ function_id: FUNCTION, method: 'x.wasm', topic: '1', signature: 'mine', config });

  for (const [what, script] of Object.entries(HOSTILE)) {
    test(`answers what the others say where one ${what}`, async (t) => {
      const { swarm, head } = await startPbftHead(t);
      const honest = [];
      for (let i = 0; i < 3; i++) honest.push(await startReplica(t, swarm));
      const bad = await startReplica(t, swarm, script);
      const reply = await head.execute(asked, { requestId: 'id', signal: never });
      assert.equal(reply.code, '200');
      for (const { peerId, outcome } of reply.results) {
        assert.notEqual(peerId, bad.peerId);
        assert.equal(Buffer.from(outcome.stdout).toString(), '42');
      }
      for (const { got } of honest) {
        const order = got.find(({ type }) => type === 'MsgWorkOrder');
        // The client's own signature is no part of it.
        assert.equal(requestSignatureFlaw(order ?? {}, swarm.peerId), null);
        assert.match(String(order?.signature), /^[0-9a-f]{128}$/);
        await until(() => got.some(({ type }) => type === 'MsgDisbandCluster'));
      }
    });
  }

  test('disbands a cluster that one says it joins, and did not', async (t) => {
    const { swarm, head } = await startPbftHead(t);
    const members = [await startReplica(t, swarm, { joins: (asked) => [joined(asked, '500')] })];
    for (let i = 0; i < 3; i++) members.push(await startReplica(t, swarm));
    await assert.rejects(head.execute(asked, { requestId: 'id', signal: never }), (error: InferbaseError) => {
      assert.match(error.message, /have: 3, want: 4\): code 500 from/);
      return error.code === 'ERR_NO_CONSENSUS';
    });
    for (const { got } of members) {
      await until(() => got.some(({ type }) => type === 'MsgDisbandCluster'));
      assert.ok(!got.some(({ type }) => type === 'MsgWorkOrder'));
    }
  });
});
