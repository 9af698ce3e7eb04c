import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../cli/command.ts';
import { startScriptedHead } from '../p2p/scripted-head.ts';
import { importFiles, wasm } from '../store/support.ts';
import { startModelServer } from './model-server.ts';
import { cidOf, startNode } from './nodes.ts';

test('a worker and heads that are none of ours, each hostile in its own way', { timeout: 230_000 }, async (t) => {
  await using folder = await temporaryFolder();
  const model = await startModelServer(t, null);
  const worker = await startNode(t, {
    ...{ dir: join(folder.path, 'worker'), role: 'worker', guests: ['echo', 'ask-the-model'] },
    args: [
      '--work-topics',
      '1',
      '--limits-concurrency',
      '4',
      '--limits-queue',
      '20',
      // What it holds in the end is not to depend on the cores of the machine.
      '--sandbox-threads',
      '2',
      '--upstream',
      `model=${model.url}`,
    ],
  });
  const [echoes, asks] = [await cidOf('echo'), await cidOf('ask-the-model')];
  const start = (): ReturnType<typeof startScriptedHead> => startScriptedHead(t, worker.address, '1');
  const hostile = await start();
  const honest = await start();
  let number = 0;
  /** The honest head asks by roll call and orders, as any head. */
  const served = async (): Promise<void> => {
    const id = `honest-${++number}`;
    await honest.publish('1', { type: 'MsgRollCall', function_id: echoes, request_id: `call-${id}`, consensus: 0 });
    assert.equal((await honest.answerTo(`call-${id}`)).code, '202');
    const order = { function_id: echoes, method: 'f.wasm', config: { stdin: id }, request_id: id };
    await honest.say({ ...order, type: 'MsgWorkOrder' });
    const { code, result } = await honest.answerTo(id);
    assert.deepEqual([code, result?.result?.stdout], ['200', id]);
  };
  await served();

  await t.test('one that fills every place and the queue leaves room for another', async () => {
    for (let i = 0; i < 100; i++) {
      await hostile.say({ type: 'MsgWorkOrder', function_id: asks, method: 'f.wasm', request_id: `flood-${i}` });
    }
    // Places are taken until the model server answers; the honest order is the next, not the twentieth.
    const id = 'among the flood';
    await honest.say({ type: 'MsgWorkOrder', function_id: echoes, config: { stdin: id }, request_id: id });
    assert.equal((await hostile.answerTo('flood-99')).code, '503');
    assert.equal(honest.got.filter((heard) => heard.request_id === id).length, 0);
    model.say('42');
    assert.equal((await honest.answerTo(id)).result?.result?.stdout, id);
    assert.equal((await hostile.answerTo('flood-0')).result?.result?.stdout, '42');
    await served();
    for (let i = 0; i < 100; i++) await hostile.answerTo(`flood-${i}`);
  });

  await t.test('one that says its orders again and again has them run once', async () => {
    const before = model.asked;
    const order = { type: 'MsgWorkOrder', function_id: asks, method: 'f.wasm', request_id: 'again' };
    for (let i = 0; i < 30; i++) await hostile.say(order);
    await hostile.answerTo('again');
    await hostile.say(order);
    await served();
    assert.equal(model.asked, before + 1);
  });

  await t.test('one that asks for nonsense, or says it, or says too much, is none of the others’ concern', async () => {
    const unknown = await Promise.all(Array.from({ length: 40 }, (_, i) => importFiles({ '': wasm(`nobody ${i}`) })));
    for (const { cid } of unknown) {
      await hostile.publish('1', {
        type: 'MsgRollCall',
        function_id: cid.toString(),
        request_id: `${cid}`,
        consensus: 0,
      });
      await hostile.publish('1', {
        type: 'MsgInstallFunction',
        cid: cid.toString(),
        manifest_url: 'http://127.0.0.1:1/',
      });
    }
    await hostile.publish('1', {
      type: 'MsgRollCall',
      function_id: '../../etc/passwd',
      request_id: 'path',
      consensus: 0,
    });
    await hostile.publish('1', {
      type: 'MsgRollCall',
      origin: honest.peerId,
      function_id: echoes,
      request_id: 'x',
      consensus: 0,
    });
    const traversal = { function_id: echoes, method: '../../../../etc/passwd', request_id: 'traversal' };
    await hostile.say({ type: 'MsgWorkOrder', ...traversal });
    await hostile.say({
      type: 'MsgWorkOrder',
      function_id: echoes,
      request_id: 'bytes',
      config: { permissions: ['no url'] },
    });
    for (const text of ['', '{', '[]', 'null', '{"type":"MsgWorkOrder","config":[]}', '\u0000'.repeat(1_000)]) {
      await hostile.say(text);
    }
    assert.equal((await hostile.answerTo('path')).code, '500');
    assert.equal((await hostile.answerTo('bytes')).code, '400');
    assert.equal((await hostile.answerTo('traversal')).code, '200', 'one file, whatever it is called');
    // Longer than any request may be.
    await hostile
      .say({ type: 'MsgWorkOrder', function_id: echoes, request_id: 'long', config: { stdin: 'x'.repeat(4e7) } })
      .catch(() => {});
    await served();
    assert.equal(honest.got.filter((heard) => heard.request_id === 'x').length, 0);
    assert.equal(hostile.got.filter((heard) => heard.request_id === 'long').length, 0);
    const status = await readFile(`/proc/${worker.process.pid}/status`, 'utf8').catch(() => '');
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
    assert.ok(rss < 900, `${rss} MiB`);
  });
});
