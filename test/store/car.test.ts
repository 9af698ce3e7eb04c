import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CarReader, CarWriter } from '@ipld/car';
import { CID } from 'multiformats/cid';
import { identity } from 'multiformats/hashes/identity';
import { sha256, sha512 } from 'multiformats/hashes/sha2';
import { decodeHeader, encodeHeader } from '../../runtime/store/car/car-header.ts';
import { looksLikeCar, readCar } from '../../runtime/store/car/read-car.ts';
import { writeCar } from '../../runtime/store/car/write-car.ts';
import type { Block } from '../../runtime/store/dag-walk.ts';
import { blocksOf, importFiles, wasm } from './support.ts';

const CAPS = { bytes: 64 * 1024 * 1024, blocks: 1000 };
const { cid: ROOT, blocks: DAG } = await importFiles({ '': wasm('car', 2_200_000) });
const BLOCKS = blocksOf(DAG);

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** An archive as the reference library writes it. */
async function reference(roots: CID[], blocks: readonly Block[]): Promise<Uint8Array> {
  const { writer, out } = CarWriter.create(roots);
  const bytes = collect(out);
  for (const block of blocks) await writer.put({ ...block });
  await writer.close();
  return bytes;
}

async function* listed(blocks: readonly Block[]): AsyncGenerator<Block> {
  yield* blocks;
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(source: Iterable<Uint8Array>, caps = CAPS): Promise<{ roots: readonly CID[]; blocks: Block[] }> {
  const car = await readCar(source, caps);
  const blocks: Block[] = [];
  for await (const { cid, bytes } of car.blocks) blocks.push({ cid, bytes: Uint8Array.from(bytes) });
  return { roots: car.roots, blocks };
}

/** The same archive inside a version 2, with an index of nothing after it. */
function versionTwo(inner: Uint8Array, over: { offset?: bigint; size?: bigint } = {}): Uint8Array {
  const header = Buffer.alloc(40);
  header.writeBigUInt64LE(over.offset ?? 71n, 16);
  header.writeBigUInt64LE(over.size ?? BigInt(inner.length), 24);
  header.writeBigUInt64LE(71n + BigInt(inner.length), 32);
  const pragma = Buffer.from('0aa16776657273696f6e02', 'hex');
  return Buffer.concat([pragma, header, Buffer.alloc(20), inner, Buffer.from('index')]);
}

test('what is written is byte for byte what the reference library writes', async () => {
  for (const roots of [[ROOT], [], [ROOT, ...BLOCKS.map(({ cid }) => cid)], Array<CID>(300).fill(ROOT)]) {
    assert.deepEqual(await collect(writeCar(roots, listed(BLOCKS))), await reference(roots, BLOCKS));
  }
  assert.deepEqual(await collect(writeCar([ROOT.toV1()], listed([]))), await reference([ROOT.toV1()], []));
});

test('the reference library reads what is written here', async () => {
  const reader = await CarReader.fromBytes(await collect(writeCar([ROOT], listed(BLOCKS))));
  assert.deepEqual((await reader.getRoots()).map(String), [ROOT.toString()]);
  for (const { cid, bytes } of BLOCKS) assert.deepEqual(new Uint8Array((await reader.get(cid))?.bytes ?? []), bytes);
});

test('what the reference library writes is read, in chunks of any size and in version 2', async () => {
  const bytes = await reference([ROOT], BLOCKS);
  for (const source of [[bytes], cut(bytes, 65_536), cut(bytes, 1_000_003), [new Uint8Array(), ...cut(bytes, 4099)]]) {
    const { roots, blocks } = await read(source);
    assert.deepEqual([roots.map(String), blocks], [[ROOT.toString()], BLOCKS]);
  }
  const small = await reference([ROOT], BLOCKS.slice(-1));
  assert.deepEqual((await read(cut(small, 1))).blocks, BLOCKS.slice(-1));
  const two = await read(cut(versionTwo(bytes), 70_000));
  assert.deepEqual([two.roots.map(String), two.blocks], [[ROOT.toString()], BLOCKS]);
});

test('identity CIDs and CIDs of version 0 are read', async () => {
  const carried = CID.createV1(0x55, identity.digest(Buffer.from('small')));
  const { cid, blocks } = await importFiles({ '': wasm('v0', 300_000) }, { profile: 'unixfs-v0-2015' });
  assert.equal(cid.version, 0);
  const all = [{ cid: carried, bytes: Buffer.from('small') }, ...blocksOf(blocks)];
  const found = await read([await reference([cid], all)]);
  assert.deepEqual(
    found.blocks.map((block) => block.cid.toString()),
    all.map((block) => block.cid.toString()),
  );
});

test('bad archives are refused, each saying what is wrong', async () => {
  const good = await reference([ROOT], BLOCKS);
  const headerLength = 1 + (good[0] ?? 0);
  const header = good.subarray(0, headerLength);
  const flipped = Buffer.from(good);
  flipped[good.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const hashed = CID.createV1(0x55, await sha512.digest(Buffer.from('x')));
  const wrongIdentity = CID.createV1(0x55, identity.digest(Buffer.from('small')));
  const longIdentity = CID.createV1(0x55, identity.digest(Buffer.alloc(129)));
  const huge = Buffer.alloc(2 * 1024 * 1024 + 1);
  const hugeCid = CID.createV1(0x55, await sha256.digest(huge));
  const rows: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
    ['nothing at all', Buffer.alloc(0), 'ERR_INVALID_ARCHIVE', /it is empty/],
    ['a web page', Buffer.from('<!doctype html><html>'), 'ERR_INVALID_ARCHIVE', /no header of a CAR/],
    ['a module', wasm('no car'), 'ERR_INVALID_ARCHIVE', /no header of a CAR|it is empty/],
    ['a header without end', Buffer.from('ffffffffffffffff', 'hex'), 'ERR_INVALID_ARCHIVE', /a length that no CAR has/],
    ['a huge header', Buffer.from('ffffff7f', 'hex'), 'ERR_INVALID_ARCHIVE', /no header of a CAR \(268435455 bytes/],
    ['a header cut short', good.subarray(0, 20), 'ERR_INVALID_ARCHIVE', /no header of a CAR/],
    ['version 3', Buffer.from('0aa16776657273696f6e03', 'hex'), 'ERR_INVALID_ARCHIVE', /no header of a CAR/],
    ['a block cut short', good.subarray(0, -1), 'ERR_INVALID_ARCHIVE', /cut short in the entry at byte \d+/],
    [
      'a length cut short',
      Buffer.concat([header, Buffer.from([0x80])]),
      'ERR_INVALID_ARCHIVE',
      /cut short in a length/,
    ],
    ['a changed block', flipped, 'ERR_INTEGRITY', /block at byte \d+ is not what bafy?k?\w+ names/],
    ['an empty entry', Buffer.concat([header, Buffer.from([0])]), 'ERR_INVALID_ARCHIVE', /an empty entry at byte/],
    [
      'an entry of a gigabyte',
      Buffer.concat([header, Buffer.from('ffffffff03', 'hex')]),
      'ERR_INVALID_ARCHIVE',
      /an entry of \d+ bytes/,
    ],
    [
      'an entry that is no CID',
      Buffer.concat([header, Buffer.from([3, 0xff, 0xff, 0xff])]),
      'ERR_INVALID_ARCHIVE',
      /starts with no CID/,
    ],
    [
      'a hash that cannot be checked',
      await reference([ROOT], [{ cid: hashed, bytes: Buffer.from('x') }]),
      'ERR_INVALID_CID',
      /hashed with 0x13/,
    ],
    [
      'an identity CID of other bytes',
      await reference([ROOT], [{ cid: wrongIdentity, bytes: Buffer.from('Small') }]),
      'ERR_INTEGRITY',
      /is not what/,
    ],
    [
      'a long identity CID',
      await reference([ROOT], [{ cid: longIdentity, bytes: Buffer.alloc(129) }]),
      'ERR_INVALID_CID',
      /hashed with 0x0/,
    ],
    [
      'a block over 2 MiB',
      await reference([ROOT], [{ cid: hugeCid, bytes: huge }]),
      'ERR_INVALID_ARCHIVE',
      /more than 2097152/,
    ],
    [
      'version 2 cut short',
      versionTwo(good).subarray(0, 30),
      'ERR_INVALID_ARCHIVE',
      /cut short in the header of version 2/,
    ],
    [
      'version 2 with its data before itself',
      versionTwo(good, { offset: 5n }),
      'ERR_INVALID_ARCHIVE',
      /said to start at byte 5/,
    ],
    [
      'version 2 with its data beyond reason',
      versionTwo(good, { offset: 2n ** 63n }),
      'ERR_INVALID_ARCHIVE',
      /said to start at/,
    ],
    ['version 2 with less data than said', versionTwo(good, { size: 2n ** 40n }), 'ERR_INVALID_ARCHIVE', /./],
    [
      'version 2 with data that ends in an entry',
      versionTwo(good, { size: BigInt(good.length - 5) }),
      'ERR_INVALID_ARCHIVE',
      /longer than its data/,
    ],
  ];
  for (const [name, bytes, code, message] of rows) {
    await assert.rejects(read(cut(bytes, 100_000)), { code, message }, name);
  }
});

test('caps on bytes and blocks hold while the archive streams in', async () => {
  const good = await reference([ROOT], BLOCKS);
  let pulled = 0;
  function* endless(): Generator<Uint8Array> {
    yield good;
    const block = good.subarray(1 + (good[0] ?? 0));
    for (;;) {
      pulled++;
      yield block;
    }
  }
  await assert.rejects(read(endless(), { bytes: 10_000_000, blocks: 1000 }), { code: 'ERR_FUNCTION_TOO_LARGE' });
  assert.ok(pulled < 10);
  await assert.rejects(read([good], { bytes: CAPS.bytes, blocks: 2 }), {
    code: 'ERR_FUNCTION_TOO_LARGE',
    message: /more than 2 blocks/,
  });
});

test('a source that is not read to its end is told so', async () => {
  const good = await reference([ROOT], BLOCKS);
  let ended = 0;
  async function* source(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield bytes;
    } finally {
      ended++;
    }
  }
  const car = await readCar(source(good), CAPS);
  await car.blocks.next();
  await car.blocks.return();
  await assert.rejects(readCar(source(Buffer.from('nothing of the kind')), CAPS));
  assert.equal(ended, 2);
});

test('headers that only look like one are none', () => {
  const good = Buffer.from(encodeHeader([ROOT]));
  assert.equal(decodeHeader(good)?.roots.length, 1);
  for (let at = 0; at < good.length; at++) {
    assert.equal(decodeHeader(good.subarray(0, at)), undefined);
    for (const value of [0, 0x3b, 0x5a, 0x9b, 0xbf, 0xff]) {
      const bad = Buffer.from(good);
      bad[at] = value;
      // Never throws; a changed digest of a root is still one.
      decodeHeader(bad);
    }
  }
  const rows = ['a0', 'a16776657273696f6e01', 'a265726f6f7473806776657273696f6e02', 'a2657265726f6f80', '80', 'f6'];
  for (const hex of [...rows, 'a265726f6f747380657265726f6f01', 'a365726f6f7473806776657273696f6e016178f6']) {
    assert.equal(decodeHeader(Buffer.from(hex, 'hex')), undefined, hex);
  }
});

test('a file is known to be a CAR by how it starts', async () => {
  const good = await reference([ROOT], []);
  assert.ok(looksLikeCar(good));
  assert.ok(looksLikeCar(await reference(Array<CID>(50).fill(ROOT), [])));
  assert.ok(looksLikeCar(versionTwo(good)));
  for (const other of [
    wasm('x'),
    Buffer.from('{"roots":[]}'),
    Buffer.alloc(40),
    Buffer.alloc(0),
    good.subarray(0, 5),
  ]) {
    assert.ok(!looksLikeCar(other));
  }
});
