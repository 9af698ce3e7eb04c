import assert from 'node:assert/strict';
import { test } from 'node:test';
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
