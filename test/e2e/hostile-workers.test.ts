import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { request } from 'undici';
import { temporaryFolder } from '../cli/command.ts';
import {
  accepted,
  answered,
  refused,
  type Said,
  type Script,
  type ScriptedWorker,
  startScriptedWorker,
} from '../p2p/scripted-worker.ts';
import { execute, executeUntil, type Reply, resultsOf, startNode } from './nodes.ts';

/** Any function: these workers run none. */
const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';
const EXECUTION_MS = 4_000;
const ok = ({ code }: Reply): boolean => code === '200';

const texts = ({ results = [] }: Reply): string[] => results.map(({ result }) => result.stdout);

test('a head and workers that are none of ours, each hostile in its own way', { timeout: 230_000 }, async (t) => {
  await using folder = await temporaryFolder();
  const head = await startNode(t, {
    dir: join(folder.path, 'head'),
    role: 'head',
    args: ['--work-execution-ms', String(EXECUTION_MS)],
  });
  /** Connected, and the head has seen it subscribe. */
  async function start(script: Script): Promise<ScriptedWorker> {
    const worker = await startScriptedWorker(t, head.address, script);
    const known = async (): Promise<string> =>
      (await request(`${head.api}/api/v1/workers?topic=${script.topic}`)).body.text();
    while (!(await known()).includes(worker.peerId)) await setTimeout(20);
    return worker;
  }
  const ask = (topic: string): Promise<Reply> => execute(head, CID, { topic, config: { timeout: 60 } });

  await t.test('one that answers every question twice counts once', async () => {
    const twice = await start({
      topic: 'twice',
      async onRollCall(call, worker) {
        for (let i = 0; i < 5; i++) await worker.say(accepted(call));
      },
      async onOrder({ request_id }, worker) {
        await worker.say(answered(request_id, 'first'));
        await worker.say(answered(request_id, 'second'));
      },
    });
    const reply = await ask('twice');
    assert.deepEqual([reply.code, texts(reply)], ['200', ['first']]);
    const kept = await resultsOf(head, reply.request_id);
    assert.deepEqual(Object.keys(kept ?? {}), [twice.peerId]);
    assert.equal(kept?.[twice.peerId]?.result.stdout, 'first');
    const two = await execute(head, CID, { topic: 'twice', nodes: 2, config: { timeout: 1 } });
    assert.equal(two.code, '408', 'five answers of one peer are no two peers');
  });

  await t.test('one that answers late is not waited for, and what it says is kept', async () => {
    const replied = Promise.withResolvers<void>();
    const late = await start({
      topic: 'late',
      async onOrder({ request_id }, worker) {
        await replied.promise;
        await worker.say(answered(request_id, 'late'));
      },
    });
    const reply = await ask('late');
    replied.resolve();
    assert.deepEqual([reply.code, reply.results, reply.cluster.peers], ['204', undefined, [late.peerId]]);
    assert.match(reply.message ?? '', new RegExp(`no answer within .* from ${late.peerId}`));
    for (;;) {
      const kept = await resultsOf(head, reply.request_id);
      if (kept?.[late.peerId]?.result.stdout === 'late') break;
      await setTimeout(20);
    }
  });

  await t.test('one that answers another’s request, or in another’s name, is heard for nobody', async () => {
    const open = Promise.withResolvers<Said>();
    const done = Promise.withResolvers<void>();
    const honest = await start({
      topic: 'honest',
      async onOrder(order, worker) {
        open.resolve(order);
        await done.promise;
        await worker.say(answered(order.request_id, 'honest'));
      },
    });
    const thief = await start({
      topic: 'thief',
      async onOrder({ request_id }, worker) {
        const { request_id: other } = await open.promise;
        await worker.say(answered(other, 'stolen'));
        const result = { code: '200', result: { stdout: 'forged', stderr: '', exit_code: 0 }, request_id, usage: {} };
        const results = { [honest.peerId]: result };
        await worker.say({ type: 'MsgExecuteResponse', from: honest.peerId, request_id: other, code: '200', results });
        await worker.say({ type: 'MsgExecuteResponse', from: honest.peerId, request_id, code: '200', results });
        done.resolve();
      },
    });
    const [theirs, stolen] = await Promise.all([ask('honest'), ask('thief')]);
    assert.deepEqual([theirs.code, texts(theirs), theirs.cluster.peers], ['200', ['honest'], [honest.peerId]]);
    assert.deepEqual([stolen.code, stolen.results, stolen.cluster.peers], ['204', undefined, [thief.peerId]]);
  });

  await t.test('one whose signature does not hold has no result', async () => {
    const forger = await start({
      topic: 'forger',
      async onOrder({ request_id, function_id }, worker) {
        const attestation = {
          ...{ peer_id: worker.peerId, function_id, request_hash: '0'.repeat(64), outcome_hash: '0'.repeat(64) },
          ...{ time: '2026-01-01T00:00:00Z', signature: '0'.repeat(128) },
        };
        await worker.say(answered(request_id, 'trust me', { inferbase: { attestation } }));
      },
    });
    const reply = await ask('forger');
    assert.deepEqual([reply.code, reply.results], ['204', undefined]);
    assert.match(reply.message ?? '', new RegExp(`no result from ${forger.peerId}: .*signature`));
  });

  await t.test('one that answers with 100 MB is cut off, and the head stays as it was', async () => {
    const ended = Promise.withResolvers<string>();
    await start({
      topic: 'huge',
      async onOrder({ request_id }, worker) {
        const piece = Buffer.alloc(65_536, 'x');
        const how = worker.stream(
          (function* () {
            yield Buffer.from(`{"type":"MsgWorkOrderResponse","request_id":"${request_id}","code":"`);
            for (let sent = 0; sent < 100 * 1_048_576; sent += piece.length) yield piece;
          })(),
        );
        ended.resolve(how);
      },
    });
    const reply = await ask('huge');
    assert.deepEqual([reply.code, reply.results], ['204', undefined]);
    assert.equal(await ended.promise, 'reset');
  });

  await t.test('one that says garbage first is still heard when it says something', async () => {
    await start({
      topic: 'garbage',
      async onOrder({ request_id }, worker) {
        await worker.say(Buffer.from([0, 0xff, 0xc0, 0x80]));
        await worker.say('['.repeat(200_000));
        await worker.say('{"type":"MsgWorkOrderResponse","result":7}');
        await worker.say(`{"type":"MsgWorkOrderResponse","request_id":"${request_id}","code":`);
        await worker.say({ type: 'MsgRollCallResponse', code: '202', function_id: '\u0000', request_id: '__proto__' });
        await worker.say({ type: 'MsgExecute', function_id: CID, method: '', request_id });
        await worker.say({ ...answered('__proto__', 'x') });
        await worker.say(answered(request_id, '\u001b[31m<script>'));
      },
    });
    const reply = await ask('garbage');
    assert.deepEqual([reply.code, texts(reply)], ['200', ['\u001b[31m<script>']]);
  });

  await t.test(
    'one that is full, or finds out when it has the order, does not keep another from the work',
    async () => {
      const full = await start({ topic: 'full', onRollCall: (call, worker) => worker.say(accepted(call, '503')) });
      const hasty = await start({
        topic: 'full',
        onOrder: ({ request_id }, worker) => worker.say(refused(request_id, '503')),
      });
      const free = await start({
        topic: 'full',
        // So that the one before is taken first.
        async onRollCall(call, worker) {
          await setTimeout(300);
          await worker.say(accepted(call));
        },
        onOrder: ({ request_id }, worker) => worker.say(answered(request_id, 'done')),
      });
      const reply = await executeUntil(head, CID, { topic: 'full' }, ok);
      assert.deepEqual([texts(reply), reply.cluster.peers], [['done'], [free.peerId]]);
      assert.ok(![full.peerId, hasty.peerId].includes(free.peerId));
    },
  );

  await t.test('a peer that floods gossip does not keep the others from their work', async () => {
    await start({
      topic: 'calm',
      onOrder: ({ request_id }, worker) => worker.say(answered(request_id, 'calm')),
    });
    await ask('calm');
    const flooder = await start({ topic: 'calm', onRollCall: () => {} });
    let flooding = true;
    const flood = (async () => {
      for (let i = 0; flooding && i < 10_000; i++) {
        const call = { type: 'MsgRollCall', function_id: CID, request_id: `flood-${i}`, consensus: 0 };
        const bytes = Buffer.from(i % 2 === 0 ? JSON.stringify(call) : `garbage ${i}`);
        const topic = i % 4 < 2 ? 'blockless/b7s/general' : 'allora-topic-calm-worker';
        await flooder.swarm.publish(topic, bytes).catch(() => {});
        if (i % 20 === 0) await setTimeout(1);
      }
    })();
    for (let i = 0; i < 5; i++) {
      // On a busy machine one may be late: the flood and the honest worker are one process.
      const reply = await executeUntil(head, CID, { topic: 'calm', config: { timeout: 30 } }, ok);
      assert.deepEqual(texts(reply), ['calm']);
    }
    flooding = false;
    await flood;
  });

  await t.test('after all of that the head is as large as it should be', async () => {
    const status = await readFile(`/proc/${head.process.pid}/status`, 'utf8').catch(() => null);
    if (status === null) return;
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    assert.ok(rss < 700, `${rss} MiB`);
  });
});
