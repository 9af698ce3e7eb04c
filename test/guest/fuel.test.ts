import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn, runPrepared } from '../support/run-guest.ts';
import { guest, wat } from '../support/wat.ts';
import { join, rawModule, u32 } from '../wasm/raw-module.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;

before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

const run = async (name: string, options: GuestOptions = {}): Promise<GuestResult> =>
  runIn(runtime, await guest(name), options);

/** A loop in a try_table whose catch_all_ref swallows everything and goes on: the newer encoding, which has no text here. */
function spinAndCatchReference(): Uint8Array {
  // loop: block (result exnref): try_table (catch_all_ref 0): loop: br 0; end; end; unreachable; end; drop; br 0; end
  const code = [
    0x03, 0x40, 0x02, 0x69, 0x1f, 0x40, 1, 3, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b, 0x00, 0x0b, 0x1a, 0x0c, 0, 0x0b,
  ];
  const body = join([0], code, [0x0b]);
  return rawModule(
    ['type', [1, 0x60, 0, 0]],
    ['function', [1, 0]],
    ['export', join([1, 6], Buffer.from('_start'), [0, 0])],
    ['code', join([1], u32(body.length), body)],
  );
}

const SPINNERS: readonly string[] = [
  'spin',
  'spin-by-recursion',
  'spin-by-tail-calls',
  'spin-on-a-ladder',
  'spin-in-start',
  'spin-and-catch',
  'spin-by-filling',
  'spin-by-throwing',
  'spin-by-host-calls',
  'refill-its-fuel',
];

describe('a guest that never ends', () => {
  const guests: readonly (readonly [name: string, bytes: () => Promise<Uint8Array>])[] = [
    ...SPINNERS.map((name) => [name, () => guest(name)] as const),
    ['spin-and-catch in the newer encoding', async () => spinAndCatchReference()],
  ];
  for (const [name, bytes] of guests) {
    test(`${name}: ends at its deadline, and a neighbour that sleeps goes on`, async () => {
      const [found, nap] = await Promise.all([
        runtime.store.prepareFile(await bytes(), 'spin.wasm'),
        runtime.store.prepareFile(await guest('nap'), 'nap.wasm'),
      ]);
      const [spun, neighbour] = await Promise.all([
        runPrepared(runtime, found, { limits: { deadlineMs: 150 } }),
        runPrepared(runtime, nap),
      ]);
      assert.deepEqual([spun.cause, spun.exitCode], ['deadline', 15]);
      assert.equal(neighbour.cause, 'exited');
      // A thread that was ended reports none.
      assert.ok(spun.usage.fuel > 0);
    });

    test(`${name}: ends when its fuel is used up`, async () => {
      const result = await runIn(runtime, await bytes(), { limits: { fuel: 3_000_000 } });
      assert.deepEqual([result.cause, result.exitCode], ['fuel', 1]);
      assert.match(result.message, /fuel of 3000000/);
    });
  }

  test('ends when its caller goes away', async () => {
    const caller = new AbortController();
    const spin = await runtime.store.prepareFile(await guest('spin-and-catch'), 'spin.wasm');
    const running = runPrepared(runtime, spin, { signal: caller.signal });
    setTimeout(() => caller.abort(), 50);
    assert.equal((await running).cause, 'cancelled');
  });

  test('lets hundreds like it, and others, have their turns', async () => {
    const spin = await runtime.store.prepareFile(await guest('spin'), 'spin.wasm');
    const quick = await runtime.store.prepareFile(await guest('exit-three'), 'quick.wasm');
    const caller = new AbortController();
    const spinning = Array.from({ length: 200 }, () => runPrepared(runtime, spin, { signal: caller.signal }));
    for (let round = 0; round < 10; round++) assert.equal((await runPrepared(runtime, quick)).exitCode, 3);
    caller.abort();
    for (const { cause } of await Promise.all(spinning)) assert.equal(cause, 'cancelled');
  });
});

const INIT = {
  ...{ threads: 1, concurrency: 100, queue: 100, upstreams: {}, memoryPages: 256, processes: false, log: () => {} },
  services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
};

