import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import { test } from 'node:test';
import { unixfs } from '@helia/unixfs';
import { base32 } from 'multiformats/bases/base32';
import type { CID } from 'multiformats/cid';
import { verifyBlock } from '../../runtime/core/cid.ts';
import { addFiles, type NewFile } from '../../runtime/store/add.ts';
import { type Blocks, importFiles } from './support.ts';

/**
 * CIDs under the profile `unixfs-v1-2025` (IPIP-499), which Kubo has from 0.40 on: the same as
 * `ipfs add --cid-version=1 --raw-leaves --chunker=size-1048576`.
 */
const MIB = 1_048_576;

/** Bytes that anyone can make again: sha-256 of a counter as 32-bit big-endian, one after the other. */
function bytes(length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(at);
    parts.push(createHash('sha256').update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

const VECTORS: readonly (readonly [name: string, files: readonly NewFile[], cid: string, blocks: number])[] = [
  ['1 B', [{ path: '', bytes: bytes(1) }], 'bafkreibovfyp6y5oyxl2afgkmrd6y5b5horxiufyl264xnmcwce3agkpui', 1],
  ['100 KB', [{ path: '', bytes: bytes(100_000) }], 'bafkreiaeubw65cyvy45vvozu22qffsf67i43bz7nvanj23p6scoiiec4ru', 1],
  ['1 MiB', [{ path: '', bytes: bytes(MIB) }], 'bafkreif4ikpl5qd5fdqohxb54ok7majcgkhhqa5a7efpg4v3ihqorge5b4', 1],
  [
    '1 MiB + 1',
    [{ path: '', bytes: bytes(MIB + 1) }],
    'bafybeidxohkvmoc4v6lcq4esseqa3xjxv5h3h64cxqbhkhovmyo2d4weku',
    3,
  ],
  [
    '12 MB',
    [{ path: '', bytes: bytes(12_000_000) }],
    'bafybeiajytmnvhoa3xibqbvfsrkiyuq66z7ujtm35tjwpol7q3pfy5so7a',
    13,
  ],
  [
    'a directory',
    [
      { path: 'manifest.json', bytes: Buffer.from('{"name":"f"}\n') },
      { path: 'f.wasm', bytes: bytes(100_000) },
      { path: 'data/large.bin', bytes: bytes(MIB + 1) },
    ],
    'bafybeide6zeeos6wdwwvsmmww56azzwhoqpcjtcnsbijr2qw42i7sr3v5q',
    7,
  ],
];

async function addHere(files: readonly NewFile[]): Promise<{ cid: string; blocks: Blocks }> {
  const blocks: Blocks = new Map();
  const put = async (cid: CID, block: Uint8Array): Promise<void> => {
    assert.ok(verifyBlock(cid, block));
    blocks.set(cid.toString(), block);
  };
  const { cid } = await addFiles(files, put, 64 * MIB);
  return { cid: cid.toString(), blocks };
}

for (const [name, files, cid, count] of VECTORS) {
  test(`the CID of ${name} is the one that every importer of the profile gives`, async () => {
    const here = await addHere(files);
    assert.deepEqual([here.cid, here.blocks.size], [cid, count]);
    // The same from Helia's library and from the importer below it, each given plain files.
    const given = Object.fromEntries(files.map(({ path, bytes: content }) => [path, content]));
    const reference = await importFiles(given);
    assert.equal(reference.cid.toString(), cid);
    assert.deepEqual([...here.blocks.keys()].sort(), [...reference.blocks.keys()].sort());
    assert.equal(await addByHelia(files), cid);
  });
}

async function addByHelia(files: readonly NewFile[]): Promise<string> {
  const blockstore = {
    // biome-ignore lint/correctness/useYield: adding reads nothing back
    async *get(): AsyncGenerator<Uint8Array> {
      throw new Error('adding reads nothing back');
    },
    put: async (cid: CID) => cid,
    has: async () => false,
  };
  const library = unixfs({ blockstore });
  const options = { profile: 'unixfs-v1-2025', wrapWithDirectory: files[0]?.path !== '' } as const;
  let root = '';
  const source = files.map(({ path, bytes: content }) => (path === '' ? { content } : { path, content }));
  for await (const entry of library.addAll(source, options)) root = entry.cid.toString();
  return root;
}

test('up to 1 MiB the CID is the sha-256 alone, and needs no library', () => {
  for (const [, files, cid] of VECTORS.slice(0, 3)) {
    const digest = hash('sha256', files[0]?.bytes ?? '', 'buffer');
    assert.equal(base32.encode(Buffer.concat([Buffer.from([0x01, 0x55, 0x12, 0x20]), digest])), cid);
  }
});

test('the order of the files and of the folders given is not part of the CID', async () => {
  const [, files = [], cid] = VECTORS[5] ?? [];
  assert.equal((await addHere(files.toReversed())).cid, cid);
});
