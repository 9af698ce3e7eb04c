import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCid } from '../../runtime/core/cid.ts';
import type { Manifest } from '../../runtime/core/manifest.ts';
import type { ModuleFacts } from '../../runtime/core/module-facts.ts';
import { encodeRecord, type FunctionRecord, readRecord } from '../../runtime/store/function-record.ts';
import { createLayout } from '../../runtime/store/layout.ts';
import { createStore } from '../../runtime/store/store.ts';
import { verifyStore } from '../../runtime/store/upkeep/verify.ts';
import { encodeEntry, entryName } from '../../runtime/wasm/module-cache.ts';
import { blocklessPackage, filesBelow, gateway, importFiles, NEVER, openStore, tempDir, wasm } from './support.ts';

test('a single .wasm is fetched by CID, and its method becomes argv[0]', async (t) => {
  const bytes = wasm('one');
  const { cid, blocks } = await importFiles({ '': bytes });
  const { url, asked } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  const named = await store.get(cid.toString(), { method: 'main.wasm', signal: NEVER });
  assert.equal(named.name, 'main.wasm');
  assert.equal(named.manifest, null);
  assert.ok(named.module instanceof WebAssembly.Module);
  assert.deepEqual(WebAssembly.Module.exports(named.module)[0], { name: '_start', kind: 'function' });
  const unnamed = await store.get(cid.toString(), { method: '', signal: NEVER });
  assert.equal(unnamed.name, `${cid}.wasm`);
  assert.equal(unnamed.module, named.module, 'one compiled module whatever the name');
  assert.deepEqual(asked, [cid.toString()]);
});

test('a gateway is asked below the path prefix of its URL', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('prefix') });
  const paths: string[] = [];
  const { url } = await gateway(t, blocks, (request, response, block) => {
    paths.push(request.url ?? '');
    assert.equal(request.headers.accept, 'application/vnd.ipld.raw');
    response.end(block);
  });
  const store = await openStore(t, { gateways: [`${url}/some/prefix/`] });
  await store.get(cid.toString(), { method: '', signal: NEVER });
  assert.deepEqual(paths, [`/some/prefix/ipfs/${cid}?format=raw`]);
});

test('what was fetched once runs after a restart without any source', async (t) => {
  const dataDir = await tempDir(t);
  const single = await importFiles({ '': wasm('warm') });
  const big = await importFiles({ '': wasm('warm-big', 3_000_000) });
  const folder = await importFiles({ 'a.wasm': wasm('a'), 'b.wasm': wasm('b') });
  const pack = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('f') }]));
  const all = new Map([single, big, folder, pack].flatMap(({ blocks }) => [...blocks]));
  const { url } = await gateway(t, all);
  const cases = [
    { cid: single.cid, method: 'x.wasm', name: 'x.wasm' },
    { cid: big.cid, method: 'y.wasm', name: 'y.wasm' },
    { cid: folder.cid, method: 'b.wasm', name: 'b.wasm' },
    { cid: pack.cid, method: '', name: 'f.wasm' },
  ];
  const first = await createStore({ dataDir, gateways: [url], log: () => {} });
  for (const { cid, method } of cases) await first.get(cid.toString(), { method, signal: NEVER });
  await first.close();

  await rm(join(dataDir, 'blocks'), { recursive: true });
  const second = await openStore(t, { dataDir });
  for (const { cid, method, name } of cases) {
    const found = await second.get(cid.toString(), { method, signal: NEVER });
    assert.equal(found.name, name);
  }
  const known = await second.get(pack.cid.toString(), { method: 'f.wasm', signal: NEVER });
  assert.equal(known.manifest?.name, 'f');
});

test('damaged rewritten modules and records are made again from the blocks', async (t) => {
  const dataDir = await tempDir(t);
  const pack = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('damaged') }]));
  const { url } = await gateway(t, pack.blocks);
  const first = await createStore({ dataDir, gateways: [url], log: () => {} });
  await first.get(pack.cid.toString(), { method: '', signal: NEVER });
  await first.close();
  const files = await filesBelow(join(dataDir, 'modules'));
  assert.equal(files.length, 2);
  for (const damage of [Buffer.from(''), Buffer.from('{"modules":[]}'), Buffer.alloc(5000, 7)]) {
    for (const file of files) await writeFile(file, damage);
    const store = await createStore({ dataDir, gateways: [], log: () => {} });
    const found = await store.get(pack.cid.toString(), { method: 'f.wasm', signal: NEVER });
    assert.equal(found.name, 'f.wasm');
    await store.close();
  }
});

