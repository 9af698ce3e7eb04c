import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { PeerResult } from '../../runtime/core/node.ts';
import type { WorkOrder } from '../../runtime/core/work.ts';
import { type Identity, loadIdentity } from '../../runtime/services/identity.ts';
import { createKeptResults } from '../../runtime/services/kept-results/kept-results.ts';
import { signAttestation } from '../../runtime/wire/attestation.ts';
import { tempDir } from '../store/support.ts';
import {
  execute,
  FUNCTION,
  lost,
  printed,
  type Script,
  scriptedHead,
  scriptedNetwork,
  silent,
  texts,
} from './scripted-network.ts';

const full = { work: () => ({ code: '503', message: 'no room' }) };
const none = { work: () => ({ code: '404', message: 'not here' }) };

suite('an order of a head', () => {
  test('says everything the workers need, and neither consensus nor signature of the client', async () => {
    const network = scriptedNetwork({ a: {}, b: {} });
    const head = scriptedHead(network, { executionMs: 1_234 });
    const config = { consensus_algorithm: 'PBFT', stdin: 'in', number_of_nodes: 2 };
    const reply = await execute(head, config, { requestId: 'id' });
    const [first] = network.orders;
    assert.deepEqual(
      { ...first?.order, timestamp: '' },
      {
        requestId: 'id',
        topic: 'allora-topic-1-worker',
        request: {
          function_id: FUNCTION,
          method: 'x.wasm',
          topic: '1',
          config: { stdin: 'in', number_of_nodes: 2, env_vars: [{ name: 'TOPIC_ID', value: '1' }] },
        },
        peers: reply.cluster,
        timestamp: '',
        deadlineMs: 1_234,
      },
    );
    assert.match(first?.order.timestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.deepEqual(reply.remarks, ['consensus pbft was asked for; the workers ran the function without it']);
    assert.equal(reply.code, '200');
    assert.equal(reply.results.length, 2);
  });

  test('is answered 200 down to the threshold and 206 below it', async () => {
    const network = scriptedNetwork({ a: {}, b: {}, c: {}, d: { work: silent }, e: { work: lost } });
    const head = scriptedHead(network);
    const codeAt = async (threshold?: number) =>
      (await execute(head, threshold === undefined ? {} : { threshold })).code;
    assert.equal(await codeAt(), '200');
    assert.equal(await codeAt(0.61), '206');
    assert.equal(await codeAt(1), '206');
    for (const none of [0, -1, 1.5]) assert.equal(await codeAt(none), '200');
  });

  test('that nobody answers in time is 204 with the workers that have it', async () => {
    const network = scriptedNetwork({ a: { work: silent } });
    const reply = await execute(scriptedHead(network), {});
    assert.deepEqual(
      { ...reply, requestId: '' },
      { requestId: '', code: '204', results: [], cluster: ['a'], remarks: ['no answer within 300 ms from a'] },
    );
  });

  test('of a worker that goes away counts as unanswered at once, and is given to nobody else', async () => {
    const network = scriptedNetwork({ a: { work: lost }, b: { work: lost } });
    const reply = await execute(scriptedHead(network, { executionMs: 60_000 }), { number_of_nodes: 1 });
    assert.equal(reply.code, '204');
    assert.equal(network.orders.length, 1);
    assert.match(reply.remarks.join(), /^no result from [ab]: it went away before it answered$/);
  });

  test('that a worker refuses goes to another one', async () => {
    const network = scriptedNetwork({ a: full, b: none, c: {}, d: full });
    const head = scriptedHead(network);
    for (let i = 0; i < 10; i++) {
      const reply = await execute(head, { number_of_nodes: 1 });
      assert.deepEqual([reply.code, texts(reply), reply.cluster], ['200', ['c: c'], ['c']]);
    }
    const two = await execute(scriptedHead(scriptedNetwork({ a: full, b: {}, c: {} })), { number_of_nodes: 2 });
    assert.deepEqual(two.cluster.toSorted(), ['b', 'c']);
  });

  test('goes to each worker once at most', async () => {
    const network = scriptedNetwork({ a: full, b: full, c: full });
    // No worker can come that was not asked: the refusal is told long before the window ends.
    await assert.rejects(execute(scriptedHead(network, { rollCallMs: 600_000 }), { number_of_nodes: 1 }), {
      code: 'ERR_BUSY',
      message: /^worker [abc]: no room/,
    });
    assert.deepEqual(network.orders.map(({ peerId }) => peerId).sort(), ['a', 'b', 'c']);
  });

  test('that a kept answer led to a refusal for goes to a worker of a new roll call', async () => {
    let aIsFull = false;
    const network = scriptedNetwork({
      a: {
        answer: () => ({ lasting: true, code: aIsFull ? '503' : '202' }),
        work: () => (aIsFull ? full.work() : { outcome: printed('a') }),
      },
      b: { answer: (_call, times) => (times === 1 ? { code: '503' } : { lasting: true }) },
    });
    const head = scriptedHead(network, { keepMs: 60_000, rollCallMs: 5_000 });
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['a: a']);
    aIsFull = true;
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['b: b']);
  });

  test('that all refuse alike is refused as one node would', async () => {
    const refusal = (work: () => { code: string; message: string }) =>
      execute(scriptedHead(scriptedNetwork({ a: { work }, b: { work } })), {});
    await assert.rejects(refusal(none.work), {
      code: 'ERR_FUNCTION_NOT_FOUND',
      message: /worker a: not here; worker b/,
    });
    await assert.rejects(
      refusal(() => ({ code: '400', message: 'stdin too large' })),
      { code: 'ERR_INVALID_REQUEST' },
    );
    assert.equal((await refusal(() => ({ code: '500', message: 'odd' }))).code, '204');
  });

  test('that all answer with a code that is a word of JavaScript is no refusal that is known', async () => {
    for (const code of ['constructor', '__proto__', 'toString']) {
      const work = (): { code: string } => ({ code });
      assert.equal((await execute(scriptedHead(scriptedNetwork({ a: { work } })), {})).code, '204');
    }
  });

  test('whose workers print more than one request may hold has the results that fit, and names the others', async () => {
    const work = (): { outcome: PeerResult['outcome'] } => ({ outcome: printed('x'.repeat(40_000)) });
    const network = scriptedNetwork({ a: { work }, b: { work }, c: { work } });
    const head = scriptedHead(network, { outputBytes: 100_000 });
    for (let i = 0; i < 10; i++) {
      const reply = await execute(head, {});
      assert.equal(reply.results.length, 2);
      assert.match(
        reply.remarks.join(),
        /its output of 40000 bytes is left out: results of one request may have 100000/,
      );
    }
  });

  test('tells refusals beside results', async () => {
    const reply = await execute(scriptedHead(scriptedNetwork({ a: {}, b: {}, c: none })), {});
    assert.equal(reply.code, '200');
    assert.deepEqual(reply.remarks, ['no result from c: not here']);
    assert.deepEqual(reply.cluster, ['a', 'b', 'c']);
  });

  test('whose second worker is silent is still waited for, aside, after the reply', async () => {
    const results = createKeptResults({ folder: null, log: () => {} });
    const { promise, resolve } = Promise.withResolvers<void>();
    const network = scriptedNetwork({
      a: full,
      b: { answer: () => ({ load: 0.2 }), work: () => promise.then(() => ({ outcome: printed('late') })) },
    });
    const head = scriptedHead(network, { executionMs: 100 }, { results });
    const reply = await execute(head, { number_of_nodes: 1 }, { requestId: 'id' });
    assert.deepEqual([reply.code, reply.cluster], ['204', ['b']]);
    resolve();
    while ((await head.results('id')) === undefined) await setTimeout(1);
    assert.deepEqual(texts({ results: (await head.results('id')) ?? [] }), ['b: late']);
    head.close();
    assert.deepEqual(network.aborted, []);
  });

  test('is ended on all workers when the client goes', async () => {
    const network = scriptedNetwork({ a: { work: silent }, b: { work: silent } });
    const client = new AbortController();
    const reply = execute(scriptedHead(network, { executionMs: 60_000 }), {}, { signal: client.signal });
    while (network.orders.length < 2) await setTimeout(1);
    client.abort(new Error('gone'));
    await assert.rejects(reply, { message: 'gone' });
    assert.deepEqual(network.aborted.toSorted(), ['a', 'b']);
  });

  test('is ended with the head, which then takes no more', async () => {
    const network = scriptedNetwork({ a: { work: silent } });
    const head = scriptedHead(network, { executionMs: 60_000 });
    const reply = execute(head, {});
    while (network.orders.length < 1) await setTimeout(1);
    head.close();
    await assert.rejects(reply, { code: 'ERR_CLOSED' });
    await assert.rejects(execute(head, {}), { code: 'ERR_CLOSED' });
  });

  test('is refused past as many as the head takes at once', async () => {
    const network = scriptedNetwork({ a: { work: silent } });
    const head = scriptedHead(network, { maxRequests: 2 });
    const taken = [execute(head, {}), execute(head, {})];
    await assert.rejects(execute(head, {}), { code: 'ERR_BUSY' });
    assert.deepEqual(
      (await Promise.all(taken)).map(({ code }) => code),
      ['204', '204'],
    );
    assert.equal((await execute(head, {})).code, '204');
  });

  test('signed by its worker is answered with the attestation, and one that does not hold is no answer', async (t) => {
    const identity = await loadIdentity(join(await tempDir(t), 'priv.bin'), { create: true });
    const other = await loadIdentity(join(await tempDir(t), 'priv.bin'), { create: true });
    const signed =
      (signer: Identity, shown = 'x') =>
      ({ request }: WorkOrder) => {
        const attestation = signAttestation(signer, { request, outcome: printed(shown) });
        return { outcome: printed('x'), attestation };
      };
    const run = async (work: Script['work']) =>
      await execute(scriptedHead(scriptedNetwork({ [identity.peerId]: { ...(work && { work }) } })), {});
    const good = await run(signed(identity));
    assert.equal(good.results[0]?.attestation?.functionId, FUNCTION);
    for (const work of [signed(identity, 'y'), signed(other)]) {
      const bad = await run(work);
      assert.deepEqual([bad.code, bad.results], ['204', []]);
      assert.match(bad.remarks.join(), /^no result from 12D3\w+: its attestation does not hold: it is of another/);
    }
  });
});

