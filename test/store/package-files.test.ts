import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { decodeFiles, encodeFiles, FILE_CAPS, FileCollection } from '../../runtime/store/package-files.ts';
import { createStore, type FunctionStore, type StoredFunction } from '../../runtime/store/store.ts';
import { blocklessPackage, gateway, importFiles, type Member, NEVER, openStore, tempDir, wasm } from './support.ts';

const MODULES: readonly Member[] = [
  { name: 'f.wasm', data: wasm('f') },
  { name: 'g.wasm', data: wasm('g') },
];

const textOf = (found: StoredFunction): Record<string, string> =>
  Object.fromEntries(found.files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));

const get = (store: FunctionStore, cid: string, method = ''): Promise<StoredFunction> =>
  store.get(cid, { method, signal: NEVER });

async function addAll(store: FunctionStore, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  return (await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })))).cid;
}

/** The entries of the data folder's modules that hold files of packages. */
const packs = async (dataDir: string): Promise<string[]> =>
  (await readdir(join(dataDir, 'modules'))).filter((name) => name.endsWith('.files'));

test('what lies beside the modules of an archive comes with each of them', async (t) => {
  const store = await openStore(t);
  const members = [
    ...MODULES,
    { name: 'manifest.json', data: Buffer.from('{}') },
    { name: 'weights.json', data: Buffer.from('[1]') },
    { name: 'data/', type: '5' },
    { name: 'data/prices.csv', data: Buffer.from('1,2') },
    { name: 'data/inner.wasm', data: Buffer.from('as data') },
  ];
  const cid = await addAll(store, blocklessPackage(members));
  const found = await get(store, cid, 'f.wasm');
  assert.deepEqual(textOf(found), { 'data/inner.wasm': 'as data', 'data/prices.csv': '1,2', 'weights.json': '[1]' });
  assert.equal((await get(store, cid, 'g.wasm')).files, found.files, 'the same array');
  assert.equal((await get(store, cid, 'f.wasm')).files, found.files);
  const [{ bytes } = { bytes: new Uint8Array() }] = found.files;
  assert.ok(bytes.buffer instanceof SharedArrayBuffer, 'threads need no copy');
});

test('so do the files of a directory, and one file or modules alone bring none', async (t) => {
  const store = await openStore(t);
  const files = { 'f.wasm': wasm('f'), 'a/b/c.txt': Buffer.from('deep'), 'notes.md': Buffer.from('# notes') };
  assert.deepEqual(textOf(await get(store, await addAll(store, files))), {
    'a/b/c.txt': 'deep',
    'notes.md': '# notes',
  });
  const manifest = Buffer.from(JSON.stringify({ name: 'f', entry: 'f.wasm' }));
  const described = await addAll(store, { ...files, 'manifest.json': manifest });
  assert.deepEqual(Object.keys(textOf(await get(store, described))), ['a/b/c.txt', 'notes.md']);
  const none = [
    await get(store, await addAll(store, { '': wasm('f') })),
    await get(store, await addAll(store, { 'f.wasm': wasm('f'), 'g.wasm': wasm('g') }), 'f.wasm'),
    await store.prepareFile(wasm('f'), 'f.wasm'),
  ];
  for (const found of none) assert.equal(found.files.length, 0);
});

test('after a restart without any source the files are there; damaged, they are made again from the blocks', async (t) => {
  const dataDir = await tempDir(t);
  const big = Buffer.alloc(1_500_000, 'model ');
  const members = [...MODULES, { name: 'model.bin', data: big }];
  const pack = await importFiles(blocklessPackage(members));
  const folder = await importFiles({ 'f.wasm': wasm('f'), 'small.txt': Buffer.from('small') });
  const { url } = await gateway(t, new Map([...pack.blocks, ...folder.blocks]));
  const first = await createStore({ dataDir, gateways: [url], log: () => {} });
  await get(first, pack.cid.toString(), 'f.wasm');
  await get(first, folder.cid.toString());
  await first.close();

  const check = async (): Promise<void> => {
    const store = await createStore({ dataDir, gateways: [], log: () => {} });
    try {
      const large = await get(store, pack.cid.toString(), 'f.wasm');
      assert.ok(Buffer.from(large.files[0]?.bytes ?? []).equals(big));
      assert.deepEqual(textOf(await get(store, folder.cid.toString())), { 'small.txt': 'small' });
    } finally {
      await store.close();
    }
  };
  assert.equal((await packs(dataDir)).length, 2);
  for (const damage of [Buffer.alloc(0), Buffer.from('inferbase-files-1\n'), Buffer.alloc(9_000, 7), undefined]) {
    for (const name of await packs(dataDir)) {
      if (damage === undefined) await rm(join(dataDir, 'modules', name));
      else await writeFile(join(dataDir, 'modules', name), damage);
    }
    await check();
  }
  await rm(join(dataDir, 'blocks'), { recursive: true });
  await check();
});

