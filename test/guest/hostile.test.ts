import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;

before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

const run = async (name: string, options: GuestOptions = {}): Promise<GuestResult> =>
  runIn(runtime, await guest(name), options);

describe('what a guest makes its host keep', () => {
  test('guests that print byte by byte do not fill the heap of their thread', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => run('print-byte-by-byte')));
    for (const { cause, stdout, stderr } of results) {
      assert.equal(cause, 'exited');
      assert.ok(stdout === 'x'.repeat(1_048_576) && stderr === stdout);
    }
  });

  test('a wait for more than 1 024 things is refused', async () => {
    assert.equal((await run('poll-thousands')).exitCode, 28);
  });

  test('options of http_req that are far too long are refused unread', async () => {
    assert.equal((await run('long-options')).exitCode, 5);
  });

  test('a line in the log is short, whatever the guest puts into it', async () => {
    assert.equal((await run('log-long-names')).exitCode, 15);
    const lines = runtime.logLines.filter((line) => line.includes('aaaa'));
    assert.equal(lines.length, 1);
    assert.ok(lines.every((line) => line.length < 1_500));
  });
});

test('a guest whose sleep and deadline end in one turn is not blamed once it is over', async () => {
  const prepare = async (name: string) => runtime.store.prepareFile(await guest(name), `${name}.wasm`);
  const [sleep, nap, busy] = await Promise.all([prepare('sleep'), prepare('nap'), prepare('busy')]);
  const neighbour = runPrepared(runtime, sleep, { limits: { deadlineMs: 1_000 } });
  const late = runPrepared(runtime, nap, { limits: { deadlineMs: 55 } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([late, runPrepared(runtime, busy)]);
  assert.equal((await neighbour).cause, 'deadline');
});
