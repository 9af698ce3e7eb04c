import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { blocklessPackage, gateway, importFiles, NEVER, openStore, tempDir, wasm } from './support.ts';

test('a store says what it can run by itself, before and after a restart, and asks nobody', async (t) => {
  const dataDir = await tempDir(t);
  const single = await importFiles({ '': wasm('has-one') });
  const big = await importFiles({ '': wasm('has-big', 2_000_000) });
  const folder = await importFiles({ 'a.wasm': wasm('has-a'), 'b.wasm': wasm('has-b'), 'names.txt': Buffer.from('x') });
  const pack = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('has-f') }]));
  const all = [single, big, folder, pack];
  const { url, asked } = await gateway(t, new Map(all.flatMap(({ blocks }) => [...blocks])));
  const store = await openStore(t, { dataDir, gateways: [url] });
  for (const { cid } of all) assert.equal(await store.has(cid.toString(), ''), false);
  assert.deepEqual(asked, [], 'to ask whether it is here fetches nothing');

  for (const { cid } of [single, big, pack]) await store.get(cid.toString(), { method: '', signal: NEVER });
  await store.get(folder.cid.toString(), { method: 'b.wasm', signal: NEVER });
  await store.close();
  const fetched = asked.length;
  const again = await openStore(t, { dataDir, gateways: [url] });
  for (const { cid } of all) assert.equal(await again.has(cid.toString(), ''), true, cid.toString());
  assert.equal(await again.has(single.cid.toString(), 'any-name.wasm'), true);
  assert.equal(await again.has(folder.cid.toString(), 'b.wasm'), true);
  assert.equal(await again.has(folder.cid.toString(), 'a.wasm'), false, 'not prepared yet');
  assert.equal(await again.has(folder.cid.toString(), '../b.wasm'), false);
  assert.equal(await again.has(folder.cid.toString(), 'x'.repeat(5_000)), false);
  assert.equal(asked.length, fetched);

  for (const name of await readdir(join(dataDir, 'modules'))) await rm(join(dataDir, 'modules', name));
  for (const { cid } of all) assert.equal(await again.has(cid.toString(), ''), false, 'what was removed is not here');
  await assert.rejects(again.has('../../etc/passwd', ''), { code: 'ERR_INVALID_CID' });
});
