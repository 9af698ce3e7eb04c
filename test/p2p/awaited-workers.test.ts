import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { GENERAL_TOPIC, type RollCall, type WorkerNetwork } from '../../runtime/core/work.ts';
import { type AwaitedWorkers, createAwaitedWorkers } from '../../runtime/p2p/awaited-workers.ts';
import { callOf, type HeadSwarm, type Json, type PeerSwarm, startHead, startPeer, TOPIC } from './b7s-peers.ts';
import { until } from './support.ts';

/** A roll-call answer in the words of dialect c. */
function can({ request_id, function_id }: Json): readonly string[] {
  return [JSON.stringify({ code: '202', function_id, request_id, type: 'MsgRollCallResponse' })];
}

function awaitedBy(t: TestContext, { head, swarm }: HeadSwarm, fairMs = 1): AwaitedWorkers {
  const awaited = createAwaitedWorkers({ network: head, swarm }, { fairMs });
  t.after(() => awaited.stop());
  return awaited;
}

suite('subscribers that leave during a roll call', () => {
  for (const [way, leave] of [
    ['disconnects', (peer: PeerSwarm) => peer.host.stop()],
    ['unsubscribes', async (peer: PeerSwarm) => peer.host.services.pubsub.unsubscribe(TOPIC)],
  ] as const) {
    test(`one that ${way} is told of once, one that stays and one that comes are not`, async (t) => {
      const head = await startHead(t);
      const [leaving, staying] = [await startPeer(t, head), await startPeer(t, head)];
      const awaited = awaitedBy(t, head);
      const gone: string[] = [];
      const window = new AbortController();
      const known = await awaited.rollCall(
        callOf('id'),
        () => {},
        window.signal,
        (peerId) => gone.push(peerId),
      );
      assert.deepEqual(known.toSorted(), [leaving.peerId, staying.peerId].toSorted());
      await startPeer(t, head);
      await leave(leaving);
      await until(() => gone.length > 0);
      staying.host.services.pubsub.unsubscribe(GENERAL_TOPIC);
      await until(() => !head.swarm.subscribers(GENERAL_TOPIC).includes(staying.peerId));
      assert.deepEqual(gone, [leaving.peerId]);
      window.abort();
      await staying.host.stop();
      await until(() => !head.swarm.subscribers(TOPIC).includes(staying.peerId));
      assert.deepEqual(gone, [leaving.peerId]);
    });
  }
});

suite('subscribers that never answer', () => {
  /** Makes a roll call and ends it once it was answered. @returns who was to be waited for */
  async function ask(awaited: WorkerNetwork, over: Partial<RollCall> = {}): Promise<readonly string[]> {
    const window = new AbortController();
    const answered = Promise.withResolvers<void>();
    const id = crypto.randomUUID();
    const known = await awaited.rollCall(callOf(id, over), () => answered.resolve(), window.signal);
    await answered.promise;
    // The clock of silences counts in ms.
    const began = Date.now();
    await until(() => Date.now() > began + 2);
    window.abort();
    return known.toSorted();
  }

  test('one that let three roll calls pass, as a head of the older stack does, is waited for no longer', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { onRollCall: can });
    let speaks = false;
    const silent = await startPeer(t, head, { onRollCall: (call) => (speaks ? can(call) : []) });
    const both = [worker.peerId, silent.peerId].toSorted();
    const awaited = awaitedBy(t, head);
    for (let i = 0; i < 3; i++) assert.deepEqual(await ask(awaited), both);
    assert.deepEqual(await ask(awaited), [worker.peerId]);
    // It is asked all the same, and one answer is enough.
    speaks = true;
    const answers: string[] = [];
    const window = new AbortController();
    await awaited.rollCall(callOf('last'), ({ peerId }) => answers.push(peerId), window.signal);
    await until(() => answers.length === 2);
    window.abort();
    assert.deepEqual(await ask(awaited), both);
  });

  test('one whose answer comes too late is waited for again', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { onRollCall: can });
    const late = await startPeer(t, head);
    const awaited = awaitedBy(t, head);
    for (let i = 0; i < 4; i++) await ask(awaited);
    assert.deepEqual(await ask(awaited), [worker.peerId]);
    const before = Date.now();
    await late.say(head.peerId, can({ request_id: 'of before', function_id: 'f' }).join());
    await until(() => (head.swarm.heardAt(late.peerId) ?? 0) >= before);
    assert.deepEqual(await ask(awaited), [worker.peerId, late.peerId].toSorted());
  });

  test('silence where attributes or a consensus are asked for, in roll calls open at once, or of all, says nothing', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { onRollCall: can });
    const silent = await startPeer(t, head);
    const both = [worker.peerId, silent.peerId].toSorted();
    const awaited = awaitedBy(t, head);
    for (let i = 0; i < 4; i++) assert.deepEqual(await ask(awaited, { attributes: { values: [] } }), both);
    for (let i = 0; i < 4; i++) assert.deepEqual(await ask(awaited, { consensus: 2 }), both);
    const window = new AbortController();
    let answers = 0;
    for (let i = 0; i < 4; i++) await awaited.rollCall(callOf(`at once ${i}`), () => answers++, window.signal);
    await until(() => answers === 4);
    window.abort();
    assert.deepEqual(await ask(awaited), both);
    const other = await startPeer(t, head, { topics: ['other'] });
    for (let i = 0; i < 4; i++) {
      const nobody = new AbortController();
      const known = await awaited.rollCall(callOf(`nobody ${i}`, { topic: 'other' }), () => {}, nobody.signal);
      assert.deepEqual(known, [other.peerId]);
      const began = Date.now();
      await until(() => Date.now() > began + 2);
      nobody.abort();
    }
  });

  test('where all are silent, all are waited for', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { onRollCall: can });
    const silent = await startPeer(t, head);
    const awaited = awaitedBy(t, head);
    for (let i = 0; i < 4; i++) await ask(awaited);
    await worker.host.stop();
    await until(() => !head.swarm.subscribers(TOPIC).includes(worker.peerId));
    const window = new AbortController();
    assert.deepEqual(await awaited.rollCall(callOf('last'), () => {}, window.signal), [silent.peerId]);
    window.abort();
  });
});