test('what a version that knew less prepared is prepared anew, and is not taken for damage', async (t) => {
  const dataDir = await tempDir(t);
  const layout = createLayout(dataDir);
  const code = wasm('older');
  const first = await createStore({ dataDir, gateways: [], log: () => {} });
  const files = blocklessPackage([{ name: 'f.wasm', data: code }]);
  const { cid } = await first.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  const before = await first.get(cid, { method: '', signal: NEVER });
  await first.close();

  const { key } = parseCid(cid);
  const record = await readRecord(layout, key);
  const kept = await readFile(layout.record(key), 'utf8');
  const { links: _, ...facts } = before.facts;
  const { files: __, ...fewer } = record as FunctionRecord;
  const { files: ___, ...manifest } = fewer.manifest as Manifest;
  const records = [
    encodeRecord(fewer as FunctionRecord, key),
    encodeRecord({ ...fewer, files: null, manifest: manifest as Manifest }, key),
    Buffer.from(kept.replace(/^inferbase-record-\d+/, 'inferbase-record-2')),
  ];
  for (const old of records) {
    await writeFile(layout.record(key), old);
    const entry = encodeEntry({ facts: facts as ModuleFacts, bytes: Buffer.from('no module') });
    await writeFile(layout.module(entryName(facts.sha256)), entry);
    const store = await createStore({ dataDir, gateways: [], log: () => {} });
    const found = await store.get(cid, { method: '', signal: NEVER });
    assert.deepEqual([found.facts, found.manifest, found.files], [before.facts, before.manifest, before.files]);
    assert.deepEqual((await store.prepareFile(code, 'f.wasm')).facts, before.facts);
    await store.close();
    assert.equal(await readFile(layout.record(key), 'utf8'), kept);
  }
  await writeFile(layout.record(key), records[2] as Uint8Array);
  const { bad } = await verifyStore({ layout }, { remove: false, signal: NEVER });
  assert.deepEqual(bad, []);
});

test('version 0 and 1 of one CID, in any base, are one function', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('v0', 400_000) }, { profile: 'unixfs-v0-2015' });
  assert.equal(cid.version, 0);
  const v1 = cid.toV1().toString();
  const { url } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  const zero = await store.get(cid.toString(), { method: '', signal: NEVER });
  const one = await store.get(v1, { method: '', signal: NEVER });
  assert.equal(zero.module, one.module);
});

test('what is no CID, or no CID of a function, is refused by name', async (t) => {
  const store = await openStore(t);
  for (const text of ['', 'hello', '../../etc/passwd', 'bafy', 'x'.repeat(100_000)]) {
    await assert.rejects(store.get(text, { method: '', signal: NEVER }), { code: 'ERR_INVALID_CID' });
  }
});

test('without any gateway an unknown CID is not found, and the store says that none are set', async (t) => {
  const store = await openStore(t);
  const { cid } = await importFiles({ '': wasm('nowhere') });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_FUNCTION_NOT_FOUND',
    message: /no gateways are set .* --gateways URL, or store the function with inferbase pin FILE/,
  });
});

test('a file that is not wasm is refused, and the next request is served', async (t) => {
  const html = await importFiles({ '': Buffer.from('<!doctype html>') });
  const good = await importFiles({ '': wasm('good') });
  const { url } = await gateway(t, new Map([...html.blocks, ...good.blocks]));
  const store = await openStore(t, { gateways: [url] });
  await assert.rejects(store.get(html.cid.toString(), { method: '', signal: NEVER }), { code: 'ERR_INVALID_MODULE' });
  await store.get(good.cid.toString(), { method: '', signal: NEVER });
});