describe('fuel', () => {
  async function outcomeAt(t: TestContext, sliceFuel: number | undefined, limits: Partial<Limits>): Promise<Outcome[]> {
    const sandbox = createSandbox({ ...INIT, ...(sliceFuel !== undefined && { sliceFuel }) });
    t.after(() => sandbox.close());
    const { facts, bytes } = prepareModule(await guest('count-to-a-million'));
    const entry = { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } };
    const grant = { limits: { ...DEFAULT_LIMITS, ...limits }, permissions: NO_PERMISSIONS };
    const input = { args: [], env: [], stdin: new Uint8Array(0) };
    const outcomes: Outcome[] = [];
    // The first has a fresh memory, the second a used one; those after run side by side.
    for (let index = 0; index < 2; index++) outcomes.push(await sandbox.run(entry, grant, input));
    outcomes.push(...(await Promise.all(Array.from({ length: 3 }, () => sandbox.run(entry, grant, input)))));
    return outcomes;
  }

  test('is the same wherever slices end, on fresh and used memories, alone and beside others', async (t) => {
    const used = new Set<number>();
    for (const slice of [777, 1_000_000, undefined]) {
      for (const { cause, usage } of await outcomeAt(t, slice, {})) {
        assert.equal(cause, 'exited');
        used.add(usage.fuel);
      }
    }
    assert.equal(used.size, 1, String([...used]));
    const [fuel = 0] = used;
    assert.ok(fuel > 3_000_000 && fuel < 10_000_000, String(fuel));
  });

  test('runs out at the same host call wherever slices end', async (t) => {
    const seen = new Set<string>();
    for (const slice of [777, 1_000_000, undefined]) {
      for (const { cause, usage, stdout } of await outcomeAt(t, slice, { fuel: 1_000_003 })) {
        assert.equal(cause, 'fuel');
        seen.add(`${usage.fuel} ${usage.hostCalls} ${stdout.length}`);
      }
    }
    assert.equal(seen.size, 1, [...seen].join('; '));
  });

  test('of host calls goes by the bytes they move', async () => {
    const calls = (length: number): string => `(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (drop (call $random (i32.const 0) (i32.const ${length})))))`;
    const fuel = async (length: number) => (await runIn(runtime, await wat(calls(length)))).usage.fuel;
    const [none, some, much] = [await fuel(0), await fuel(100), await fuel(10_000)];
    assert.ok(none > 100);
    assert.equal((much - none) / (some - none), 100);
  });

  test('of growing memory goes by the page', async () => {
    const grows = (pages: number): string =>
      `(module (memory 1) (func (export "_start") (drop (memory.grow (i32.const ${pages})))))`;
    const fuel = async (pages: number) => (await runIn(runtime, await wat(grows(pages)))).usage.fuel;
    assert.ok((await fuel(100)) > 10 * (await fuel(1)));
    assert.ok((await fuel(100_000)) < (await fuel(1)));
  });

  test('a stretch of code dearer than a slice is run all the same', async (t) => {
    const sandbox = createSandbox({
      ...INIT,
      sliceFuel: 1,
    });
    t.after(() => sandbox.close());
    const code = '(drop (i32.add (i32.const 1) (i32.const 2)))'.repeat(2_000);
    const { facts, bytes } = prepareModule(await wat(`(module (func (export "_start") ${code}))`));
    const entry = { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } };
    const grant = { limits: DEFAULT_LIMITS, permissions: NO_PERMISSIONS };
    const outcome = await sandbox.run(entry, grant, { args: [], env: [], stdin: new Uint8Array(0) });
    assert.equal(outcome.cause, 'exited');
    assert.ok(outcome.usage.fuel >= 8_000);
  });

  test('beside it, an execution reports its own time on the CPU', async () => {
    const result = await run('count-to-a-million', {});
    assert.equal(result.cause, 'exited');
    assert.ok(result.usage.cpuMs > 0 && result.usage.cpuMs <= result.usage.wallMs);
  });
});
