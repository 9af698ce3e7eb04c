import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { buildFunction } from '../../../test/support/build-function.ts';
import { openTestRuntime, runIn } from '../../../test/support/run-guest.ts';

const wasm = await buildFunction('hello');
const runtime = await openTestRuntime();
after(() => runtime.close());

test('answers a random value and nothing else', async () => {
  const values = new Set<string>();
  for (let i = 0; i < 8; i++) {
    const { cause, exitCode, stdout, stderr } = await runIn(runtime, wasm);
    assert.deepEqual({ cause, exitCode, stderr }, { cause: 'exited', exitCode: 0, stderr: '' });
    const { infererValue, ...rest } = JSON.parse(stdout) as Record<string, string>;
    assert.deepEqual(rest, {});
    assert.match(String(infererValue), /^\d{1,3}\.\d\d$/);
    values.add(String(infererValue));
  }
  assert.ok(values.size > 1, 'the value never changed');
});

test('takes no notice of arguments, environment and stdin', async () => {
  const { exitCode, stdout } = await runIn(runtime, wasm, {
    args: ['x'],
    env: { ALLORA_ARG_PARAMS: 'ETH' },
    stdin: '{',
  });
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\{"infererValue":"\d+\.\d\d"\}$/);
});

test('asks the host for randomness and output only', async () => {
  const module = await WebAssembly.compile(wasm);
  const imports = WebAssembly.Module.imports(module).map((one) => `${one.module}.${one.name}`);
  assert.deepEqual(imports.sort(), [
    'wasi_snapshot_preview1.fd_write',
    'wasi_snapshot_preview1.proc_exit',
    'wasi_snapshot_preview1.random_get',
  ]);
});

test('the same source compiles to the same bytes', async () => {
  const again = await buildFunction('hello', { force: true });
  assert.ok(Buffer.from(again).equals(wasm), `${wasm.length} bytes, then ${again.length}`);
});

test('is small', () => {
  assert.ok(wasm.length < 4_096, `${wasm.length} bytes`);
});