test('a local file is prepared, and the second time it comes from disk', async (t) => {
  const dataDir = await tempDir(t);
  const first = await createStore({ dataDir, gateways: [], log: () => {} });
  const found = await first.prepareFile(wasm('local'), 'local.wasm');
  assert.equal(found.name, 'local.wasm');
  await first.close();
  const second = await openStore(t, { dataDir });
  const again = await second.prepareFile(wasm('local'), 'renamed.wasm');
  assert.equal(again.name, 'renamed.wasm');
  assert.equal(again.facts.sha256, found.facts.sha256);
});

test('added files have the CID that the importer gives them, and run by it', async (t) => {
  const store = await openStore(t);
  for (const bytes of [wasm('small'), wasm('large', 2_500_000)]) {
    const added = await store.add([{ path: '', bytes }]);
    assert.equal(added.cid, (await importFiles({ '': bytes })).cid.toString());
    assert.equal(added.size, bytes.length);
    await store.get(added.cid, { method: '', signal: NEVER });
  }
  const files = { 'b.wasm': wasm('b'), 'a.wasm': wasm('a'), 'docs/readme.txt': Buffer.from('hello') };
  const folder = await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  assert.equal(folder.cid, (await importFiles(files)).cid.toString());
  assert.equal((await store.get(folder.cid, { method: 'a.wasm', signal: NEVER })).name, 'a.wasm');
  for (const path of ['../x', '/x', 'a//b', 'a/../b']) {
    await assert.rejects(store.add([{ path, bytes: wasm('x') }]), { code: 'ERR_INVALID_REQUEST' });
  }
  await assert.rejects(store.add([]), { code: 'ERR_INVALID_REQUEST' });
});

test('a listing tells files, directories and packages apart', async (t) => {
  const store = await openStore(t);
  const file = await store.add([{ path: '', bytes: wasm('file') }]);
  assert.deepEqual(await store.list(file.cid, { signal: NEVER }), {
    kind: 'file',
    files: [{ path: '', size: wasm('file').length }],
    manifest: null,
    size: wasm('file').length,
  });
  const folder = await store.add([
    { path: 'a.wasm', bytes: wasm('a') },
    { path: 'sub/b.wasm', bytes: wasm('b') },
  ]);
  const listed = await store.list(folder.cid, { signal: NEVER });
  assert.equal(listed.kind, 'directory');
  assert.deepEqual(listed.files, [
    { path: 'a.wasm', size: wasm('a').length },
    { path: 'sub/b.wasm', size: wasm('b').length },
  ]);
  const files = blocklessPackage([{ name: 'f.wasm', data: wasm('f') }]);
  const pack = await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  const packed = await store.list(pack.cid, { signal: NEVER });
  assert.equal(packed.kind, 'package');
  assert.equal(packed.manifest?.name, 'f');
  assert.deepEqual(packed.files, [{ path: 'f.wasm', size: wasm('f').length }]);
});

test('a folder that cannot be used is named in the error', async (t) => {
  const dir = await tempDir(t);
  const file = join(dir, 'file');
  await writeFile(file, '');
  for (const dataDir of [file, join(file, 'below'), '/proc/inferbase-data']) {
    await assert.rejects(createStore({ dataDir, gateways: [], log: () => {} }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_STORE_UNAVAILABLE');
      assert.ok(error.message.includes(dataDir), error.message);
      return true;
    });
  }
  await mkdir(join(dir, 'ok'));
});

test('a gateway that is no URL is refused when the store is opened', async (t) => {
  const dataDir = await tempDir(t);
  for (const url of ['nonsense', 'ftp://127.0.0.1/', '']) {
    await assert.rejects(createStore({ dataDir, gateways: [url], log: () => {} }), { code: 'ERR_INVALID_SETTING' });
  }
});

test('a closed store refuses work and ends what was under way', async (t) => {
  const { cid } = await importFiles({ '': wasm('closing') });
  const { url, asked } = await gateway(t, new Map(), () => {});
  const store = await openStore(t, { gateways: [url] });
  const waiting = store.get(cid.toString(), { method: '', signal: NEVER });
  const failed = assert.rejects(waiting, { code: 'ERR_CLOSED' });
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.close();
  await failed;
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), { code: 'ERR_CLOSED' });
});
