import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { PeerResult } from '../../runtime/core/node.ts';
import { until } from '../store/peers/support.ts';
import {
  execute,
  FUNCTION,
  lost,
  printed,
  requestOf,
  type ScriptedNetwork,
  scriptedHead,
  scriptedNetwork,
  silent,
  texts,
} from './scripted-network.ts';

suite('a roll call of a head', () => {
  test('goes to the topic of the request, with its function, method and attributes', async () => {
    const network = scriptedNetwork({ a: {} });
    const attributes = { values: [{ name: 'region', value: 'eu' }] };
    await execute(scriptedHead(network), { attributes, consensus_algorithm: 'pbft' }, { requestId: 'id' });
    assert.deepEqual(network.calls, [
      {
        requestId: 'id',
        functionId: FUNCTION,
        method: 'x.wasm',
        topic: 'allora-topic-1-worker',
        consensus: 0,
        attributes,
      },
    ]);
  });

  test('for all nodes ends once every subscriber has said whether it can', async () => {
    const network = scriptedNetwork({
      a: {},
      b: { answer: () => ({ code: '500' }) },
      c: { answerMs: 50 },
    });
    const head = scriptedHead(network, { rollCallMs: 60_000 });
    for (const number_of_nodes of [0, -1, -7]) {
      const reply = await execute(head, { number_of_nodes });
      assert.equal(reply.code, '200');
      assert.deepEqual(texts(reply), ['a: a', 'c: c']);
      assert.deepEqual(reply.cluster.toSorted(), ['a', 'c']);
    }
  });

  test('for all nodes waits until the window ends for a subscriber that is silent', async () => {
    const network = scriptedNetwork({ a: {}, b: { answer: () => null } });
    const began = performance.now();
    assert.deepEqual(texts(await execute(scriptedHead(network), {})), ['a: a']);
    assert.ok(performance.now() - began >= 290);
  });

  test('for all nodes waits no longer for a subscriber that leaves, before or after it answered', async () => {
    const network = scriptedNetwork({
      a: {},
      silent: { answer: () => null, leavesAfterMs: 0 },
      b: { leavesAfterMs: 10, work: lost },
      c: { answerMs: 30 },
    });
    const head = scriptedHead(network, { rollCallMs: 60_000 });
    const reply = await execute(head, {});
    assert.deepEqual(texts(reply), ['a: a', 'c: c']);
    // It had its order.
    assert.deepEqual(reply.cluster, ['a', 'b', 'c']);
    assert.equal(network.calls.length, 1);
  });

  test('for all nodes hands each the order when it says that it can, whatever the others say', async () => {
    const network = scriptedNetwork({ a: {}, b: {} });
    const head = scriptedHead(
      {
        ...network,
        async rollCall({ requestId, functionId }, onAnswer) {
          const answer = (peerId: string): void =>
            onAnswer({ peerId, requestId, functionId, code: '202', load: 0, lasting: false });
          setImmediate(() => answer('b'));
          void until(() => network.orders.length === 1).then(() => answer('a'));
          return ['a', 'b'];
        },
      },
      { rollCallMs: 60_000 },
    );
    const reply = await execute(head, {});
    assert.deepEqual(texts(reply), ['a: a', 'b: b']);
    assert.deepEqual(reply.cluster, ['a', 'b']);
    assert.deepEqual(
      network.orders.map(({ peerId }) => peerId),
      ['b', 'a'],
    );
  });

  test('for all nodes takes back what it handed out when the client goes', async () => {
    const network = scriptedNetwork({ a: { work: silent }, b: { answer: () => null } });
    const client = new AbortController();
    const reply = execute(scriptedHead(network, { rollCallMs: 60_000 }), {}, { signal: client.signal });
    void until(() => network.orders.length === 1).then(() => client.abort(new Error('gone')));
    await assert.rejects(reply, { message: 'gone' });
    assert.deepEqual(network.aborted, ['a']);
  });

  test('whose subscribers all leave goes on until one comes that can', async () => {
    let here: readonly string[] = ['gone'];
    const network = scriptedNetwork(
      {
        gone: { answer: () => null, leavesAfterMs: 0 },
        late: { answer: () => (here.includes('late') ? {} : null) },
      },
      () => here,
    );
    const reply = execute(scriptedHead(network, { rollCallMs: 60_000 }), {});
    setImmediate(() => {
      here = ['late'];
    });
    assert.deepEqual(texts(await reply), ['late: late']);
  });

  test('takes the window that the request says, in seconds', async () => {
    const network = scriptedNetwork({ a: { answer: () => null } });
    const head = scriptedHead(network, { rollCallMs: 60_000 });
    await assert.rejects(execute(head, { timeout: 1 }), { code: 'ERR_NOT_ENOUGH_NODES', message: /within 1000 ms/ });
  });

  test('of fewer nodes than asked for is answered 408 with what was said, even if some can', async () => {
    const network = scriptedNetwork({ a: {}, b: { answer: () => ({ code: '503' }) }, c: { answer: () => null } });
    await assert.rejects(execute(scriptedHead(network), { number_of_nodes: 2 }), {
      code: 'ERR_NOT_ENOUGH_NODES',
      message:
        '2 nodes were asked for, and within 300 ms 1 of the 3 known of topic allora-topic-1-worker said that they can, ' +
        '1 that they have no room (code 503); retry later, or start workers of that topic, or ask for fewer, or raise timeout',
    });
    assert.deepEqual(network.orders, []);
  });

  test('on a topic without workers says so, and where to find one with some', async () => {
    await assert.rejects(execute(scriptedHead(scriptedNetwork({})), {}), {
      code: 'ERR_NOT_ENOUGH_NODES',
      message:
        'no worker of topic allora-topic-1-worker is connected with this head; start one (work.topics), or name a topic ' +
        'that has some: GET /api/v1/peers tells which',
    });
  });

  test('whose workers cannot fetch the function says so, and does not speak of other remedies', async () => {
    const network = scriptedNetwork({ a: { answer: () => ({ code: '500' }) }, b: { answer: () => ({ code: '404' }) } });
    await assert.rejects(execute(scriptedHead(network, { rollCallMs: 1_500 }), {}), {
      message:
        'any number of nodes was asked for, and within 1500 ms 0 of the 2 known of topic allora-topic-1-worker said that they ' +
        'can, 1 that they cannot fetch the function (code 500), 1 that they do not have the function yet (code 404); see that ' +
        'a worker has the function: its log says why it cannot fetch it',
    });
  });

  test('takes one answer of a peer, and none of others, of another request or of another function', async () => {
    const other = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
    const network = scriptedNetwork({
      twice: { answer: () => [{}, {}] },
      stale: { answer: () => ({ requestId: 'of-another-request' }) },
      wrong: { answer: () => ({ functionId: other }) },
    });
    const head = scriptedHead(network);
    await assert.rejects(execute(head, { number_of_nodes: 2 }), { message: /1 of the 3 known/ });
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['twice: twice']);
  });

  test('listens only to the workers that the operator allows, and waits for no other', async () => {
    const network = scriptedNetwork({ a: {}, b: {}, c: { answer: () => null } });
    const head = scriptedHead(network, { workers: ['b'], rollCallMs: 60_000 });
    assert.deepEqual(texts(await execute(head, {})), ['b: b']);
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['b: b']);
  });

  test('for one node does not wait for others when the first one is idle', async () => {
    const network = scriptedNetwork({ a: {}, b: { answer: () => null } });
    const head = scriptedHead(network, { rollCallMs: 60_000 });
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['a: a']);
  });

  test('takes the least loaded, and those that do not say as in the middle', async () => {
    const network = scriptedNetwork({
      busy: { answer: () => ({ load: 0.9 }) },
      unknown: { answer: () => ({ load: null }), answerMs: 2 },
      free: { answer: () => ({ load: 0.3 }), answerMs: 4 },
    });
    const head = scriptedHead(network);
    const first = await execute(head, { number_of_nodes: 1 });
    // The first answers were those of busy workers; a worker that does not say is taken at once.
    assert.notDeepEqual(first.cluster, ['busy']);
    assert.deepEqual((await execute(head, { number_of_nodes: 2 })).cluster.includes('busy'), false);
  });

  test('spreads requests at once over workers of the same load', async () => {
    const all = Promise.withResolvers<{ outcome: PeerResult['outcome'] }>();
    const slow = {
      work() {
        if (network.orders.length === 200) all.resolve({ outcome: printed('done') });
        return all.promise;
      },
    };
    const network: ScriptedNetwork = scriptedNetwork({ a: slow, b: slow, c: slow, d: slow });
    const head = scriptedHead(network, { rollCallMs: 60_000, executionMs: 60_000 });
    await Promise.all(Array.from({ length: 200 }, () => execute(head, { number_of_nodes: 1 })));
    for (const worker of ['a', 'b', 'c', 'd']) {
      const got = network.orders.filter(({ peerId }) => peerId === worker).length;
      assert.ok(got > 20, `${worker} got ${got} of 200`);
    }
  });

  test('is repeated while none can, so that a function is installed meanwhile', async () => {
    const network = scriptedNetwork({ a: { answer: (_call, times) => ({ code: times < 3 ? '404' : '202' }) } });
    const reply = await execute(scriptedHead(network, { rollCallMs: 60_000 }), {}, { requestId: 'id' });
    assert.deepEqual(texts(reply), ['a: a']);
    assert.equal(network.calls.length, 3);
    assert.equal(new Set(network.calls.map(({ requestId }) => requestId)).size, 3);
    assert.equal(network.orders[0]?.order.requestId, 'id');
  });

  test('is repeated while some are silent, so that one that is installing the function is heard', async () => {
    const network = scriptedNetwork({
      a: { answer: (_call, times) => ({ code: times < 3 ? '404' : '202' }) },
      b: { answer: () => null },
    });
    const head = scriptedHead(network, { rollCallMs: 60_000 });
    assert.deepEqual(texts(await execute(head, { number_of_nodes: 1 })), ['a: a']);
    assert.equal(network.calls.length, 3);
  });

  test('is not repeated to find one who steps in', async () => {
    const network = scriptedNetwork({
      full: { work: () => ({ code: '503', message: 'full' }) },
      silent: { answer: () => null },
      lacking: { answer: () => ({ code: '404' }) },
    });
    const reply = execute(scriptedHead(network, { rollCallMs: 600 }), { number_of_nodes: 1 });
    await assert.rejects(reply, { code: 'ERR_BUSY' });
    assert.equal(network.calls.length, 1);
  });

  test('is repeated while nobody is there, so that a worker that starts late hears it', async () => {
    let here: readonly string[] = [];
    const network = scriptedNetwork({ a: { answer: () => (here.length === 0 ? null : {}) } }, () => here);
    const reply = execute(scriptedHead(network, { rollCallMs: 60_000 }), { number_of_nodes: 1 });
    here = ['a'];
    assert.deepEqual(texts(await reply), ['a: a']);
  });

  test('that cannot be published says why', async () => {
    const network = { ...scriptedNetwork({}), rollCall: () => Promise.reject(new Error('no gossip')) };
    await assert.rejects(execute(scriptedHead(network), {}), { message: 'no gossip' });
  });

  test('ends when the client goes', async () => {
    const network = scriptedNetwork({ a: { answer: () => null } });
    const client = new AbortController();
    const reply = execute(scriptedHead(network, { rollCallMs: 60_000 }), {}, { signal: client.signal });
    client.abort(new Error('gone'));
    await assert.rejects(reply, { message: 'gone' });
    await assert.rejects(execute(scriptedHead(network), {}, { signal: client.signal }), { message: 'gone' });
  });

  test('is not made for what is no CID, and is for the hash of a URL', async () => {
    const network = scriptedNetwork({ a: {} });
    const head = scriptedHead(network);
    const signal = new AbortController().signal;
    const run = (function_id: string) => head.execute(requestOf({ function_id }), { requestId: 'id', signal });
    for (const id of ['', 'x', '../../etc', 'F'.repeat(64)]) await assert.rejects(run(id), { code: 'ERR_INVALID_CID' });
    const long = head.execute(requestOf({ topic: 't'.repeat(257) }), { requestId: 'id', signal });
    await assert.rejects(long, { code: 'ERR_INVALID_REQUEST', message: /^topic has 257 characters/ });
    const method = 'x'.repeat(100_000);
    await assert.rejects(head.execute(requestOf({ method }), { requestId: 'id', signal }), {
      code: 'ERR_INVALID_REQUEST',
      message: /^method has 100000 characters; at most 1024/,
    });
    const attributes = { values: Array.from({ length: 5_000 }, (_, i) => ({ name: `name-${i}`, value: 'x' })) };
    await assert.rejects(execute(head, { attributes }), {
      code: 'ERR_INVALID_REQUEST',
      message: /^config.attributes has \d+ characters; at most 65536/,
    });
    assert.equal(network.calls.length, 0);
    assert.equal((await run('0'.repeat(64))).code, '200');
  });
});

