import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import { toFunctionEntry } from '../../runtime/sandbox/function-entry.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import type { StoredFunction } from '../../runtime/store/store.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { wat } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

const NEVER = new AbortController().signal;
const WASI = 'wasi_snapshot_preview1';
const WRITE = `(import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`;
const SLEEP = `(import "${WASI}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))`;
/** Prints the four bytes at 8 of the memory of whoever calls it. */
const SAY = `(func $say (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 4))
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100))))`;

interface Texts {
  readonly entry: string;
  readonly libraries: Readonly<Record<string, string>>;
}

/** Puts a package together as the bls CLI does and adds it to the store. @returns its CID */
async function addPackage({ entry, libraries }: Texts, over: object = {}, into = runtime): Promise<string> {
  const sources = [
    ['main', entry, 'entry'] as const,
    ...Object.entries(libraries).map(([n, t]) => [n, t, 'module'] as const),
  ];
  const made = await Promise.all(
    sources.map(async ([name, text, type]) => {
      const bytes = await wat(`(module ${text})`);
      return { bytes, row: { file: `${name}.wasm`, name, type, md5: createHash('md5').update(bytes).digest('hex') } };
    }),
  );
  const manifest = { version: 1, entry: '_start', modules: made.map(({ row }) => row), ...over };
  const files = [
    { path: 'manifest.json', bytes: Buffer.from(JSON.stringify(manifest)) },
    ...made.map(({ bytes, row }) => ({ path: row.file, bytes })),
  ];
  return (await into.store.add(files)).cid;
}

async function load(texts: Texts, over: object = {}): Promise<StoredFunction> {
  return runtime.store.get(await addPackage(texts, over), { method: '', signal: NEVER });
}

async function run(texts: Texts, options: GuestOptions = {}): Promise<GuestResult> {
  return runPrepared(runtime, await load(texts), options);
}

