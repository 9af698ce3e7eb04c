import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RollCallAnswer, WorkerNetwork } from '../../../runtime/core/work.ts';
import { answerOnce, createNodeNetwork } from '../../../runtime/p2p/node-network.ts';
import { startSwarm, until } from '../support.ts';
import { CALL, ECHO, NEVER, order, ran, startHead, startWorker } from './support.ts';

/** What went by the b7s wire. */
function wire(heard: string[], answers: readonly RollCallAnswer[] = []): WorkerNetwork {
  return {
    async rollCall(_call, onAnswer) {
      heard.push('roll call');
      for (const answer of answers) onAnswer(answer);
      return ['by the wire'];
    },
    async order(peerId, { requestId }) {
      heard.push(`order to ${peerId}`);
      return ran(requestId, 'by the wire');
    },
    async formCluster({ peers }) {
      heard.push(`cluster of ${peers}`);
      return peers.map((peerId) => ({ peerId, code: '200' }));
    },
    async disbandCluster({ peers }) {
      heard.push(`no cluster of ${peers}`);
    },
    async install() {
      heard.push('install');
    },
    workers: async (topic) => [`workers of ${topic}`],
  };
}

suite('a head with workers of both kinds', () => {
  test('publishes no roll call while every subscriber has a stream, and each answers once', async (t) => {
    const head = await startHead(t);
    const workers = [await startWorker(t), await startWorker(t)];
    for (const worker of workers) await worker.dial(head);
    const heard: string[] = [];
    const subscribers = (topic: string): readonly string[] => head.swarm.subscribers(topic);
    const network = createNodeNetwork({ lasting: head.lasting, b7s: wire(heard), subscribers });
    const ids = workers.map(({ peerId }) => peerId).toSorted();
    await until(() => subscribers('topic').length === 2 && ids.every((id) => head.lasting.has(id)));
    const answers: RollCallAnswer[] = [];
    assert.deepEqual((await network.rollCall(CALL, (one) => answers.push(one), NEVER)).toSorted(), ids);
    await until(() => answers.length === 2);
    assert.deepEqual(answers.map(({ peerId }) => peerId).toSorted(), ids);
    assert.deepEqual(heard, []);
    assert.deepEqual(await network.rollCall({ ...CALL, topic: 'empty' }, () => {}, NEVER), ['by the wire']);
    await network.install({ cid: 'bafy', manifestUrl: '', topic: 'topic' });
    assert.deepEqual(heard, ['roll call', 'install']);
    assert.deepEqual(await network.workers('topic'), ['workers of topic']);
  });

  test('publishes it where one subscriber has none, takes the first answer of each, and orders by what each has', async (t) => {
    const head = await startHead(t);
    const ours = await startWorker(t);
    const other = await startSwarm(t, { topics: ['topic'] });
    for (const worker of [ours, other]) await worker.dial(head);
    await until(() => head.lasting.has(ours.peerId) && head.swarm.subscribers('topic').length === 2);
    const heard: string[] = [];
    const wired = { requestId: 'r1', functionId: 'bafy', code: '202', load: null, lasting: false };
    const b7s = wire(heard, [
      { ...wired, peerId: other.peerId },
      { ...wired, peerId: ours.peerId },
      { ...wired, peerId: other.peerId },
    ]);
    const network = createNodeNetwork({
      lasting: head.lasting,
      b7s,
      subscribers: (topic) => head.swarm.subscribers(topic),
    });
    const answers: RollCallAnswer[] = [];
    await network.rollCall(CALL, (one) => answers.push(one), NEVER);
    await head.lasting.order(ours.peerId, order('after its answer'), NEVER);
    assert.deepEqual(heard, ['roll call']);
    assert.deepEqual(answers, [
      { ...wired, peerId: other.peerId },
      { ...wired, peerId: ours.peerId, lasting: true },
    ]);
    const byStream = await network.order(ours.peerId, order('r2', 'by stream'), NEVER);
    assert.equal(Buffer.from(byStream.outcome?.stdout ?? []).toString(), 'by stream');
    const byWire = await network.order(other.peerId, order('r3'), NEVER);
    assert.equal(Buffer.from(byWire.outcome?.stdout ?? []).toString(), 'by the wire');
  });

  test('asks and orders by the wire alone where the work is to be run by consensus', async (t) => {
    const head = await startHead(t);
    const worker = await startWorker(t);
    await worker.dial(head);
    const subscribers = (topic: string): readonly string[] => head.swarm.subscribers(topic);
    await until(() => head.lasting.has(worker.peerId) && subscribers('topic').length === 1);
    const heard: string[] = [];
    const network = createNodeNetwork({ lasting: head.lasting, b7s: wire(heard), subscribers });
    const cluster = { requestId: 'r1', peers: ['a', worker.peerId], consensus: 2 } as const;
    await network.rollCall({ ...CALL, consensus: 2 }, () => {}, NEVER);
    await network.formCluster(cluster, { waitMs: 1, signal: NEVER });
    await network.order(worker.peerId, { ...order('r1'), consensus: 2 }, NEVER);
    await network.disbandCluster(cluster);
    assert.deepEqual(heard, [
      'roll call',
      `cluster of ${cluster.peers}`,
      `order to ${worker.peerId}`,
      `no cluster of ${cluster.peers}`,
    ]);
  });

  test('a worker that hears a roll call both ways answers once to each head', async () => {
    const service = answerOnce(ECHO);
    const [first, second] = [await service.rollCall(CALL, 'head'), await service.rollCall(CALL, 'head')];
    assert.deepEqual([first?.code, second], ['202', null]);
    assert.equal((await service.rollCall(CALL, 'other'))?.code, '202');
    assert.equal((await service.rollCall({ ...CALL, requestId: 'r2' }, 'head'))?.code, '202');
  });
});
