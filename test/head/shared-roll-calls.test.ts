import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { RollCall, RollCallAnswer, WorkerNetwork } from '../../runtime/core/work.ts';
import { shareRollCalls } from '../../runtime/head/shared-roll-calls.ts';
import { execute, FUNCTION, scriptedHead, scriptedNetwork } from './scripted-network.ts';

interface Published {
  readonly call: RollCall;
  readonly signal: AbortSignal;
  answer(peerId: string, more?: Partial<RollCallAnswer>): void;
  leave(peerId: string): void;
}

/** Workers that answer when the test says so. */
function network(subscribers: readonly string[]): { asking: Pick<WorkerNetwork, 'rollCall'>; published: Published[] } {
  const published: Published[] = [];
  const asking: Pick<WorkerNetwork, 'rollCall'> = {
    async rollCall(call, onAnswer, signal, leave = () => {}) {
      const { requestId, functionId } = call;
      const answer = (peerId: string, more = {}): void =>
        onAnswer({ peerId, requestId, functionId, code: '202', load: 0, lasting: false, ...more });
      published.push({ call, signal, answer, leave });
      return subscribers;
    },
  };
  return { asking, published };
}

function roll(requestId: string, more: Partial<RollCall> = {}): RollCall {
  const topic = 'allora-topic-1-worker';
  return { requestId, functionId: FUNCTION, method: 'x.wasm', topic, consensus: 0, attributes: null, ...more };
}

/** One that asks. */
function ask(shared: Pick<WorkerNetwork, 'rollCall'>, call: RollCall) {
  const heard: string[] = [];
  const gone = new AbortController();
  const known = shared.rollCall(
    call,
    ({ requestId, peerId }) => heard.push(`${requestId} ${peerId}`),
    gone.signal,
    (peerId) => heard.push(`${peerId} left`),
  );
  return { heard, gone, known };
}

