import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { identity } from 'multiformats/hashes/identity';
import { sha256, sha512 } from 'multiformats/hashes/sha2';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { FunctionStore, StoredFunction } from '../../runtime/store/store.ts';
import { blocklessPackage, gateway, importFiles, type Member, NEVER, openStore, tar, wasm } from './support.ts';

const CODE = wasm('f');
const MEMBER: Member = { name: 'f.wasm', data: CODE };

async function addAll(store: FunctionStore, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  return (await store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })))).cid;
}

async function run(
  store: FunctionStore,
  files: Readonly<Record<string, Uint8Array>>,
  method = '',
): Promise<StoredFunction> {
  return await store.get(await addAll(store, files), { method, signal: NEVER });
}

test('a package of the bls CLI runs, its empty permission list narrowing nothing', async (t) => {
  const store = await openStore(t);
  const found = await run(store, blocklessPackage([MEMBER]), 'f.wasm');
  assert.equal(found.facts.sha256, hash('sha256', CODE));
  assert.equal(found.manifest?.permissions, null);
});

test('the archive is found however its URL is written', async (t) => {
  const store = await openStore(t);
  const archive = gzipSync(tar(MEMBER));
  const elsewhere = await addAll(store, { 'x.tar.gz': archive });
  const raw = (await store.add([{ path: '', bytes: archive }])).cid;
  const urls = [
    './f.tar.gz',
    '/f.tar.gz',
    'f.tar.gz?v=1',
    `https://example.com/ipfs/${elsewhere}/x.tar.gz`,
    `https://${elsewhere}.ipfs.example.com/x.tar.gz?download=true`,
    `/ipfs/${elsewhere}/x.tar.gz`,
    `ipfs://${elsewhere}/x.tar.gz`,
    `https://example.com/ipfs/${raw}`,
  ];
  for (const url of urls) {
    const found = await run(store, blocklessPackage([MEMBER], { url }));
    assert.equal(found.name, 'f.wasm', url);
  }
  const newer = blocklessPackage([MEMBER], {
    manifest: {
      name: '',
      runtime: undefined,
      function: { name: 'newer' },
      deployment: { uri: 'f.tar.gz', checksum: hash('sha256', archive).toUpperCase() },
    },
  });
  assert.equal((await run(store, newer)).manifest?.name, 'newer');
  const { 'manifest.json': manifest, 'f.tar.gz': packed } = blocklessPackage([MEMBER]);
  assert.equal((await run(store, { 'dist/manifest.json': manifest, 'dist/f.tar.gz': packed })).name, 'f.wasm');
});

test('an archive that is elsewhere on the web, or nowhere, is refused', async (t) => {
  const store = await openStore(t);
  for (const url of [
    'https://example.com/f.tar.gz',
    'http://169.254.169.254/x',
    '//example.com/x',
    'file:///etc/passwd',
    '../f.tar.gz',
    'a/%2e%2e/f.tar.gz',
    'a%2ff',
    '%zz',
    'ipfs://nonsense/x',
  ]) {
    await assert.rejects(run(store, blocklessPackage([MEMBER], { url })), { code: 'ERR_INVALID_MANIFEST' }, url);
  }
  for (const url of ['other.tar.gz', 'f.tar.gz/deeper', 'sub/f.tar.gz']) {
    await assert.rejects(run(store, blocklessPackage([MEMBER], { url })), { code: 'ERR_FUNCTION_NOT_FOUND' }, url);
  }
});