describe('modules linked by name', () => {
  test('the entry calls a library, and host calls use the memory of who calls', async () => {
    const result = await run({
      entry: `${WRITE} (import "lib" "say" (func $their_say)) (memory 1) (data (i32.const 8) "main") ${SAY}
        (func (export "_start") (call $say) (call $their_say) (call $say))`,
      libraries: { lib: `${WRITE} (memory 1) (data (i32.const 8) "lib.") ${SAY} (export "say" (func $say))` },
    });
    assert.equal(result.message, '');
    assert.equal(result.stdout, 'mainlib.main');
  });

  test("memory, table, globals and tags of a library are the entry's too", async () => {
    const result = await run({
      entry: `${WRITE}
        (import "lib" "mem" (memory 1)) (import "lib" "table" (table 3 funcref))
        (import "lib" "offset" (global $offset i32)) (import "lib" "count" (global $count (mut i32)))
        (import "lib" "oops" (tag $oops (param i32))) (import "lib" "throw" (func $throw (param i32)))
        (import "lib" "call" (func $call (param i32) (result i32)))
        (func $answer (result i32) (i32.const 42))
        (elem (i32.const 2) $answer) (data (global.get $offset) "both")
        ${SAY}
        (func (export "_start")
          (if (i32.ne (call_indirect (result i32) (i32.const 1)) (i32.const 7)) (then unreachable))
          (if (i32.ne (call $call (i32.const 2)) (i32.const 42)) (then unreachable))
          (global.set $count (i32.const 5))
          (try (do (call $throw (i32.const 9)))
            (catch $oops (if (i32.ne (i32.const 9)) (then unreachable))))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
          (if (i32.ne (call $call (i32.const 0)) (i32.const 207)) (then unreachable))
          (call $say))`,
      libraries: {
        lib: `(memory (export "mem") 1) (table (export "table") 3 funcref)
          (global (export "offset") i32 (i32.const 8)) (global $count (export "count") (mut i32) (i32.const 0))
          (tag $oops (export "oops") (param i32))
          (func $both (result i32) (i32.add (i32.mul (memory.size) (i32.const 101)) (global.get $count)))
          (func $seven (result i32) (i32.const 7)) (elem (i32.const 0) $both $seven)
          (func (export "throw") (param i32) (throw $oops (local.get 0)))
          (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))`,
      },
    });
    assert.equal(result.message, '');
    assert.equal(result.stdout, 'both');
    assert.equal(result.usage.peakMemoryBytes, 2 * 65_536);
  });

  test('a library is started before what imports it, whatever the order of the manifest', async () => {
    const says = (word: string, more: string): string =>
      `${WRITE} (memory 1) (data (i32.const 8) "${word}") ${SAY} ${more}`;
    const initialises =
      '(start $say) (func (export "_initialize") (i32.store8 (i32.const 11) (i32.const 33)) (call $say))';
    const result = await run({
      entry: `(import "one" "f" (func)) ${says('main', '(func (export "_start") (call $say))')}`,
      libraries: {
        one: `(import "two" "f" (func)) ${says('one.', `${initialises} (func (export "f"))`)}`,
        two: says('two.', `${initialises} (func (export "f"))`),
      },
    });
    assert.equal(result.stdout, 'two.two!one.one!main');
  });

  test('a guest that sleeps in a library parks with all modules on its stack', async () => {
    const naps = (export_: string, body: string): string => `${SLEEP} (memory 1)
      (func $nap (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const 20000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
      (func (export "${export_}") ${body})`;
    const texts = {
      entry: `(import "b" "nap" (func $b)) ${naps('_start', '(call $nap) (call $b) (call $nap)')}`,
      libraries: {
        a: naps('nap', '(call $nap)'),
        b: `(import "a" "nap" (func $a)) ${naps('nap', '(call $a) (call $nap)')}`,
      },
    };
    const found = await load(texts);
    const results = await Promise.all(Array.from({ length: 20 }, () => runPrepared(runtime, found)));
    for (const { cause, message, usage } of results) {
      assert.deepEqual([cause, message], ['exited', '']);
      assert.ok(usage.wallMs >= 70 && usage.hostCalls === 4, JSON.stringify(usage));
    }
  });

  test('every execution has instances of its own', async () => {
    const found = await load({
      entry: `(import "lib" "count" (func $count (result i32))) (import "${WASI}" "proc_exit" (func $exit (param i32)))
        (memory 1) (func (export "_start") (drop (call $count)) (call $exit (call $count)))`,
      libraries: {
        lib: `(memory 1) (global $g (mut i32) (i32.const 0)) (func (export "count") (result i32)
          (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
          (global.set $g (i32.add (global.get $g) (i32.const 10)))
          (i32.add (global.get $g) (i32.load (i32.const 0))))`,
      },
    });
    for (let round = 0; round < 3; round++) assert.equal((await runPrepared(runtime, found)).exitCode, 22);
  });

  test('version 1 names the export to call', async () => {
    const texts = {
      entry: `(import "${WASI}" "proc_exit" (func $exit (param i32))) (memory 1)
        (func (export "_start") (call $exit (i32.const 1))) (func (export "main") (call $exit (i32.const 2)))`,
      libraries: {},
    };
    assert.equal((await runPrepared(runtime, await load(texts, { entry: 'main' }))).exitCode, 2);
    assert.equal((await runPrepared(runtime, await load(texts))).exitCode, 1);
    const missing = await load(texts, { entry: 'other' });
    await assert.rejects(
      async () => runPrepared(runtime, missing),
      /entry is "other", which the module does not export/,
    );
  });

  test('a set runs from disk as it did at first, and its library not alone', async (t) => {
    const texts = {
      entry: '(import "b" "g" (func $g)) (func (export "_start") (call $g))',
      libraries: {
        b: '(import "a" "f" (func $f)) (func (export "g") (call $f)) (export "_start" (func $f))',
        a: '(func (export "f"))',
      },
    };
    const first = await openTestRuntime();
    const cid = await addPackage(texts, {}, first);
    await first.store.get(cid, { method: '', signal: NEVER });
    const second = await openTestRuntime({ dataDir: first.dataDir });
    t.after(async () => {
      await second.close();
      await first.close();
    });
    const found = await second.store.get(cid, { method: '', signal: NEVER });
    assert.deepEqual(
      found.libraries?.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal((await runPrepared(second, found)).cause, 'exited');
    const library = await wat(`(module ${texts.libraries.b})`);
    await assert.rejects(second.store.prepareFile(library, 'b.wasm'), /imports "a"\."f", which no host call has/);
  });

  test('what does not fit together is refused when it is installed, by name', async () => {
    const rows: readonly (readonly [texts: Texts, over: object, message: RegExp])[] = [
      [
        { entry: '(import "lib" "g" (func))', libraries: { lib: '' } },
        {},
        /"main\.wasm" imports the function "lib"\."g"/,
      ],
      [{ entry: '', libraries: { lib: '(import "x" "y" (func))' } }, {}, /library "lib": the module imports "x"\."y"/],
      [{ entry: '', libraries: { env: '' } }, {}, /library "env" has the name of a module of host calls/],
      [
        { entry: '', libraries: { lib: '' } },
        {
          modules: [
            { file: 'main.wasm', type: 'entry' },
            { file: 'lib.wasm', name: 'lib', type: 'module', md5: '0'.repeat(32) },
          ],
        },
        /"lib\.wasm" does not have the md5/,
      ],
      [
        { entry: '', libraries: {} },
        {
          modules: [
            { file: 'main.wasm', type: 'entry' },
            { file: '../gone.wasm', name: 'lib', type: 'module' },
          ],
        },
        /no "gone\.wasm"/,
      ],
    ];
    for (const [texts, over, message] of rows) await assert.rejects(load(texts, over), message);
  });
});

describe('a memory or table that is imported is made for each execution', () => {
  test('a module alone, as inner modules of a component have them', async () => {
    const found = await runtime.store.prepareFile(
      await wat(`(module (import "env" "memory" (memory 1 3)) (import "" "$imports" (table 4 funcref)) ${WRITE}
        (data (i32.const 8) "here") (func $f (result i32) (i32.const 3)) (elem (i32.const 3) $f) ${SAY}
        (func (export "_start")
          (if (i32.ne (memory.grow (i32.const 2)) (i32.const 1)) (then unreachable))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
          (if (i32.ne (call_indirect (result i32) (i32.const 3)) (memory.size)) (then unreachable))
          (i32.store (i32.const 500) (i32.const 1)) (table.set (i32.const 0) (ref.func $f))
          (call $say)))`),
      'inner.wasm',
    );
    for (let round = 0; round < 2; round++) {
      const result = await runPrepared(runtime, found);
      assert.deepEqual([result.stdout, result.message], ['here', '']);
    }
    assert.equal((await runPrepared(runtime, found, { limits: { memoryPages: 2 } })).exitCode, 11);
  });

  test('it has no more elements than all tables may', async () => {
    const text = `(module (import "env" "t" (table $t 1 funcref)) (import "${WASI}" "proc_exit" (func $exit (param i32)))
      (memory 1) (func (export "_start")
        (if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))
        (call $exit (table.grow $t (ref.null func) (i32.const 100)))))`;
    const found = await runtime.store.prepareFile(await wat(text), 'grows.wasm');
    assert.equal((await runPrepared(runtime, found)).exitCode, 1);
  });
});

describe('hostile sets', () => {
  const CALLS_LIB = '(import "lib" "f" (func $f)) (memory 1) (func (export "_start") (call $f))';
  const spinners: Readonly<Record<string, string>> = {
    'spins in a library': '(func (export "f") (loop $l (br $l)))',
    'spins in its start section': '(start $s) (func $s (loop $l (br $l))) (func (export "f"))',
    'spins in _initialize': '(func (export "_initialize") (loop $l (br $l))) (func (export "f"))',
    'swallows every exception and spins': `(func (export "f")
      (loop $again (try (do (loop $l (br $l))) (catch_all)) (br $again)))`,
  };
  for (const [what, lib] of Object.entries(spinners)) {
    test(`one that ${what} ends at its deadline, and by its fuel`, async () => {
      const found = await load({ entry: CALLS_LIB, libraries: { lib } });
      assert.equal((await runPrepared(runtime, found, { limits: { deadlineMs: 60 } })).cause, 'deadline');
      const { cause, usage } = await runPrepared(runtime, found, { limits: { fuel: 5_000_000 } });
      assert.equal(cause, 'fuel');
      assert.ok(usage.fuel <= 5_000_000);
    });
  }

  test('one that throws the work to and fro between its modules pays for all of it', async () => {
    const found = await load({
      entry: '(import "lib" "f" (func $f)) (func (export "_start") (loop $l (call $f) (br $l)))',
      libraries: { lib: '(func (export "f"))' },
    });
    assert.equal((await runPrepared(runtime, found, { limits: { deadlineMs: 60 } })).cause, 'deadline');
    assert.equal((await runPrepared(runtime, found, { limits: { fuel: 1_000_000 } })).cause, 'fuel');
  });

  test("one cannot swallow the entry's exit, called back in a library's catch_all", async () => {
    const { cause, exitCode } = await run({
      entry: `(import "lib" "t" (table 1 funcref)) (import "lib" "f" (func $f))
        (import "${WASI}" "proc_exit" (func $exit (param i32))) (memory 1)
        (func $leave (call $exit (i32.const 4))) (elem (i32.const 0) $leave)
        (func (export "_start") (call $f) (call $exit (i32.const 5)))`,
      libraries: {
        lib: `(table (export "t") 1 funcref)
          (func (export "f") (try (do (call_indirect (i32.const 0))) (catch_all)))`,
      },
    });
    assert.deepEqual([cause, exitCode], ['exited', 4]);
  });

  test('memory is limited over the sum of all modules', async () => {
    const texts = {
      entry: `(import "lib" "f" (func $f (result i32))) (import "${WASI}" "proc_exit" (func $exit (param i32)))
        (memory 2) (func (export "_start") (drop (memory.grow (i32.const 1))) (call $exit (call $f)))`,
      libraries: {
        lib: `(memory 2) (func (export "f") (result i32)
          (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (memory.size))`,
      },
    };
    const found = await load(texts);
    const grown = await runPrepared(runtime, found, { limits: { memoryPages: 10 } });
    assert.deepEqual([grown.cause, grown.exitCode, grown.usage.peakMemoryBytes], ['exited', 7, 10 * 65_536]);
    const none = await runPrepared(runtime, found, { limits: { memoryPages: 3 } });
    assert.deepEqual([none.cause, none.exitCode], ['memory', 16]);
  });

  test("a memory that a library leaves behind is nobody else's", async () => {
    const texts = (body: string): Texts => ({
      entry: `(import "lib" "f" (func $f (result i32))) (import "${WASI}" "proc_exit" (func $exit (param i32)))
        (memory 1) (func (export "_start") (call $exit (call $f)))`,
      libraries: { lib: `(memory 1) (func (export "f") (result i32) ${body})` },
    });
    await run(texts('(memory.fill (i32.const 0) (i32.const 77) (i32.const 65536)) (i32.const 0)'));
    assert.equal((await run(texts('(i32.load8_u (i32.const 30000))'))).exitCode, 0);
  });
});

test('fuel of a set is the same wherever slices end, and runs out at the same place', async (t) => {
  const found = await load({
    entry: `(import "lib" "f" (func $f (param i32) (result i32))) ${WRITE} (memory 1) (data (i32.const 8) "tick") ${SAY}
      (func (export "_start") (local $i i32) (loop $l (call $say)
        (br_if $l (i32.lt_u (local.tee $i (call $f (local.get $i))) (i32.const 500)))))`,
    libraries: {
      lib: `(func (export "f") (param $i i32) (result i32) (local $n i32)
        (loop $l (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $i))))
        (i32.add (local.get $i) (i32.const 1)))`,
    },
  });
  const seen = new Set<string>();
  for (const sliceFuel of [1, 777, 1_000_000]) {
    const sandbox = createSandbox({
      ...{ threads: 1, concurrency: 100, queue: 100, upstreams: {}, memoryPages: 256, processes: false, log: () => {} },
      services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
      sliceFuel,
    });
    t.after(() => sandbox.close());
    const outcome = async (limits: Partial<Limits>): Promise<string> => {
      const grant = { limits: { ...DEFAULT_LIMITS, ...limits }, permissions: NO_PERMISSIONS };
      const input = { args: [], env: [], stdin: new Uint8Array(0) };
      const { cause, usage, stdout } = await sandbox.run(toFunctionEntry(found), grant, input);
      return `${cause} ${usage.fuel} ${usage.hostCalls} ${stdout.length}`;
    };
    seen.add(`${await outcome({})}, ${await outcome({ fuel: 300_003 })}`);
  }
  assert.equal(seen.size, 1, [...seen].join('; '));
  assert.match([...seen].join(), /^exited \d+ 500 2000, fuel/);
});
