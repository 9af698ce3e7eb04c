import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serve } from '../guest/outbound/loopback.ts';
import { ENDLESS_SLICES, openSandbox, type TestSandbox } from '../support/open-sandbox.ts';

/** Fuel that `spin-slowly` needs that long for, about: machines differ, and so do moments. */
async function fuelFor({ run }: TestSandbox, ms: number): Promise<number> {
  const fuel = 10_000_000;
  const began = performance.now();
  await run('spin-slowly', { limits: { fuel, deadlineMs: 100_000 } });
  return Math.round((fuel * ms) / (performance.now() - began));
}

const SHORT = { limits: { deadlineMs: 100 } };

test('a guest that holds the CPU ends with deadline, and those that had not started run elsewhere', async (t) => {
  const { run } = await openSandbox(t, ['spin-slowly', 'exit-three'], ENDLESS_SLICES);
  await run('exit-three');
  const spinning = run('spin-slowly', SHORT);
  const waiting = await Promise.all(Array.from({ length: 5 }, () => run('exit-three')));
  const spun = await spinning;
  assert.deepEqual([spun.cause, spun.exitCode], ['deadline', 15]);
  for (const result of waiting) assert.deepEqual([result.cause, result.exitCode], ['exited', 3]);
});

test('nor does it let an execution start that its caller gave up meanwhile', async (t) => {
  const { run } = await openSandbox(t, ['spin-slowly', 'sleep'], ENDLESS_SLICES);
  const caller = new AbortController();
  const spinning = run('spin-slowly', { limits: { deadlineMs: 200 } });
  const waiting = run('sleep', { limits: { deadlineMs: 2_000 }, signal: caller.signal });
  setTimeout(() => caller.abort(), 50);
  assert.equal((await spinning).cause, 'deadline');
  const { cause, usage } = await waiting;
  assert.deepEqual([cause, usage.hostCalls], ['cancelled', 0]);
});

describe('neighbours of a guest whose thread was ended', () => {
  test('that did nothing outside are run again, unnoticed', async (t) => {
    const { run } = await openSandbox(t, ['spin-slowly', 'half-second', 'nap'], ENDLESS_SLICES);
    const neighbours = Array.from({ length: 3 }, () => run('half-second'));
    await run('nap');
    const spun = await run('spin-slowly', SHORT);
    assert.equal(spun.cause, 'deadline');
    for (const { cause, usage } of await Promise.all(neighbours)) {
      assert.deepEqual([cause, usage.hostCalls], ['exited', 1]);
    }
  });

  test('that called out end with interrupted, and nothing is asked twice', async (t) => {
    let requests = 0;
    const { origin } = await serve(t, (_request, response) => {
      requests++;
      response.end('x');
    });
    const { run } = await openSandbox(t, ['spin-slowly', 'ask-then-sleep', 'nap'], {
      ...ENDLESS_SLICES,
      upstreams: { model: { url: origin, headers: {}, timeoutMs: 10_000 } },
    });
    const neighbour = run('ask-then-sleep');
    while (requests === 0) await run('nap');
    await run('nap');
    assert.equal((await run('spin-slowly', SHORT)).cause, 'deadline');
    const { cause, exitCode, message } = await neighbour;
    assert.deepEqual([cause, exitCode], ['interrupted', 12]);
    assert.match(message, /again/);
    assert.equal(requests, 1);
  });

  test('are run again once only', async (t) => {
    const { run } = await openSandbox(t, ['spin-slowly', 'sleep', 'nap'], ENDLESS_SLICES);
    const neighbour = run('sleep');
    await run('nap');
    assert.equal((await run('spin-slowly', SHORT)).cause, 'deadline');
    await run('nap');
    assert.equal((await run('spin-slowly', SHORT)).cause, 'deadline');
    assert.equal((await neighbour).cause, 'interrupted');
  });

  test('are not run again once their caller went away', async (t) => {
    const { run } = await openSandbox(t, ['spin-slowly', 'sleep', 'nap'], ENDLESS_SLICES);
    const caller = new AbortController();
    const neighbour = run('sleep', { signal: caller.signal });
    await run('nap');
    const spinning = run('spin-slowly', SHORT);
    setTimeout(() => caller.abort(), 50);
    assert.equal((await spinning).cause, 'deadline');
    assert.equal((await neighbour).cause, 'cancelled');
  });
});

test('while a guest holds up the only thread, another one is brought, and its executions are not waited for', async (t) => {
  const sandbox = await openSandbox(t, ['spin-slowly', 'exit-three'], ENDLESS_SLICES);
  const { run } = sandbox;
  let spinning = true;
  // A slice of it takes seconds, and gives the thread back before the deadline.
  const fuel = await fuelFor(sandbox, 4_000);
  const spinner = run('spin-slowly', { limits: { fuel, deadlineMs: 100_000 } }).finally(() => {
    spinning = false;
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal((await run('exit-three')).exitCode, 3);
  assert.ok(spinning);
  assert.equal((await spinner).cause, 'fuel');
  for (let round = 0; round < 5; round++) assert.equal((await run('exit-three')).exitCode, 3);
});

test('a function that holds up threads twice is quarantined, by its hash, and no other', async (t) => {
  const { run, log } = await openSandbox(t, ['spin-slowly', 'exit-three'], ENDLESS_SLICES);
  assert.equal((await run('spin-slowly', SHORT)).cause, 'deadline');
  const second = run('spin-slowly', SHORT);
  const behind = run('spin-slowly', SHORT);
  assert.equal((await second).cause, 'deadline');
  const refused = { code: 'ERR_QUARANTINED', message: /held a sandbox thread past its deadline/ };
  await assert.rejects(behind, refused);
  await assert.rejects(run('spin-slowly', SHORT), refused);
  assert.equal((await run('exit-three')).exitCode, 3);
  assert.equal(log.filter((line) => line.includes('is not run until')).length, 1);
});

test('stalls that pass do not use up the threads: each brings another one, which is ended again', async (t) => {
  const sandbox = await openSandbox(t, ['spin-slowly', 'exit-three'], ENDLESS_SLICES);
  const { run, log } = sandbox;
  const fuel = await fuelFor(sandbox, 600);
  for (let round = 0; round < 4; round++) {
    assert.equal((await run('spin-slowly', { limits: { fuel, deadlineMs: 100_000 } })).cause, 'fuel');
    assert.equal((await run('exit-three')).exitCode, 3);
  }
  assert.equal((await run('spin-slowly', SHORT)).cause, 'deadline');
  assert.equal((await run('exit-three')).exitCode, 3);
  assert.deepEqual(log, []);
});
