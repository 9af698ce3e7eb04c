import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { CID } from 'multiformats/cid';
import { openStoreFolder, type StoreFolder } from '../../runtime/store/store-folder.ts';
import { collect } from '../../runtime/store/upkeep/collect.ts';
import { takeInventory } from '../../runtime/store/upkeep/inventory.ts';
import { createSizeKeeper } from '../../runtime/store/upkeep/size-keeper.ts';
import { blocklessPackage, gateway, importFiles, NEVER, openStore, tempDir, wasm } from './support.ts';

async function openFolder(t: TestContext, dataDir: string): Promise<StoreFolder> {
  const folder = await openStoreFolder({ dataDir, log: () => {} });
  t.after(() => folder.close());
  return folder;
}

/** Makes everything in the folder look as if it had last been used so long ago. */
async function age(folder: StoreFolder, seconds: number): Promise<void> {
  const then = new Date(Date.now() - seconds * 1000);
  for (const { path } of await takeInventory(folder.layout)) await utimes(path, then, then);
}

async function sizeOf(folder: StoreFolder): Promise<number> {
  return (await takeInventory(folder.layout)).reduce((sum, { size }) => sum + size, 0);
}

function collectAll(folder: StoreFolder, over: Partial<Parameters<typeof collect>[1]> = {}) {
  const { layout, owner, blocks } = folder;
  return collect({ layout, owner, folder: blocks }, { maxBytes: 0, inUse: [], signal: NEVER, ...over });
}

test('pinned functions stay whole, with what was prepared from them; all else goes', async (t) => {
  const dataDir = await tempDir(t);
  const store = await openStore(t, { dataDir });
  const files = blocklessPackage([{ name: 'f.wasm', data: wasm('pinned', 1_500_000) }]);
  const kept = await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  const gone = await store.add([{ path: '', bytes: wasm('gone', 2_500_000) }]);
  for (const { cid } of [kept, gone]) await store.get(cid, { method: '', signal: NEVER });
  await store.pin(kept.cid, 'kept');
  const folder = await openFolder(t, dataDir);
  await age(folder, 1000);
  const before = await sizeOf(folder);
  const collected = await collectAll(folder);
  assert.deepEqual([collected.before, collected.after], [before, await sizeOf(folder)]);
  assert.equal(collected.removedBytes, before - collected.after);
  assert.ok(collected.removedFiles >= 5);
  const kinds = (await takeInventory(folder.layout)).map(({ kind }) => kind);
  assert.deepEqual(
    [...new Set(kinds)].sort().map((kind) => [kind, kinds.filter((other) => other === kind).length]),
    [
      ['block', 5],
      ['module', 1],
      ['record', 1],
    ],
  );
  await store.close();
  const offline = await openStore(t, { dataDir });
  await offline.get(kept.cid, { method: '', signal: NEVER });
  await assert.rejects(offline.get(gone.cid, { method: '', signal: NEVER }), { code: 'ERR_FUNCTION_NOT_FOUND' });
});

test('under its limit nothing is touched, over it only as much as need be, oldest use first', async (t) => {
  const folder = await openFolder(t, await tempDir(t));
  const cids: CID[] = [];
  for (let at = 0; at < 10; at++) {
    const { cid, blocks } = await importFiles({ '': wasm(`n ${at}`, 100_000) });
    for (const [text, bytes] of blocks) await folder.blocks.put(CID.parse(text), bytes);
    const then = new Date(Date.now() - (1000 - at) * 1000);
    await utimes(folder.layout.block(cid), then, then);
    cids.push(cid);
  }
  const total = await sizeOf(folder);
  assert.deepEqual((await collectAll(folder, { maxBytes: total })).removedFiles, 0);
  const recent = [cids[0]?.toString() ?? ''];
  const collected = await collectAll(folder, { maxBytes: total - 1, recent });
  assert.equal(collected.removedFiles, 2);
  await collectAll(folder, { maxBytes: total * 0.5, recent });
  const here = await Promise.all(cids.map((cid) => folder.blocks.has(cid)));
  // What was in use lately goes last, then by age.
  assert.deepEqual(here, [true, false, false, false, false, false, false, true, true, true]);
});

test('what was written or read lately stays, and so does what is in use', async (t) => {
  const folder = await openFolder(t, await tempDir(t));
  const put = async (text: string): Promise<CID> => {
    const { cid, blocks } = await importFiles({ '': wasm(text, 1_300_000) });
    for (const [name, bytes] of blocks) await folder.blocks.put(CID.parse(name), bytes);
    return cid;
  };
  const [served, read, old] = [await put('served'), await put('read'), await put('old')];
  await age(folder, 1000);
  assert.ok((await folder.blocks.get(read)) !== undefined);
  const fresh = await put('fresh');
  const collected = await collectAll(folder, { inUse: [served.toString(), 'no CID at all'] });
  assert.ok(collected.freshFiles >= 4);
  const here = await Promise.all([served, read, old, fresh].map((cid) => folder.blocks.has(cid)));
  assert.deepEqual(here, [true, true, false, true]);
});

test('a pin made while files are removed is never of what is gone', async (t) => {
  const dataDir = await tempDir(t);
  const { cid, blocks } = await importFiles({ '': wasm('contended', 2_300_000) });
  const { url } = await gateway(t, blocks);
  const folder = await openFolder(t, dataDir);
  const store = await openStore(t, { dataDir, gateways: [url] });
  for (let round = 0; round < 5; round++) {
    await store.unpin(cid.toString());
    await age(folder, 1000);
    await Promise.all([store.pin(cid.toString(), 'kept'), collectAll(folder), collectAll(folder)]);
    for (const text of blocks.keys()) assert.ok(await folder.blocks.has(CID.parse(text)));
  }
});

test('a store that serves keeps itself below its size after installs', async (t) => {
  const dataDir = await tempDir(t);
  const told: { line: string; fields: { removedFiles?: number } }[] = [];
  const store = await openStore(t, { dataDir, log: (line, fields = {}) => void told.push({ line, fields }) });
  const kept = await store.add([{ path: '', bytes: wasm('kept', 400_000) }]);
  await store.pin(kept.cid, 'kept');
  for (let at = 0; at < 4; at++) await store.add([{ path: '', bytes: wasm(`old ${at}`, 400_000) }]);
  const folder = await openFolder(t, dataDir);
  await age(folder, 1000);
  store.keepWithin(1_000_000);
  while (!told.some(({ line }) => line === 'collected')) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok((await sizeOf(folder)) <= 900_000);
  assert.ok(await folder.blocks.has(CID.parse(kept.cid)));
});

test('many installs are one look at the size, and a failure does not end it', async () => {
  let runs = 0;
  const lines: string[] = [];
  const nothing = { before: 0, after: 0, removedFiles: 0, removedBytes: 0, freshFiles: 0 };
  const keeper = createSizeKeeper(
    {
      collect: async () => {
        if (++runs === 1) throw new Error('disk');
        return { ...nothing, after: 10 };
      },
      log: (line) => void lines.push(line),
    },
    { delayMs: 1 },
  );
  keeper.grown();
  assert.equal(runs, 0);
  keeper.start(5);
  for (let at = 0; at < 100; at++) keeper.grown();
  while (lines.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let at = 0; at < 100; at++) keeper.grown();
  while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  keeper.close();
  keeper.grown();
  assert.equal(runs, 2);
  assert.deepEqual(lines, ['the store could not be collected', 'over store.maxBytes, and all of it is kept']);
});
