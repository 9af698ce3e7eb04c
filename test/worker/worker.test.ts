import assert from 'node:assert/strict';
import { memoryUsage } from 'node:process';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Outcome } from '../../runtime/core/execution.ts';
import { gateway, importFiles, wasm } from '../store/support.ts';
import { guest } from '../support/wat.ts';
import { HEAD, NEVER, OTHER_HEAD, openWorker, rollCall, textOf, workOrder } from './support.ts';

test('an order is a line of the log where somebody wants to see those', async (t) => {
  for (const traced of [false, true]) {
    const { worker, cids, log } = await openWorker(t, { guests: ['exit-three'], traced });
    await worker.execute(workOrder(cids['exit-three'] ?? ''), HEAD, NEVER);
    const told = log.filter((line) => line.startsWith('order run '));
    assert.equal(told.length, traced ? 1 : 0);
    if (traced) assert.match(told[0] ?? '', /"function":"baf\w+","cause":"exited","exitCode":3\}$/);
  }
});

suite('a worker asked by roll call', () => {
  test('says 202 and its load where the function is here', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['exit-three'] });
    const call = rollCall(cids['exit-three'] ?? '');
    assert.deepEqual(await worker.rollCall(call, HEAD), { code: '202', load: 0 });
  });

  test('fetches what it lacks while it is asked, and later says so where that takes long', async (t) => {
    const quick = await importFiles({ '': wasm('quick') });
    const slow = await importFiles({ '': wasm('slow') });
    const release = Promise.withResolvers<void>();
    const { url, asked } = await gateway(
      t,
      new Map([...quick.blocks, ...slow.blocks]),
      async (request, reply, block) => {
        if (request.url?.includes(slow.cid.toString())) await release.promise;
        reply.writeHead(200, { 'content-type': 'application/vnd.ipld.raw' }).end(block);
      },
    );
    const { worker: patient } = await openWorker(t, { gateways: [url] });
    assert.equal((await patient.rollCall(rollCall(quick.cid.toString()), HEAD))?.code, '202');
    const { worker } = await openWorker(t, { gateways: [url], init: { patienceMs: 50 } });
    const ask = async (cid: string): Promise<string | undefined> => (await worker.rollCall(rollCall(cid), HEAD))?.code;
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(slow.cid.toString())));
    assert.deepEqual(new Set(answers), new Set(['404']), 'not here yet, and the head need not wait for it');
    release.resolve();
    assert.deepEqual(await worker.install(slow.cid.toString(), HEAD), { code: '202', message: 'installed' });
    assert.equal(await ask(slow.cid.toString()), '202');
    assert.equal(asked.filter((cid) => cid === slow.cid.toString()).length, 1);
  });

  test('prepares the modules of a package that names no entry, since roll calls name no method', async (t) => {
    const files = {
      'one.wasm': await guest('exit-three'),
      'two.wasm': await guest('echo'),
      'three.wasm': Buffer.from('no'),
    };
    const { cid, blocks } = await importFiles(files);
    const { url } = await gateway(t, blocks);
    const { worker } = await openWorker(t, { gateways: [url] });
    assert.equal((await worker.rollCall(rollCall(cid.toString()), HEAD))?.code, '202');
    const request = { function_id: cid.toString(), method: 'one.wasm' };
    const answer = await worker.execute(workOrder('', { request }), HEAD, NEVER);
    assert.deepEqual([answer.code, answer.outcome?.exitCode], ['500', 3]);
  });

  test('leaves numbers that are asked of all results to its head, which may know more kinds', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['echo'] });
    const config = { stdin: '42', result_aggregation: { enable: true, type: 'of-another-stack' } };
    const request = { function_id: cids.echo ?? '', method: 'f.wasm', config };
    assert.equal(textOf(await worker.execute(workOrder('', { request }), HEAD, NEVER)), '42');
  });

  test('says 500 to nonsense and asks its sources once, however often it is asked', async (t) => {
    const { url, asked } = await gateway(t, new Map());
    const { worker, log } = await openWorker(t, { gateways: [url] });
    const { cid } = await importFiles({ '': wasm('nowhere') });
    for (const functionId of ['', '../../etc/passwd', 'x'.repeat(100_000), cid.toString()]) {
      for (let i = 0; i < 50; i++) {
        assert.equal((await worker.rollCall(rollCall(functionId), HEAD))?.code, '500');
      }
    }
    assert.deepEqual(asked, [cid.toString()]);
    assert.equal(log.filter((line) => line.includes('not installed')).length, 1);
  });

  test('a head with a thousand unknown functions leaves the worker usable for another', async (t) => {
    const { url } = await gateway(t, new Map(), () => {}); // never answers
    const { worker, cids } = await openWorker(t, {
      guests: ['exit-three'],
      gateways: [url],
      init: { patienceMs: 200 },
    });
    const unknown = await Promise.all(Array.from({ length: 100 }, (_, i) => importFiles({ '': wasm(`no-${i}`) })));
    const flood = unknown.map(({ cid }) => worker.rollCall(rollCall(cid.toString()), HEAD));
    assert.equal((await worker.rollCall(rollCall(cids['exit-three'] ?? ''), OTHER_HEAD))?.code, '202');
    const codes = (await Promise.all(flood)).map((answer) => answer?.code);
    assert.deepEqual(new Set(codes), new Set(['404', '503']));
  });

  test('is silent where the head is not one of its heads, and logs that once', async (t) => {
    const { worker, cids, log } = await openWorker(t, { guests: ['exit-three'], init: { heads: [HEAD] } });
    const cid = cids['exit-three'] ?? '';
    assert.equal((await worker.rollCall(rollCall(cid), HEAD))?.code, '202');
    for (let i = 0; i < 3; i++) assert.equal(await worker.rollCall(rollCall(cid), OTHER_HEAD), null);
    assert.equal(await worker.install(cid, OTHER_HEAD), null);
    assert.equal((await worker.execute(workOrder(cid), OTHER_HEAD, NEVER)).code, '403');
    assert.deepEqual(log, [`a head that work.heads does not name is ignored {"head":"${OTHER_HEAD}"}`]);
  });

  test('is silent where attributes are wanted that it has not, and where attestors are', async (t) => {
    const init = { attributes: { told: { region: 'eu' }, attested: null } };
    const { worker, cids } = await openWorker(t, { guests: ['exit-three'], init });
    const ask = (attributes: object): ReturnType<typeof worker.rollCall> =>
      worker.rollCall(rollCall(cids['exit-three'] ?? '', { attributes }), HEAD);
    assert.equal((await ask({}))?.code, '202');
    assert.equal((await ask({ values: [{ name: 'region', value: 'eu' }] }))?.code, '202');
    assert.equal(await ask({ values: [{ name: 'region', value: 'us' }] }), null);
    assert.equal(await ask({ values: [{ name: 'region', value: 'eu' }, { name: 'toString' }] }), null);
    assert.equal(await ask({ attestation_required: true }), null);
    assert.equal(await ask({ attestors: { one_of: ['12D3KooW'] } }), null);
  });

  test('says that it can by PBFT, unless work.consensus is none, and never by Raft', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['exit-three'] });
    const ask = async (consensus: 0 | 1 | 2): Promise<string | undefined> =>
      (await worker.rollCall(rollCall(cids['exit-three'] ?? '', { consensus }), HEAD))?.code;
    assert.deepEqual([await ask(0), await ask(1), await ask(2)], ['202', '501', '202']);
    const alone = await openWorker(t, { guests: ['exit-three'], init: { consensus: 'none' } });
    const call = rollCall(alone.cids['exit-three'] ?? '', { consensus: 2 });
    assert.equal((await alone.worker.rollCall(call, HEAD))?.code, '501');
  });

  test('says 503 where it is full, and 202 again when it is not', async (t) => {
    const limits = { concurrency: 1, queue: 1 };
    const { worker, cids } = await openWorker(t, { guests: ['sleep', 'exit-three'], limits });
    const gone = new AbortController();
    const orders = ['a', 'b', 'c'].map((requestId) =>
      worker.execute(workOrder(cids.sleep ?? '', { requestId }), HEAD, gone.signal),
    );
    const refused = await orders[2];
    assert.deepEqual([refused?.code, refused?.outcome], ['503', null]);
    assert.match(refused?.message ?? '', /^busy: 1 orders run and 1 wait/);
    const call = rollCall(cids['exit-three'] ?? '');
    assert.deepEqual(await worker.rollCall(call, HEAD), { code: '503', load: 2 });
    gone.abort();
    await Promise.all(orders);
    assert.deepEqual(await worker.rollCall(call, HEAD), { code: '202', load: 0 });
  });
});

