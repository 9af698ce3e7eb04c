import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSandbox } from '../support/open-sandbox.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

test('where guests could catch their end, modules that catch exceptions are refused by name, and the log says so', async (t) => {
  const told: (readonly string[])[] = [];
  const { run, log } = await openSandbox(t, ['swallow-everything', 'exit-three'], {
    threads: 2,
    catchableTrap: true,
    onCatching: (encodings) => told.push(encodings),
  });
  await assert.rejects(run('swallow-everything'), {
    code: 'ERR_INVALID_MODULE',
    message: /catches exceptions \(try\).*its own end/,
  });
  assert.equal((await run('exit-three')).exitCode, 3);
  assert.deepEqual(told, [['try', 'try_table']]);
  assert.equal(log.filter((line) => line.includes('can catch their own end')).length, 1);
});

test('where they cannot, such modules run, and the log says nothing', async (t) => {
  const { run, log } = await openSandbox(t, ['swallow-everything']);
  assert.equal((await run('swallow-everything')).exitCode, 7);
  assert.deepEqual(log, []);
});

test('the store refuses them from then on, those it has in memory and on disk as well', async (t) => {
  const runtime = await openTestRuntime();
  t.after(() => runtime.close());
  const { store } = runtime;
  const signal = new AbortController().signal;
  const { cid } = await store.add([{ path: '', bytes: await guest('swallow-everything') }]);
  const found = await store.get(cid, { method: '', signal });
  assert.equal((await runPrepared(runtime, found)).exitCode, 7);
  store.refuseCatching(['try']);
  const refused = { code: 'ERR_INVALID_MODULE', message: /\(try\)/ };
  await assert.rejects(store.get(cid, { method: '', signal }), refused);
  await assert.rejects(store.prepareFile(await guest('swallow-everything'), 'a.wasm'), refused);
  await assert.rejects(store.prepareFile(await guest('swallow-the-deadline'), 'b.wasm'), refused);
  assert.equal((await runPrepared(runtime, await store.prepareFile(await guest('exit-three'), 'c.wasm'))).exitCode, 3);
});