suite('results of a head', () => {
  test('are kept by request id, and those that come late are added', async () => {
    const results = createKeptResults({ folder: null, log: () => {} });
    const { promise, resolve } = Promise.withResolvers<void>();
    const network = scriptedNetwork({
      a: {},
      b: { work: () => promise.then(() => ({ outcome: printed('late') })) },
    });
    const head = scriptedHead(network, { executionMs: 50 }, { results });
    const reply = await execute(head, { threshold: 1 }, { requestId: 'id' });
    assert.deepEqual([reply.code, texts(reply)], ['206', ['a: a']]);
    assert.deepEqual(texts({ results: (await head.results('id')) ?? [] }), ['a: a']);
    resolve();
    while (((await head.results('id')) ?? []).length < 2) await setTimeout(1);
    assert.deepEqual(texts({ results: (await head.results('id')) ?? [] }), ['a: a', 'b: late']);
    assert.equal(await head.results('other'), undefined);
  });

  test('are added up to one number where the request asks for it', async () => {
    const network = scriptedNetwork({
      a: { work: () => ({ outcome: printed('{"infererValue":"1.5"}') }) },
      b: { work: () => ({ outcome: printed('2') }) },
      c: { work: () => ({ outcome: printed('none') }) },
    });
    const head = scriptedHead(network);
    assert.deepEqual((await execute(head, { result_aggregation: { enable: true, type: 'mean' } })).aggregate, {
      type: 'mean',
      value: '1.75',
      count: 2,
      excluded: [{ peerId: 'c', reason: 'stdout is neither a decimal number nor JSON' }],
    });
    assert.equal((await execute(head, {})).aggregate, undefined);
    await assert.rejects(execute(head, { result_aggregation: { enable: true, type: 'sum' } }), {
      code: 'ERR_INVALID_REQUEST',
    });
  });
});

suite('an install order of a head', () => {
  test('names the manifest where the older stack finds it, unless the caller names one', async () => {
    const network = scriptedNetwork({});
    const head = scriptedHead(network);
    const signal = new AbortController().signal;
    await head.install(FUNCTION, { signal, topic: '', uri: '' });
    await head.install(FUNCTION, { signal, topic: '3/reputer', uri: 'https://host/manifest.json' });
    assert.deepEqual(network.installs, [
      { cid: FUNCTION, topic: 'blockless/b7s/general', manifestUrl: `https://${FUNCTION}.ipfs.w3s.link/manifest.json` },
      { cid: FUNCTION, topic: 'allora-topic-3-reputer', manifestUrl: 'https://host/manifest.json' },
    ]);
    await assert.rejects(head.install('x', { signal, topic: '', uri: '' }), { code: 'ERR_INVALID_CID' });
  });
});
