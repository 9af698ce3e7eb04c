import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../cli/command.ts';
import { freePort } from '../support/free-port.ts';
import { startModelServer } from './model-server.ts';
import {
  type Asked,
  cidOf,
  execute,
  executeUntil,
  type NodeProcess,
  type Reply,
  resultsOf,
  startNode,
} from './nodes.ts';

/** What a head has on disk of the requests it answered. */
async function writtenResults(dir: string): Promise<string> {
  const folder = join(dir, '.inferbase', 'results');
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')))).join('');
}

/** Four processes take their time on a busy machine. */
const LIMIT_MS = 230_000;

/** Text, number of peers and frequency of each group. */
const groups = ({ results = [] }: Reply): (string | number)[][] =>
  results.map(({ result, peers, frequency }) => [result.stdout, peers.length, frequency]);

test('two heads, workers on several topics, one with many functions', { timeout: LIMIT_MS }, async (t) => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const [manyModel, otherModel] = [await startModelServer(t, '42'), await startModelServer(t, '42')];
  // The first one will come back where it was.
  const listen = ['--peers-listen', `/ip4/127.0.0.1/tcp/${await freePort()}`];
  const heads = await Promise.all([
    startNode(t, { dir: at('h1'), role: 'head', args: listen }),
    startNode(t, { dir: at('h2'), role: 'head' }),
  ]);
  const [first, second] = heads;
  const connect = ['--peers-connect', heads.map(({ address }) => address).join(',')];
  const startOther = (): Promise<NodeProcess> =>
    startNode(t, {
      ...{ dir: at('other'), role: 'worker', guests: ['ask-the-model'] },
      // Like a node of the older stack.
      args: [...connect, '--work-topics', '1,3', '--work-lasting', 'false', '--upstream', `model=${otherModel.url}`],
    });
  let other = await startOther();
  const many = await startNode(t, {
    ...{ dir: at('many'), role: 'worker', guests: ['exit-three', 'show-environment', 'ask-the-model'] },
    args: [...connect, '--work-topics', '1,2/reputer', '--upstream', `model=${manyModel.url}`],
  });
  const [exits, shows, asks] = (await Promise.all(['exit-three', 'show-environment', 'ask-the-model'].map(cidOf))) as [
    ...[string, string, string],
  ];
  const ok = ({ code }: Reply): boolean => code === '200';

  await t.test('a request reaches the worker that has the function, whichever head is asked', async () => {
    for (const head of heads) {
      const reply = await executeUntil(head, shows, {}, ok);
      assert.deepEqual(groups(reply), [['{"TOPIC_ID": "1"}', 1, 100]]);
      assert.deepEqual(reply.cluster.peers, [many.peerId]);
      assert.equal((await execute(head, exits)).results?.[0]?.result.exit_code, 3);
    }
  });

  await t.test('topics are mapped, and a topic that nobody serves is told', async () => {
    const reputer = await executeUntil(first, shows, { topic: '2/reputer' }, ok);
    assert.deepEqual(groups(reputer), [['{"TOPIC_ID": "2/reputer"}', 1, 100]]);
    const nobody = await execute(first, shows, { topic: '9', config: { timeout: 1 } });
    assert.equal(nobody.code, '408');
    assert.match(nobody.message ?? '', /allora-topic-9-worker/);
  });

  await t.test('workers that agree make one group, and two that disagree make two', async () => {
    const agreed = await executeUntil(second, asks, { nodes: 2 }, ok);
    assert.deepEqual(groups(agreed), [['42', 2, 100]]);
    otherModel.say('43');
    const everyone = await executeUntil(second, asks, { nodes: -1 }, ({ cluster }) => cluster.peers?.length === 2);
    assert.deepEqual(groups(everyone).toSorted(), [
      ['42', 1, 50],
      ['43', 1, 50],
    ]);
    assert.deepEqual(everyone.cluster.peers?.toSorted(), [many.peerId, other.peerId].toSorted());
  });

  await t.test('a head that is killed comes back with its results, and its workers come back to it', async () => {
    const before = await execute(first, shows);
    const kept = await resultsOf(first, before.request_id);
    assert.equal(kept?.[many.peerId]?.result.stdout, '{"TOPIC_ID": "1"}');
    // Written a moment after the reply.
    while (!(await writtenResults(first.dir)).includes(before.request_id)) await setTimeout(20);
    first.process.kill('SIGKILL');
    await first.process.finished;
    assert.deepEqual(groups(await execute(second, shows)), [['{"TOPIC_ID": "1"}', 1, 100]]);
    const again = await startNode(t, { dir: first.dir, role: 'head', args: listen });
    assert.equal(again.peerId, first.peerId);
    assert.deepEqual(await resultsOf(again, before.request_id), kept);
    assert.deepEqual(groups(await executeUntil(again, shows, {}, ok)), [['{"TOPIC_ID": "1"}', 1, 100]]);
  });

  await t.test('a worker that is told to stop finishes what it has', async () => {
    otherModel.say(null);
    const begun = otherModel.next();
    const replied = execute(second, asks, { topic: '3' });
    await begun;
    other.process.kill('SIGTERM');
    await other.process.until(/^closing after SIGTERM$/m);
    otherModel.say('43');
    const reply = await replied;
    assert.deepEqual([reply.code, groups(reply)], ['200', [['43', 1, 100]]], reply.message ?? '');
    assert.equal((await other.process.finished).code, 0);
    other = await startOther();
    await executeUntil(second, asks, { topic: '3' }, ok);
  });

  await t.test('a worker that is killed while it works is told at once: 206 with the others, 204 alone', async () => {
    const killed = async (victim: NodeProcess, asked: Asked): Promise<Reply> => {
      const [model, begun] = victim === many ? [manyModel, manyModel.next()] : [otherModel, otherModel.next()];
      model.say(null);
      const replied = execute(second, asks, asked);
      await begun;
      victim.process.kill('SIGKILL');
      const reply = await replied;
      // Else it would be `no answer within 20000 ms`.
      assert.match(reply.message ?? '', new RegExp(`no result from ${victim.peerId}`));
      return reply;
    };
    const one = await killed(other, { nodes: 2 });
    assert.equal(one.code, '206');
    assert.deepEqual(groups(one), [['42', 1, 100]]);
    assert.deepEqual(one.cluster.peers?.toSorted(), [many.peerId, other.peerId].toSorted());
    const none = await killed(many, { nodes: 1 });
    assert.deepEqual([none.code, none.results, none.cluster.peers], ['204', undefined, [many.peerId]]);
  });
});