test('a wrong checksum of the archive or of a module is refused', async (t) => {
  const store = await openStore(t);
  await assert.rejects(run(store, blocklessPackage([MEMBER], { checksum: '0'.repeat(64) })), {
    code: 'ERR_INTEGRITY',
    message: /manifest says 0{64}/,
  });
  for (const checksum of ['', 'abc', `${'0'.repeat(63)}g`]) {
    await assert.rejects(run(store, blocklessPackage([MEMBER], { checksum })), { code: 'ERR_INVALID_MANIFEST' });
  }
  const modules = (md5: string) => ({ manifest: { modules: [{ file: 'f.wasm', name: 'f', type: 'entry', md5 }] } });
  await run(store, blocklessPackage([MEMBER], modules(hash('md5', CODE))));
  await assert.rejects(run(store, blocklessPackage([MEMBER], modules('0'.repeat(32)))), {
    code: 'ERR_INTEGRITY',
    message: /md5/,
  });
});

test('an archive that tries to leave itself, or is none, is refused whole', async (t) => {
  const store = await openStore(t);
  const hostile: readonly (readonly [Member[], RegExp])[] = [
    [[MEMBER, { name: '../evil.wasm', data: CODE }], /leads out of it/],
    [[MEMBER, { name: 'a/../../evil.wasm', data: CODE }], /leads out of it/],
    [[MEMBER, { name: '/etc/evil.wasm', data: CODE }], /leads out of it/],
    [[MEMBER, { name: '..\\evil.wasm', data: CODE }], /leads out of it/],
    [[MEMBER, { name: 'link.wasm', type: '2' }], /symbolic link/],
    [[MEMBER, { name: 'link.wasm', type: '1' }], /hard link/],
    [[MEMBER, { name: 'device', type: '3' }], /device/],
    [[MEMBER, { name: 'pipe', type: '6' }], /pipe/],
    [[MEMBER, { name: 'odd', type: 'Z' }], /type "Z"/],
    [[MEMBER, { name: './f.wasm', data: CODE }], /twice/],
  ];
  for (const [members, message] of hostile) {
    await assert.rejects(run(store, blocklessPackage(members)), { code: 'ERR_INVALID_ARCHIVE', message });
  }
  const whole = gzipSync(tar(MEMBER));
  const bomb = gzipSync(tar({ name: 'zeros', data: Buffer.alloc(20_000_000) }));
  const broken: readonly (readonly [Uint8Array, RegExp])[] = [
    [whole.subarray(0, -12), /not a whole gzip file/],
    [Buffer.from('not gzip'), /not a whole gzip file/],
    [Buffer.alloc(0), /not a whole gzip file/],
    [gzipSync(tar(MEMBER).subarray(0, 600)), /cut off/],
    [gzipSync(Buffer.alloc(700, 'x')), /no tar header/],
    [bomb, /unpacks to more than/],
  ];
  for (const [archive, message] of broken) {
    const files = blocklessPackage([MEMBER], { checksum: hash('sha256', archive) });
    await assert.rejects(run(store, { ...files, 'f.tar.gz': archive }), { code: 'ERR_INVALID_ARCHIVE', message });
  }
  await run(store, blocklessPackage([MEMBER]));
});

test('a module whose name has a control character is refused by that name, in a directory and in an archive', async (t) => {
  const blocks = new Map<string, Uint8Array>();
  const { url } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  const names: readonly (readonly [name: string, shown: string])[] = [
    ['a\0.wasm', String.raw`"a\u0000.wasm"`],
    ['a\u001b[2J.wasm', String.raw`"a\u001b[2J.wasm"`],
    ['a\n.wasm', String.raw`"a\n.wasm"`],
    ['a.wasm\r', String.raw`"a.wasm\r"`],
    ['a\u007f.wasm', String.raw`"a\u007f.wasm"`],
    ['a\u009b.wasm', String.raw`"a\u009b.wasm"`],
  ];
  for (const [name, shown] of names) {
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof InferbaseError && error.code === 'ERR_INVALID_ARCHIVE', String(error));
      assert.ok(error.message.includes(shown), error.message);
      return true;
    };
    const directory = await importFiles({ 'f.wasm': CODE, [name]: CODE });
    for (const [cid, block] of directory.blocks) blocks.set(cid, block);
    await assert.rejects(store.get(directory.cid.toString(), { method: 'f.wasm', signal: NEVER }), refused, shown);
    // Where a header's field would end at the NUL, a pax header goes on.
    const record = (length: number): string => `${length} path=${name}\n`;
    const length = Buffer.byteLength(record(10));
    const pax: Member = { name: 'pax', type: 'x', data: Buffer.from(record(length)) };
    await assert.rejects(run(store, blocklessPackage([MEMBER, pax, { name: 'g.wasm', data: CODE }])), refused, shown);
  }
  await run(store, { 'f.wasm': CODE, 'ü and spaces.wasm': CODE }, 'f.wasm');
});