suite('requests that come together', () => {
  test('ask together once those before them are answered, and are told under their own ids', async () => {
    const { asking, published } = network(['a', 'b']);
    const shared = shareRollCalls(asking);
    const first = ask(shared, roll('1'));
    const [second, third] = [ask(shared, roll('2')), ask(shared, roll('3'))];
    assert.deepEqual(await first.known, ['a', 'b']);
    published[0]?.answer('a');
    // A single one is told at once.
    assert.deepEqual(first.heard, ['1 a']);
    assert.deepEqual([second.heard, third.heard], [[], []]);
    published[0]?.answer('b');
    assert.deepEqual(await Promise.all([second.known, third.known]), [
      ['a', 'b'],
      ['a', 'b'],
    ]);
    assert.deepEqual(
      published.map(({ call }) => call.requestId),
      ['1', '2'],
    );
    published[1]?.answer('b', { requestId: 'of another' });
    published[1]?.answer('a');
    published[1]?.answer('b');
    assert.deepEqual(first.heard, ['1 a', '1 b']);
    // Each hears of another one first.
    assert.deepEqual(second.heard, ['2 a', '2 b']);
    assert.deepEqual(third.heard, ['3 b', '3 a']);
  });

  test('wait a moment only for a worker that is silent, and are told of it when it speaks', async () => {
    const { asking, published } = network(['a', 'silent']);
    const shared = shareRollCalls(asking);
    const [first, second, third] = ['1', '2', '3'].map((id) => ask(shared, roll(id)));
    await first?.known;
    published[0]?.answer('a');
    await Promise.all([second?.known, third?.known]);
    assert.equal(published.length, 2);
    published[1]?.answer('a');
    // Nobody else asks before the moment is over.
    await ask(shared, roll('4')).known;
    published[0]?.answer('silent');
    published[1]?.answer('silent');
    assert.deepEqual(first?.heard, ['1 a', '1 silent']);
    while ((second?.heard.length ?? 0) + (third?.heard.length ?? 0) < 4) await setTimeout(1);
    assert.deepEqual(second?.heard.toSorted(), ['2 a', '2 silent']);
    assert.deepEqual(third?.heard.toSorted(), ['3 a', '3 silent']);
  });

  test('are each told of another worker first, though all are slow to answer', async () => {
    const { asking, published } = network(['a', 'b', 'c']);
    const shared = shareRollCalls(asking);
    const [first, ...together] = ['1', '2', '3', '4'].map((id) => ask(shared, roll(id)));
    for (const worker of ['a', 'b', 'c']) published[0]?.answer(worker);
    await Promise.all([first, ...together].map((one) => one?.known));
    // The next one may ask as soon as the moment is over.
    while (published.length < 3) {
      await Promise.race([ask(shared, roll('next')).known, setTimeout(1)]);
    }
    for (const worker of ['a', 'b', 'c']) published[1]?.answer(worker);
    assert.deepEqual(together.map(({ heard }) => heard.map((told) => told.slice(2))).toSorted(), [['a'], ['b'], ['c']]);
    while (together.some(({ heard }) => heard.length < 3)) await setTimeout(1);
    for (const { heard } of together) assert.equal(new Set(heard).size, 3);
  });

  test('are all told of a worker that leaves, and hold up no others for it', async () => {
    const { asking, published } = network(['a', 'b', 'c']);
    const shared = shareRollCalls(asking);
    const [first, second, third, fourth] = ['1', '2', '3', '4'].map((id) => ask(shared, roll(id)));
    await first?.known;
    for (const peerId of ['a', 'b', 'c']) published[0]?.answer(peerId);
    await Promise.all([second?.known, third?.known]);
    const next = ask(shared, roll('5'));
    published[1]?.answer('a');
    published[1]?.answer('b');
    published[1]?.leave('b');
    published[1]?.leave('c');
    for (const [at, one] of [second, third, fourth].entries()) {
      assert.deepEqual(one?.heard, ['b left', 'c left', `${at + 2} a`]);
    }
    await next.known;
    assert.deepEqual(published[2]?.call.requestId, '5');
  });

  test('of another function, topic, method or with other attributes ask for themselves, as does a consensus', async () => {
    const { asking, published } = network(['a']);
    const shared = shareRollCalls(asking);
    const attributes = { values: [{ name: 'region', value: 'eu' }] };
    const others = [
      {},
      { functionId: 'x' },
      { topic: 'x' },
      { method: 'x' },
      { attributes },
      { consensus: 2 } as const,
    ];
    await Promise.all(others.map((other, at) => ask(shared, roll(`${at}`, other)).known));
    await Promise.all(['x', 'y'].map((id) => ask(shared, roll(id, { consensus: 2 })).known));
    assert.deepEqual(
      published.map(({ call }) => call.requestId),
      ['0', '1', '2', '3', '4', '5', 'x', 'y'],
    );
  });

  test('go one by one: the roll call ends with the last, and whoever went before is not asked for', async () => {
    const { asking, published } = network(['a']);
    const shared = shareRollCalls(asking);
    const askers = ['1', '2', '3', '4'].map((id) => ask(shared, roll(id)));
    const [first, second, third, fourth] = askers;
    second?.gone.abort(new Error('gone'));
    await first?.known;
    published[0]?.answer('a');
    await assert.rejects(second?.known ?? Promise.resolve(), { message: 'gone' });
    await Promise.all([third?.known, fourth?.known]);
    assert.equal(published[1]?.call.requestId, '3');
    third?.gone.abort();
    assert.equal(published[1]?.signal.aborted, false);
    published[1]?.answer('a');
    assert.deepEqual([third?.heard, fourth?.heard], [[], ['4 a']]);
    fourth?.gone.abort();
    assert.equal(published[1]?.signal.aborted, true);
  });

  test('are all told why it cannot be published, and whoever comes next is not', async () => {
    let tries = 0;
    const { asking, published } = network(['a']);
    const shared = shareRollCalls({
      rollCall: async (...asked) => {
        if (++tries <= 2) throw new Error('no gossip');
        return await asking.rollCall(...asked);
      },
    });
    const askers = ['1', '2', '3'].map((id) => ask(shared, roll(id)));
    for (const { known } of askers) await assert.rejects(known, { message: 'no gossip' });
    await ask(shared, roll('4')).known;
    assert.equal(published.length, 1);
  });

  test('cost a head a few roll calls, and are spread over the workers', async () => {
    const workers = ['a', 'b', 'c', 'd'];
    const scripted = scriptedNetwork(Object.fromEntries(workers.map((id) => [id, {}])));
    const head = scriptedHead(scripted, { rollCallMs: 60_000, executionMs: 60_000 });
    await Promise.all(Array.from({ length: 200 }, () => execute(head, { number_of_nodes: 1 })));
    assert.equal(scripted.calls.length, 2);
    for (const worker of workers) {
      const got = scripted.orders.filter(({ peerId }) => peerId === worker).length;
      assert.ok(got >= 40, `${worker} got ${got} of 200`);
    }
  });
});