suite('answers of our own nodes', () => {
  const lasting = { answer: () => ({ lasting: true }) };

  test('hold for a while, so that requests need no roll call', async () => {
    const network = scriptedNetwork({ a: lasting, b: lasting });
    const head = scriptedHead(network, { keepMs: 60_000 });
    for (let i = 0; i < 5; i++) assert.equal((await execute(head, {})).results.length, 2);
    for (let i = 0; i < 5; i++) assert.equal((await execute(head, { number_of_nodes: 1 })).results.length, 1);
    assert.equal(network.calls.length, 1);
  });

  test('hold only for the same topic, function and attributes', async () => {
    const network = scriptedNetwork({ a: lasting });
    const head = scriptedHead(network, { keepMs: 60_000 });
    const signal = new AbortController().signal;
    for (const topic of ['1', '2', '1/reputer', '1']) {
      await head.execute(requestOf({ topic }), { requestId: topic, signal });
    }
    await execute(head, { attributes: { values: [] } });
    assert.equal(network.calls.length, 4);
  });

  test('do not stand for workers that did not say so', async () => {
    const network = scriptedNetwork({ a: lasting, b: {} });
    const head = scriptedHead(network, { keepMs: 60_000 });
    await execute(head, {});
    assert.deepEqual(texts(await execute(head, {})), ['a: a', 'b: b']);
    assert.equal(network.calls.length, 2);
    assert.equal((await execute(head, { number_of_nodes: 1 })).cluster.length, 1);
    assert.equal(network.calls.length, 2);
  });

  test('end with their time, and are asked for anew before it while they are used', async () => {
    const network = scriptedNetwork({ a: lasting });
    const head = scriptedHead(network, { keepMs: 80 });
    await execute(head, {});
    await setTimeout(100);
    await execute(head, {});
    assert.equal(network.calls.length, 2);
    await setTimeout(60);
    await execute(head, {});
    await setTimeout(30);
    await execute(head, {});
    assert.ok(network.calls.length >= 3);
  });

  test('stand for all nodes only as long as the oldest of them holds', async () => {
    const slow = { answer: () => ({ lasting: true }), answerMs: 400 };
    const network = scriptedNetwork({ a: lasting, b: slow });
    const head = scriptedHead(network, { keepMs: 300, rollCallMs: 60_000 });
    for (let i = 0; i < 2; i++) assert.deepEqual(texts(await execute(head, {})), ['a: a', 'b: b']);
  });

  test('of a worker that refuses hold no longer', async () => {
    let isFull = false;
    const full = (): { code: string; outcome?: null } => ({ code: '503', message: 'full' }) as never;
    const network = scriptedNetwork({
      a: {
        answer: () => ({ lasting: true, code: isFull ? '503' : '202' }),
        work: () => (isFull ? full() : { outcome: null, code: '204' }),
      },
    });
    const head = scriptedHead(network, { keepMs: 60_000 });
    await execute(head, {});
    isFull = true;
    await assert.rejects(execute(head, {}), { code: 'ERR_BUSY' });
    await assert.rejects(execute(head, {}), { code: 'ERR_NOT_ENOUGH_NODES' });
  });
});
