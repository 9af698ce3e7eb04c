import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import { FilesInUse } from '../../runtime/sandbox/files-in-use.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import { SentOnce } from '../../runtime/sandbox/sent-once.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

test('files of more sets than a thread keeps reach every execution, also when a set comes back', async (t) => {
  const runtime = await openTestRuntime();
  t.after(() => runtime.close());
  const found = await runtime.store.prepareFile(await guest('show-file'), 'show-file.wasm');
  const sets = Array.from({ length: 50 }, (_, index) => [{ path: 'f', bytes: Buffer.from(`set ${index}`) }]);
  for (let round = 0; round < 2; round++) {
    const results = await Promise.all(sets.map((files) => runPrepared(runtime, found, { files, stdin: 'f' })));
    assert.deepEqual(
      results.map(({ stdout }) => stdout),
      sets.map((_, index) => `set ${index}`),
    );
  }
});

test('executions with files of their own wait while others hold as many as may be held together', async (t) => {
  const sandbox = createSandbox({
    ...{ threads: 1, concurrency: 10, queue: 10, upstreams: {}, memoryPages: 256, processes: false, log: () => {} },
    services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
    seedBytes: 3_000,
  });
  t.after(() => sandbox.close());
  const { facts, bytes } = prepareModule(await guest('show-file'));
  const entry = { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } };
  const grant = { limits: DEFAULT_LIMITS, permissions: NO_PERMISSIONS };
  const sets = Array.from({ length: 8 }, (_, index) => [{ path: 'f', bytes: Buffer.alloc(2_000, `${index}`) }]);
  const stdin = Buffer.from('f');
  const outcomes = await Promise.all(
    sets.map((files) => sandbox.run(entry, grant, { args: ['guest.wasm'], env: [], stdin, files })),
  );
  for (const [index, { cause, stdout }] of outcomes.entries()) {
    assert.deepEqual([cause, Buffer.from(stdout).toString()], ['exited', `${index}`.repeat(2_000)]);
  }
});

test('a set that several hold counts once, and one alone always fits', () => {
  const inUse = new FilesInUse(1_000);
  const sets = [900, 900, 5_000].map((size) => [{ path: '', bytes: new Uint8Array(size) }]);
  const [first = [], second = [], huge = []] = sets;
  assert.ok(inUse.fits(huge) && inUse.fits([]) && inUse.fits(null) && inUse.fits(undefined));
  inUse.count(first, 1);
  inUse.count(first, 1);
  assert.deepEqual([inUse.fits(first), inUse.fits(second), inUse.fits(huge)], [true, false, false]);
  inUse.count(first, -1);
  assert.equal(inUse.fits(second), false);
  inUse.count(first, -1);
  assert.ok(inUse.fits(second) && inUse.fits(huge));
});

test('a thread keeps no more files for later than a bound, but for the latest', () => {
  const sent = new SentOnce<{ bytes: number }>(10, 100, ({ bytes }) => bytes);
  const things = [60, 60, 500, 10].map((bytes) => ({ bytes }));
  for (const thing of things) sent.numberOf(thing);
  assert.deepEqual(sent.takeDropped(), [1, 2, 3]);
  const [first = { bytes: 0 }] = things;
  assert.equal(sent.numberOf(first), 5, 'sent again');
});