suite('a worker given an order', () => {
  test('runs it as the head passed it on, and adds no variable of its own', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['show-environment', 'echo'] });
    const config = { env_vars: [{ name: 'TOPIC_ID', value: '1' }], number_of_nodes: 3, consensus_algorithm: 'pbft' };
    const topic = 'allora-topic-1-worker';
    const request = { function_id: cids['show-environment'] ?? '', method: 'f.wasm', topic, config };
    const answer = await worker.execute(workOrder('', { request }), HEAD, NEVER);
    assert.deepEqual([answer.code, answer.message, textOf(answer)], ['200', '', '{"TOPIC_ID": "1"}']);
    const piped = { function_id: cids.echo ?? '', method: 'f.wasm', config: { stdin: 'tick ✓' } };
    assert.equal(
      textOf(await worker.execute(workOrder('', { requestId: 's', request: piped }), HEAD, NEVER)),
      'tick ✓',
    );
  });

  test('runs it once, whoever says it twice, and answers the same', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['half-second', 'exit-three'] });
    const order = workOrder(cids['half-second'] ?? '');
    const [first, second] = await Promise.all([worker.execute(order, HEAD, NEVER), worker.execute(order, HEAD, NEVER)]);
    const third = await worker.execute(order, HEAD, NEVER);
    assert.equal(first.code, '200');
    assert.equal(first.outcome, second.outcome, 'one execution, not two that agree');
    assert.equal(first.outcome, third.outcome);
    const other = await worker.execute(order, OTHER_HEAD, NEVER);
    assert.notEqual(other.outcome, first.outcome, 'another head’s ids are its own affair');
    const reused = await worker.execute(workOrder(cids['exit-three'] ?? ''), HEAD, NEVER);
    assert.deepEqual([reused.code, reused.outcome], ['400', null]);
    assert.match(reused.message, /^request id r was used for another function or method/);
  });

  test('remembers orders, and not the megabytes that their methods have', async (t) => {
    const { worker } = await openWorker(t);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    const before = memoryUsage().heapUsed;
    for (let i = 0; i < 300; i++) {
      const order = workOrder('no CID', { requestId: `r${i}` });
      const request = { ...order.request, method: Buffer.alloc(1_000_000, `${i}`).toString() };
      assert.equal((await worker.execute({ ...order, request }, HEAD, NEVER)).code, '404');
    }
    collect();
    const held = memoryUsage().heapUsed - before;
    assert.ok(held < 100e6, `${held} bytes are held`);
  });

  test('goes on with it as long as one of those who said it is there', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['half-second'] });
    const order = workOrder(cids['half-second'] ?? '');
    const gone = new AbortController();
    const [first, second] = [worker.execute(order, HEAD, gone.signal), worker.execute(order, HEAD, NEVER)];
    gone.abort();
    assert.equal((await second).code, '200');
    assert.equal((await first).outcome, (await second).outcome);
  });

  test('says why it never ran, in the codes of the wire', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['exit-three'] });
    const { cid } = await importFiles({ '': wasm('not here') });
    let id = 0;
    const code = async (request: object): Promise<string> =>
      (await worker.execute(workOrder('', { requestId: `r${id++}`, request }), HEAD, NEVER)).code;
    assert.equal(await code({ function_id: cid.toString() }), '404');
    assert.equal(await code({}), '404');
    assert.equal(await code({ function_id: cids['exit-three'], config: { permissions: ['no url'] } }), '400');
    assert.equal(await code({ function_id: cids['exit-three'], config: { stdin: 'x'.repeat(9_000_000) } }), '400');
    assert.equal(await code({ function_id: cids['exit-three'] }), '500', 'it ran, and did not exit 0');
  });

  test('ends it when the head goes, or no longer waits', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['sleep', 'exit-three'], limits: { concurrency: 1 } });
    const gone = new AbortController();
    const order = workOrder(cids.sleep ?? '');
    const left = worker.execute(order, HEAD, gone.signal);
    const impatient = worker.execute({ ...order, requestId: 's', deadlineMs: 50 }, HEAD, NEVER);
    assert.equal((await impatient).outcome, null, 'it waited for a place all the while');
    gone.abort();
    assert.equal((await left).outcome?.cause, 'cancelled');
    const next = await worker.execute(workOrder(cids['exit-three'] ?? '', { requestId: 't' }), HEAD, NEVER);
    assert.equal(next.outcome?.exitCode, 3, 'the place is free');
  });

  test('gives the guest no more time than the head waits, whatever number that is', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['spin', 'exit-three'] });
    for (const deadlineMs of [200, 0.5, 0, -1]) {
      const order = workOrder(cids.spin ?? '', { requestId: String(deadlineMs), deadlineMs });
      const { outcome } = await worker.execute(order, HEAD, NEVER);
      assert.ok(outcome === null || outcome.cause === 'deadline' || outcome.cause === 'cancelled');
    }
    const order = workOrder(cids['exit-three'] ?? '', { requestId: 'long', deadlineMs: 1e15 });
    assert.equal((await worker.execute(order, HEAD, NEVER)).outcome?.exitCode, 3);
  });

  test('tells a guest that sleeps past its deadline from a head that has gone', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['sleep'] });
    let outcome: Outcome | null = null;
    // On a busy machine it may begin so late that the head has given up by then.
    for (let i = 0; i < 20 && outcome?.cause !== 'deadline'; i++) {
      const order = workOrder(cids.sleep ?? '', { requestId: `${i}`, deadlineMs: 2_000 });
      ({ outcome } = await worker.execute(order, HEAD, NEVER));
    }
    assert.deepEqual([outcome?.cause, outcome?.exitCode], ['deadline', 15]);
  });

  test('a head that floods it does not starve another', async (t) => {
    const { worker, cids } = await openWorker(t, {
      guests: ['sleep', 'half-second', 'exit-three'],
      limits: { concurrency: 4, queue: 50 },
    });
    const gone = new AbortController();
    const flood = Array.from({ length: 200 }, (_, i) => {
      const cid = cids[i < 3 ? 'sleep' : 'half-second'] ?? '';
      return worker.execute(workOrder(cid, { requestId: `f${i}` }), HEAD, gone.signal);
    });
    const other = await worker.execute(workOrder(cids['exit-three'] ?? ''), OTHER_HEAD, NEVER);
    assert.equal(other.outcome?.exitCode, 3);
    gone.abort();
    await Promise.all(flood);
  });

  test('closing takes none, and waits for those in work', async (t) => {
    const { worker, cids } = await openWorker(t, { guests: ['half-second', 'exit-three'] });
    const running = worker.execute(workOrder(cids['half-second'] ?? ''), HEAD, NEVER);
    while ((await worker.rollCall(rollCall(cids['exit-three'] ?? ''), HEAD))?.load === 0) await setTimeout(5);
    const closed = worker.close();
    assert.equal((await worker.rollCall(rollCall(cids['exit-three'] ?? ''), HEAD))?.code, '503');
    const late = await worker.execute(workOrder(cids['exit-three'] ?? '', { requestId: 'late' }), HEAD, NEVER);
    assert.deepEqual([late.code, late.outcome], ['503', null]);
    await closed;
    assert.equal((await running).code, '200');
    assert.equal((await worker.rollCall(rollCall(cids['exit-three'] ?? ''), HEAD))?.load, 0);
  });
});