test('a pinned package is here with its files', async (t) => {
  const { cid, blocks } = await importFiles({ 'f.wasm': wasm('f'), 'sub/data.txt': Buffer.from('data') });
  const { url } = await gateway(t, blocks);
  const dataDir = await tempDir(t);
  const first = await createStore({ dataDir, gateways: [url], log: () => {} });
  await first.pin(cid.toString(), 'f');
  await first.close();
  const store = await openStore(t, { dataDir });
  assert.deepEqual(textOf(await get(store, cid.toString())), { 'sub/data.txt': 'data' });
});

test('too many files, too large ones, and names that clash are refused', async (t) => {
  const store = await openStore(t);
  const many = Array.from({ length: FILE_CAPS.files + 1 }, (_, index) => ({
    name: `${index}`,
    data: Buffer.from('x'),
  }));
  const refused: readonly (readonly [readonly Member[], string, RegExp])[] = [
    [many, 'ERR_FUNCTION_TOO_LARGE', /more than 1000 or more than 33554432 bytes; leave some out/],
    [[{ name: 'a' }, { name: 'a/b' }], 'ERR_INVALID_ARCHIVE', /"a" as a file and as a folder; rename one/],
    [[{ name: 'a/b' }, { name: 'a' }], 'ERR_INVALID_ARCHIVE', /"a" as a file and as a folder; rename one/],
    [[{ name: `${'d/'.repeat(40)}f` }], 'ERR_INVALID_ARCHIVE', /no path of a guest; rename it/],
  ];
  for (const [members, code, message] of refused) {
    const cid = await addAll(store, blocklessPackage([...MODULES, ...members]));
    await assert.rejects(get(store, cid, 'f.wasm'), { code, message });
  }
  const files = Object.fromEntries(many.map(({ name, data }) => [name, data]));
  const folder = await addAll(store, { 'f.wasm': wasm('f'), ...files });
  await assert.rejects(get(store, folder), { code: 'ERR_FUNCTION_TOO_LARGE' });
  const collected = new FileCollection();
  collected.add('a', new Uint8Array(FILE_CAPS.bytes));
  assert.throws(() => collected.add('b', new Uint8Array(1)), { code: 'ERR_FUNCTION_TOO_LARGE' });
});

test('a directory with names that are no names, or that lies in itself many times over, is refused', async (t) => {
  const blocks = new Map<string, Uint8Array>();
  const block = async (bytes: Uint8Array, codec: number): Promise<CID> => {
    const cid = CID.createV1(codec, await sha256.digest(bytes));
    blocks.set(cid.toString(), bytes);
    return cid;
  };
  const directory = (entries: readonly (readonly [name: string, cid: CID])[]): Promise<CID> =>
    block(
      dagPb.encode({
        Data: Buffer.from([0x08, 1]),
        Links: entries.map(([Name, Hash]) => ({ Name, Hash, Tsize: 1 })).sort((a, b) => (a.Name < b.Name ? -1 : 1)),
      }),
      dagPb.code,
    );
  const module = await block(wasm('f'), 0x55);
  const file = await block(Buffer.from('x'), 0x55);
  const { url } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  for (const name of ['..', '.', 'a\0b', '../up', 'a//b', `${'x'.repeat(300)}`]) {
    const cid = await directory([
      ['f.wasm', module],
      [name, file],
    ]);
    await assert.rejects(get(store, cid.toString()), { code: 'ERR_INVALID_ARCHIVE' }, JSON.stringify(name));
  }
  let wide = await directory([['x', file]]);
  for (let level = 0; level < 12; level++) wide = await directory(['a', 'b', 'c', 'd'].map((name) => [name, wide]));
  let deep = await directory([['x', file]]);
  for (let level = 0; level < 50; level++) deep = await directory([['d', deep]]);
  for (const inner of [wide, deep]) {
    const cid = await directory([
      ['f.wasm', module],
      ['data', inner],
    ]);
    await assert.rejects(get(store, cid.toString()), { code: 'ERR_FUNCTION_TOO_LARGE' });
  }
});

test('packed files that were tampered with are none', () => {
  const pack = Buffer.from(encodeFiles([{ path: 'a', bytes: Buffer.from('content') }]));
  assert.equal(decodeFiles(pack)?.seeds[0]?.path, 'a');
  for (let at = 0; at < pack.length; at++) {
    const damaged = Buffer.from(pack);
    damaged.writeUInt8((damaged[at] ?? 0) ^ 1, at);
    assert.equal(decodeFiles(damaged), undefined, `byte ${at}`);
    assert.equal(decodeFiles(pack.subarray(0, at)), undefined, `${at} bytes`);
  }
});