test('a method that is a path, or is not in the package, is not found, and the names that are there are listed', async (t) => {
  const store = await openStore(t);
  const members = [MEMBER, { name: 'g.wasm', data: wasm('g') }, { name: 'sub/h.wasm', data: wasm('h') }];
  for (const cid of [
    await addAll(store, blocklessPackage(members)),
    await addAll(store, { 'f.wasm': CODE, 'g.wasm': wasm('g') }),
  ]) {
    const methods = [
      '../f.wasm',
      './f.wasm',
      '/f.wasm',
      'sub/h.wasm',
      'sub\\h.wasm',
      'f.wasm\0',
      '..',
      'F.wasm',
      '__proto__',
      'constructor',
      'manifest.json',
      'x'.repeat(5000),
    ];
    // Twice: from the package, then from what is remembered of it.
    for (const method of [...methods, ...methods]) {
      await assert.rejects(store.get(cid, { method, signal: NEVER }), { code: 'ERR_FUNCTION_NOT_FOUND' }, method);
    }
    await assert.rejects(store.get(cid, { method: 'x.wasm', signal: NEVER }), {
      message: /there are "f\.wasm", "g\.wasm"/,
    });
    await assert.rejects(store.get(cid, { method: '', signal: NEVER }), { message: /several \.wasm files; name one/ });
    assert.equal((await store.get(cid, { method: 'g.wasm', signal: NEVER })).name, 'g.wasm');
    await assert.rejects(store.get(cid, { method: 'x.wasm', signal: NEVER }), {
      message: /there are "f\.wasm", "g\.wasm"/,
    });
  }
  const text = await addAll(store, { 'readme.txt': Buffer.from('hi') });
  await assert.rejects(store.get(text, { method: '', signal: NEVER }), { message: /no \.wasm file/ });
});

test('an empty method runs the entry module of the manifest', async (t) => {
  const store = await openStore(t);
  const members = [MEMBER, { name: 'g.wasm', data: wasm('g') }];
  const manifest = {
    modules: [
      { file: 'g.wasm', name: 'g', type: 'entry', md5: '' },
      { file: 'f.wasm', type: 'module' },
    ],
  };
  assert.equal((await run(store, blocklessPackage(members, { manifest }))).name, 'g.wasm');
});

test('a directory of a thousand files, sharded, is read as any other', async (t) => {
  const files: Record<string, Uint8Array> = { 'main.wasm': CODE };
  for (let index = 0; index < 300; index++) files[`${index}.txt`] = Buffer.from(`${index}`);
  const { cid, blocks } = await importFiles(files, { shardSplitThresholdBytes: 1000 });
  const { url } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  assert.equal((await store.get(cid.toString(), { method: '', signal: NEVER })).name, 'main.wasm');
});

test('a function larger than is allowed is refused before all of it is fetched', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('big', 30_000_000) });
  const { url, asked } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url], maxFunctionBytes: 2_000_000 });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), { code: 'ERR_FUNCTION_TOO_LARGE' });
  assert.ok(asked.length < blocks.size, `${asked.length} of ${blocks.size} blocks`);
  const small = await store.add([{ path: '', bytes: CODE }]);
  await store.get(small.cid, { method: '', signal: NEVER });
  await assert.rejects(store.add([{ path: '', bytes: new Uint8Array(2_000_001) }]), { code: 'ERR_FUNCTION_TOO_LARGE' });
});

