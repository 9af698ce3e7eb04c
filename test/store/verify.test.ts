import assert from 'node:assert/strict';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CID } from 'multiformats/cid';
import { createLayout } from '../../runtime/store/layout.ts';
import { takeInventory } from '../../runtime/store/upkeep/inventory.ts';
import { type Verification, verifyStore } from '../../runtime/store/upkeep/verify.ts';
import { blocklessPackage, filesBelow, NEVER, openStore, tempDir, wasm } from './support.ts';

async function filled(t: TestContext): Promise<{ dataDir: string; cid: string }> {
  const dataDir = await tempDir(t);
  const store = await openStore(t, { dataDir });
  const files = blocklessPackage([
    { name: 'f.wasm', data: wasm('verified', 1_500_000) },
    { name: 'note.txt', data: Buffer.from('x') },
  ]);
  const { cid } = await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  await store.get(cid, { method: '', signal: NEVER });
  await store.pin(cid, 'pinned');
  await store.close();
  return { dataDir, cid };
}

function verify(dataDir: string, remove = false): Promise<Verification> {
  return verifyStore({ layout: createLayout(dataDir) }, { remove, signal: NEVER });
}

test('a sound store is all good, and every kind of file was looked at', async (t) => {
  const { dataDir } = await filled(t);
  const found = await verify(dataDir);
  assert.deepEqual([found.bad, found.incomplete, found.removed], [[], [], false]);
  assert.deepEqual(found.checked, { block: 5, module: 1, record: 1, files: 1, old: 0, other: 0 });
  assert.ok(found.bytes > 1_500_000);
});

test('one changed bit, a cut, an empty file and a swapped name are found in every kind of file', async (t) => {
  const { dataDir } = await filled(t);
  const layout = createLayout(dataDir);
  for (const { kind, path } of await takeInventory(layout)) {
    const good = await readFile(path);
    const flipped = Buffer.from(good);
    flipped[good.length >> 1] = (flipped[good.length >> 1] ?? 0) ^ 1;
    for (const wrong of [flipped, good.subarray(0, -1), Buffer.alloc(0), Buffer.concat([good, Buffer.from('x')])]) {
      await writeFile(path, wrong);
      const { bad } = await verify(dataDir);
      assert.deepEqual(
        bad.map((file) => [file.kind, file.path]),
        [[kind, path]],
      );
      assert.match(bad[0]?.problem ?? '', kind === 'block' ? /not the block that its name says/ : /damaged/);
    }
    await writeFile(path, good);
  }
  const blocks = (await takeInventory(layout)).filter(({ kind }) => kind === 'block');
  const [one, two] = blocks.map(({ path }) => path) as [string, string];
  await rename(one, `${one}.x`);
  await rename(two, one);
  const { bad } = await verify(dataDir);
  assert.deepEqual(bad.map(({ kind, problem }) => [kind, problem]).sort(), [
    ['block', 'is not the block that its name says'],
    ['other', 'is nothing that belongs here'],
  ]);
});

test('nothing is changed unless it is told to; then the bad goes, and the next look is clean', async (t) => {
  const { dataDir, cid } = await filled(t);
  const layout = createLayout(dataDir);
  const before = await filesBelow(dataDir);
  const blocks = (await takeInventory(layout)).filter(({ kind, id }) => kind === 'block' && !id.includes(cid));
  const largest = blocks.toSorted((a, b) => b.size - a.size)[0]?.path ?? '';
  await writeFile(largest, 'evil bytes!');
  await writeFile(layout.block(CID.parse(cid)), 'evil bytes!');
  await writeFile(join(dirname(layout.modules), 'modules', 'stray'), '?');
  const looked = await verify(dataDir);
  assert.equal(looked.bad.length, 3);
  assert.deepEqual(looked.incomplete, [{ cid, name: 'pinned', missing: 1 }]);
  assert.equal((await filesBelow(dataDir)).length, before.length + 1);
  const removed = await verify(dataDir, true);
  assert.deepEqual([removed.bad.length, removed.removed], [3, true]);
  assert.equal((await filesBelow(dataDir)).length, before.length - 2);
  const after = await verify(dataDir);
  assert.deepEqual([after.bad, after.incomplete.length], [[], 1]);
});

test('a module that an older version rewrote is not wrong', async (t) => {
  const { dataDir } = await filled(t);
  const { modules } = createLayout(dataDir);
  await writeFile(join(modules, `${'0'.repeat(64)}.r0-memory.wasm-entry`), 'old');
  const { bad, checked } = await verify(dataDir);
  assert.deepEqual([bad, checked.old], [[], 1]);
});

test('an empty folder, and one without anything in it, are good', async (t) => {
  const dataDir = await tempDir(t);
  const store = await openStore(t, { dataDir });
  await store.close();
  assert.deepEqual((await verify(dataDir)).bad, []);
  await rm(join(dataDir, 'blocks'), { recursive: true });
  assert.equal((await verify(dataDir)).bytes, 0);
});
