import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLayout } from '../../runtime/store/layout.ts';
import { verifyStore } from '../../runtime/store/upkeep/verify.ts';
import { run } from '../cli/command.ts';
import { guest } from '../support/wat.ts';
import { blocklessPackage, gateway, importFiles, NEVER, openStore, tempDir, wasm } from './support.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));
const ROUNDS = 24;

/** Installs and pins in a process of its own, which is killed after so long. */
async function install(dataDir: string, url: string, cid: string, afterMs?: number): Promise<void> {
  const child = spawn(process.execPath, [CHILD, dataDir, url, cid, '-1'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = afterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), afterMs);
  await once(child, 'close');
  clearTimeout(timer);
}

test('killed at any moment of install and pin, a store is sound, and the function runs', async (t) => {
  const files = blocklessPackage([
    { name: 'f.wasm', data: await guest('exit-three') },
    { name: 'large.bin', data: wasm('random', 3_000_000) },
  ]);
  const { cid, blocks } = await importFiles(files);
  const { url } = await gateway(t, blocks);
  const started = performance.now();
  await install(await tempDir(t), url, cid.toString());
  const whole = performance.now() - started;
  let seed = Date.now() >>> 0;
  t.diagnostic(`seed ${seed}`);
  for (let round = 0; round < ROUNDS; round++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const dataDir = await tempDir(t);
    const layout = createLayout(dataDir);
    // Nothing is written while Node itself starts.
    await install(dataDir, url, cid.toString(), whole * (0.3 + (0.7 * seed) / 2 ** 32));
    const found = await verifyStore({ layout }, { remove: false, signal: NEVER });
    assert.deepEqual([found.bad, found.incomplete], [[], []], `round ${round}`);
    const store = await openStore(t, { dataDir, gateways: [url] });
    assert.deepEqual(await readdir(layout.tmp), [], `round ${round}: temporary files are left over`);
    await store.pin(cid.toString(), 'again');
    await store.close();
    const again = await verifyStore({ layout }, { remove: false, signal: NEVER });
    assert.deepEqual([again.bad, again.incomplete], [[], []], `round ${round}`);
    const finished = await run(['exec', cid.toString(), '--data-dir', dataDir], dataDir);
    assert.equal(finished.code, 3, finished.stderr);
  }
});