test('a link may carry its block in itself, up to 128 bytes, and is hashed with sha2-256 otherwise', async (t) => {
  const blocks = new Map<string, Uint8Array>();
  async function directory(file: CID): Promise<string> {
    const Data = Buffer.from([0x08, 1]);
    const bytes = dagPb.encode({ Data, Links: [{ Hash: file, Name: 'f.wasm', Tsize: 1 }] });
    const cid = CID.createV1(dagPb.code, await sha256.digest(bytes));
    blocks.set(cid.toString(), bytes);
    return cid.toString();
  }
  const { url } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  const small = await directory(CID.createV1(0x55, identity.digest(CODE)));
  assert.equal((await store.get(small, { method: '', signal: NEVER })).facts.sha256, hash('sha256', CODE));
  const large = CID.createV1(0x55, identity.digest(wasm('large', 100)));
  const other = CID.createV1(0x55, await sha512.digest(CODE));
  for (const file of [large, other]) {
    const cid = await directory(file);
    await assert.rejects(store.get(cid, { method: '', signal: NEVER }), { code: 'ERR_INVALID_CID' });
  }
});

test('a DAG made to explode, to lie about sizes, or of unknown blocks is refused, and the node goes on', async (t) => {
  const blocks = new Map<string, Uint8Array>();
  async function block(bytes: Uint8Array, codec: number): Promise<CID> {
    const cid = CID.createV1(codec, await sha256.digest(bytes));
    blocks.set(cid.toString(), bytes);
    return cid;
  }
  /** UnixFS data of a file (type 2) with these block sizes. */
  const data = (sizes: readonly number[]): Uint8Array =>
    Buffer.from([0x08, 2, ...sizes.flatMap((size) => [0x20, size])]);
  const node = (children: readonly CID[], sizes: readonly number[]): Promise<CID> =>
    block(
      dagPb.encode({ Data: data(sizes), Links: children.map((Hash) => ({ Hash, Name: '', Tsize: 1 })) }),
      dagPb.code,
    );
  const one = await block(Buffer.from('x'), 0x55);
  let wide = one;
  for (let level = 0; level < 20; level++) wide = await node(Array(100).fill(wide), Array(100).fill(1));
  let deep = one;
  for (let level = 0; level < 100; level++) deep = await node([deep], [1]);
  const nested = await node([await node([one], [1, 1])], [1]);
  const cases: readonly (readonly [CID, string])[] = [
    [wide, 'ERR_INVALID_ARCHIVE'],
    [deep, 'ERR_FUNCTION_TOO_LARGE'],
    [await node([one], [2]), 'ERR_INVALID_ARCHIVE'],
    [await node([one, one], [1]), 'ERR_INVALID_ARCHIVE'],
    [nested, 'ERR_INVALID_ARCHIVE'],
    [await node([await block(Buffer.from('{}'), 0x0129)], [2]), 'ERR_INVALID_ARCHIVE'],
    [await block(Buffer.from('not protobuf'), dagPb.code), 'ERR_INVALID_ARCHIVE'],
    [await block(dagPb.encode({ Links: [] }), dagPb.code), 'ERR_INVALID_ARCHIVE'],
    [await block(dagPb.encode({ Data: Buffer.from([0x08, 4]), Links: [] }), dagPb.code), 'ERR_INVALID_ARCHIVE'],
  ];
  const { url } = await gateway(t, blocks);
  const lines: string[] = [];
  const store = await openStore(t, { gateways: [url], log: (line) => line !== 'fetched' && void lines.push(line) });
  for (const [index, [cid, code]] of cases.entries()) {
    await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), { code }, `case ${index}`);
  }
  const small = await store.add([{ path: '', bytes: CODE }]);
  await store.get(small.cid, { method: '', signal: NEVER });
  assert.deepEqual(lines, [], 'no thread died');
});
