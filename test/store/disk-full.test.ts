import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { writeCar } from '../../runtime/store/car/write-car.ts';
import { createLayout } from '../../runtime/store/layout.ts';
import { openStoreFolder } from '../../runtime/store/store-folder.ts';
import { collect } from '../../runtime/store/upkeep/collect.ts';
import { verifyStore } from '../../runtime/store/upkeep/verify.ts';
import { blocksOf, gateway, importFiles, NEVER, openStore, wasm } from './support.ts';

/** A data folder on a file system of 2 MiB; `undefined`, and the test is skipped, where none can be mounted. */
async function smallFolder(t: TestContext): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'inferbase-disk-full-'));
  t.after(async () => {
    spawnSync('umount', ['-l', dir]);
    await rm(dir, { recursive: true, force: true });
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    t.skip(`no tmpfs can be mounted: ${(mounted.stderr ?? String(mounted.error)).trim()}`);
    return undefined;
  }
  return dir;
}

test('on a full disk an install fails with one error, leaves nothing half-written, and goes once there is room', async (t) => {
  const dataDir = await smallFolder(t);
  if (dataDir === undefined) return;
  const large = await importFiles({ '': wasm('large', 3_500_000) });
  const small = await importFiles({ '': wasm('small', 100_000) });
  const { url } = await gateway(t, new Map([...large.blocks, ...small.blocks]));
  const store = await openStore(t, { dataDir, gateways: [url] });
  const full = { code: 'ERR_STORE_UNAVAILABLE', message: /ENOSPC/ };
  const layout = createLayout(dataDir);
  for (const attempt of [
    () => store.get(large.cid.toString(), { method: '', signal: NEVER }),
    () => store.pin(large.cid.toString(), 'large'),
    () => store.add([{ path: '', bytes: wasm('another', 3_500_000) }]),
    async () => {
      async function* blocks() {
        yield* blocksOf(large.blocks);
      }
      await store.importCar(writeCar([large.cid], blocks()), { maxBytes: 10_000_000, signal: NEVER });
    },
  ]) {
    await assert.rejects(attempt(), full);
    // Blocks that are written side by side fail one after the other.
    for (let i = 0; i < 500 && (await readdir(layout.tmp)).length > 0; i++) await setTimeout(10);
    assert.deepEqual(await readdir(layout.tmp), [], 'no temporary file is left');
    assert.deepEqual((await verifyStore({ layout }, { remove: false, signal: NEVER })).bad, []);
  }
  assert.deepEqual(await store.pins(), []);
  const folder = await openStoreFolder({ dataDir, log: () => {} });
  const { owner, blocks } = folder;
  await collect({ layout, owner, folder: blocks }, { maxBytes: 0, freshMs: 0, inUse: [], signal: NEVER });
  folder.close();
  await store.get(small.cid.toString(), { method: '', signal: NEVER });
  await store.pin(small.cid.toString(), 'small');
  await store.close();
});
