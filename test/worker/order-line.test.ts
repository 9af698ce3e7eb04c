import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createOrderLine, type OrderLine, type Place } from '../../runtime/worker/order-line.ts';
import { HEAD, NEVER, OTHER_HEAD } from './support.ts';

interface Entered {
  readonly place: Promise<Place>;
  /** `waiting`, `running`, or the code it was refused with. */
  state: string;
}

function enter(line: OrderLine, head: string, bytes = 1, signal = NEVER): Entered {
  const place = line.enter(head, bytes, signal);
  const entered: Entered = { place, state: 'waiting' };
  place.then(
    () => {
      entered.state = 'running';
    },
    (error: { code: string }) => {
      entered.state = error.code;
    },
  );
  return entered;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite('the line of orders', () => {
  test('one head with a thousand orders does not hold up the first of another', async () => {
    const line = createOrderLine({ places: 2, queue: 1_000, heldBytes: 1e9 });
    const flood = Array.from({ length: 1_000 }, () => enter(line, HEAD));
    const other = enter(line, OTHER_HEAD);
    await settled();
    assert.equal(other.state, 'waiting');
    (await flood[0]?.place)?.();
    await settled();
    assert.equal(other.state, 'running', 'the first place that was free is its own');
    assert.equal(flood.filter(({ state }) => state === 'running').length, 2);
  });

  test('a head that filled the line gives up places to another, its youngest orders first', async () => {
    const line = createOrderLine({ places: 1, queue: 4, heldBytes: 1e9 });
    const flood = Array.from({ length: 5 }, () => enter(line, HEAD));
    assert.equal(line.takes(HEAD), false);
    assert.equal(line.takes(OTHER_HEAD), true);
    const one = enter(line, HEAD);
    const others = Array.from({ length: 4 }, () => enter(line, OTHER_HEAD));
    await settled();
    assert.equal(one.state, 'ERR_BUSY');
    assert.deepEqual(
      flood.map(({ state }) => state),
      ['running', 'waiting', 'waiting', 'ERR_BUSY', 'ERR_BUSY'],
    );
    assert.deepEqual(
      others.map(({ state }) => state),
      ['waiting', 'waiting', 'ERR_BUSY', 'ERR_BUSY'],
    );
    assert.equal(line.load, 5);
  });

  test('an order whose head goes leaves the line, and nothing is left of any', async () => {
    const line = createOrderLine({ places: 1, queue: 2, heldBytes: 1e9 });
    const gone = new AbortController();
    const [first, second, third] = [enter(line, HEAD), enter(line, HEAD, 1, gone.signal), enter(line, HEAD)];
    gone.abort();
    await settled();
    assert.deepEqual([second.state, third.state, line.load], ['ERR_CANCELLED', 'waiting', 2]);
    (await first.place)();
    (await third.place)();
    assert.equal(line.load, 0);
    assert.equal(enter(line, HEAD, 1, gone.signal).state, 'waiting');
    await settled();
    assert.equal(line.load, 0);
  });

  test('without a queue an order runs now or is refused', async () => {
    const line = createOrderLine({ places: 1, queue: 0, heldBytes: 1e9 });
    const first = enter(line, HEAD);
    const second = enter(line, OTHER_HEAD);
    await settled();
    assert.deepEqual([first.state, second.state, line.takes(OTHER_HEAD)], ['running', 'ERR_BUSY', false]);
    (await first.place)();
    assert.equal(line.takes(OTHER_HEAD), true);
  });

  test('requests hold so many bytes at most, those of one head half of them, and one alone is always taken', async () => {
    const line = createOrderLine({ places: 10, queue: 10, heldBytes: 100 });
    const large = enter(line, HEAD, 1_000);
    await settled();
    assert.equal(large.state, 'running');
    const beside = enter(line, OTHER_HEAD, 1);
    await settled();
    assert.equal(beside.state, 'ERR_BUSY');
    (await large.place)();
    const [a, b, c] = [enter(line, HEAD, 50), enter(line, HEAD, 1), enter(line, OTHER_HEAD, 50)];
    await settled();
    assert.deepEqual([a.state, b.state, c.state], ['running', 'ERR_BUSY', 'running']);
  });
});
