import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createLoads, type Loads } from '../../runtime/head/loads.ts';
import { execute, lost, printed, type Script, scriptedHead, scriptedNetwork, silent } from './scripted-network.ts';

const MINUTE = 60_000;

/** Loads whose clock the test moves. */
function clocked(): { readonly loads: Loads; pass(ms: number): void } {
  let time = 0;
  return {
    loads: createLoads({ now: () => time }),
    pass(ms) {
      time += ms;
    },
  };
}

/** Whether it comes before an honest worker of that load, though it says that it has nothing to do. */
const isPreferred = (loads: Loads, load: number): boolean =>
  loads.rank([
    ['honest', load],
    ['liar', 0],
  ])[0] === 'liar';

suite('what a head thinks of the load of workers', () => {
  test('counts the orders it gave, whatever the worker says', () => {
    const { loads } = clocked();
    assert.ok(isPreferred(loads, 0.2));
    const orders = Array.from({ length: 32 }, () => loads.begin('liar'));
    assert.ok(!isPreferred(loads, 0.2));
    assert.ok(isPreferred(loads, 0.6));
    for (const order of orders) order.end();
    assert.ok(isPreferred(loads, 0.2));
  });

  test('holds a broken word against a worker for a while, longer each time, and never for ever', () => {
    const { loads, pass } = clocked();
    const breaks = (): void => {
      pass(1);
      const order = loads.begin('liar');
      pass(1);
      order.broken();
      order.end();
    };
    breaks();
    assert.ok(!loads.isIdle('liar', 0));
    assert.ok(!isPreferred(loads, 0.4));
    pass(MINUTE);
    assert.ok(isPreferred(loads, 0.4));
    assert.ok(!isPreferred(loads, 0));
    pass(2 * MINUTE);
    assert.ok(loads.isIdle('liar', 0));
    for (let i = 0; i < 20; i++) breaks();
    pass(MINUTE);
    assert.ok(!isPreferred(loads, 0.9));
    pass(5 * MINUTE);
    // As if nothing had been: 200 draws would not all go to the other.
    const first = new Set(Array.from({ length: 200 }, () => isPreferred(loads, 0)));
    assert.equal(first.size, 2);
  });

  test('takes what many orders at once meet for one broken word, and forgives with each that is kept', () => {
    const { loads, pass } = clocked();
    const orders = Array.from({ length: 50 }, () => loads.begin('liar'));
    pass(1);
    for (const order of orders) {
      order.broken();
      order.end();
    }
    assert.ok(!isPreferred(loads, 0.4));
    assert.ok(isPreferred(loads, 0.6));
    const order = loads.begin('liar');
    order.end();
    for (let i = 0; i < 3; i++) order.kept();
    assert.ok(isPreferred(loads, 0.1));
  });
});

suite('a worker that says it is idle', () => {
  const load = (value: number) => ({ answer: () => ({ load: value }) });

  /** Asks 20 times. @returns how many of those orders the liar got */
  async function ordersOf(liar: Script, number_of_nodes = 1): Promise<number> {
    const network = scriptedNetwork({
      liar: { ...load(0), ...liar },
      ...Object.fromEntries(['a', 'b', 'c'].map((id) => [id, { ...load(0.2), answerMs: 1 }])),
    });
    const head = scriptedHead(network, { rollCallMs: 60_000, executionMs: 50 });
    for (let i = 0; i < 20; i++) await execute(head, { number_of_nodes });
    return network.orders.filter(({ peerId }) => peerId === 'liar').length;
  }

  test('and then refuses what others do, loses its advantage', async () => {
    for (const code of ['503', '404']) assert.equal(await ordersOf({ work: () => ({ code, message: 'no' }) }), 1);
    assert.equal(await ordersOf({ work: () => ({ code: '400', message: 'no' }) }, 2), 1);
  });

  test('and then never answers, loses its advantage', async () => {
    assert.equal(await ordersOf({ work: silent }), 1);
  });

  test('and then goes away with its order, loses its advantage', async () => {
    assert.equal(await ordersOf({ work: lost }), 1);
  });

  test('and is, keeps it', async () => {
    assert.equal(await ordersOf({ work: () => ({ outcome: printed('done') }) }), 20);
  });

  test('is not blamed for a request that nobody does, nor one whose client went', async () => {
    let work: Script['work'] = () => ({ code: '400', message: 'no' });
    const script: Script = { ...load(0.2), work: (order, signal) => work?.(order, signal) ?? {} };
    const network = scriptedNetwork({ a: script, b: { ...script, answerMs: 5 } });
    const head = scriptedHead(network, { rollCallMs: 60_000, executionMs: 60_000 });
    await assert.rejects(execute(head, { number_of_nodes: 2 }), { code: 'ERR_INVALID_REQUEST' });
    await assert.rejects(execute(head, { number_of_nodes: 1 }), { code: 'ERR_INVALID_REQUEST' });
    work = silent;
    const client = new AbortController();
    const left = execute(head, { number_of_nodes: 1 }, { signal: client.signal });
    while (network.orders.length < 4) await setTimeout(1);
    client.abort(new Error('gone'));
    await assert.rejects(left, { message: 'gone' });
    work = () => ({ outcome: printed('done') });
    // It is idle still: nobody else is waited for.
    assert.deepEqual((await execute(head, { number_of_nodes: 1 })).cluster, ['a']);
  });

  test('serves alone, though its word was broken', async () => {
    let times = 0;
    const network = scriptedNetwork({
      only: { work: (order, signal) => (++times === 1 ? silent(order, signal) : { outcome: printed('done') }) },
    });
    const head = scriptedHead(network, { rollCallMs: 60_000, executionMs: 50 });
    assert.equal((await execute(head, { number_of_nodes: 1 })).code, '204');
    assert.equal((await execute(head, { number_of_nodes: 1 })).code, '200');
  });
});
