import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { collectAfterBursts } from '../../runtime/p2p/collect-after-bursts.ts';

const QUIET_MS = 20;

/** Peers that connect with a host, and what is done about memory then: 'collect', or 'return'. */
function watched(t: TestContext, busyness: number) {
  const [host, memory] = [new EventTarget(), new EventTarget()];
  const done: string[] = [];
  const note = (what: string) => (): void => {
    done.push(what);
    memory.dispatchEvent(new Event('done'));
  };
  const stop = collectAfterBursts(
    {
      host: host as unknown as Parameters<typeof collectAfterBursts>[0]['host'],
      memory: { collectGarbage: note('collect'), returnMemory: note('return') },
    },
    { quietMs: QUIET_MS, busyness: () => busyness },
  );
  t.after(stop);
  // The clock that is watched keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  const connect = (peers: number): void => {
    for (let at = 0; at < peers; at++) host.dispatchEvent(new Event('peer:connect'));
  };
  return { done, connect, stop, next: () => once(memory, 'done') };
}

test('a thread with little to do gives memory back once many peers have come and no more do', async (t) => {
  const { done, connect, next } = watched(t, 0.1);
  for (let burst = 1; burst <= 2; burst++) {
    const over = next();
    connect(64);
    await over;
    assert.equal(done.length, burst);
  }
  assert.deepEqual(done, ['return', 'return']);
});

test('a busy thread only has its garbage collected', async (t) => {
  const { done, connect, next } = watched(t, 0.9);
  const over = next();
  connect(1_000);
  await over;
  assert.deepEqual(done, ['collect']);
});

test('few peers are no reason, and nothing is done after the end', async (t) => {
  const [few, stopped, many] = [watched(t, 0), watched(t, 0), watched(t, 0)];
  few.connect(63);
  stopped.connect(1_000);
  stopped.stop();
  // Its time is over after theirs.
  const over = many.next();
  many.connect(64);
  await over;
  assert.deepEqual([few.done, stopped.done, many.done], [[], [], ['return']]);
});
