import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { writeCar } from '../../runtime/store/car/write-car.ts';
import { openTestRuntime } from '../support/run-guest.ts';

let runtime: Awaited<ReturnType<typeof openTestRuntime>>;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

const RAW = 0x55;
const NEVER = new AbortController().signal;
/** `Data.DataType` of UnixFS. */
const TYPE = { directory: 1, file: 2, symlink: 4, shard: 5 } as const;

interface Block {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

async function block(code: number, bytes: Uint8Array): Promise<Block> {
  return { cid: CID.createV1(code, await sha256.digest(bytes)), bytes };
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

interface Link {
  readonly to: Block;
  readonly name?: string;
  /** What the file says of it. */
  readonly size?: bigint;
}

/** A UnixFS node: protobuf of `Type`, `filesize` and `blocksizes`, as the links say. */
function node(type: number, links: readonly Link[]): Promise<Block> {
  const sizes = links.map(({ size = 0n }) => size);
  const total = sizes.reduce((sum, size) => sum + size, 0n);
  const data = [0x08, type];
  if (type === TYPE.file) data.push(0x18, ...varint(total), ...sizes.flatMap((size) => [0x20, ...varint(size)]));
  const Links = links.map(({ to, name = '' }) => ({ Hash: to.cid, Name: name, Tsize: to.bytes.length }));
  return block(dagPb.code, dagPb.encode({ Data: Uint8Array.from(data), Links }));
}

/** Brings blocks into the store by a CAR, then asks for what is at the root. */
async function open(root: Block, blocks: readonly Block[]): Promise<string> {
  const all = (async function* () {
    yield* blocks;
  })();
  try {
    await runtime.store.importCar(writeCar([root.cid], all), { signal: NEVER, maxBytes: 10_000_000 });
    await runtime.store.list(root.cid.toString(), { signal: NEVER });
    await runtime.store.get(root.cid.toString(), { method: '', signal: NEVER });
    return 'ran';
  } catch (error) {
    if (!(error instanceof InferbaseError)) throw error;
    assert.ok(error.message.length < 2_000);
    return error.code;
  }
}

const REFUSED = /^ERR_(FUNCTION_TOO_LARGE|INVALID_ARCHIVE|INVALID_MODULE|INTEGRITY|FUNCTION_NOT_FOUND)$/;

describe('a DAG of true blocks that means harm is refused before it does any:', () => {
  /** A few blocks, each of which names the one before many times over. */
  async function laughing(levels: number, sizeOf: (level: number) => bigint): Promise<Block[]> {
    const blocks = [await block(RAW, Buffer.alloc(1_000))];
    for (let level = 0; level < levels; level++) {
      const to = blocks.at(-1) as Block;
      blocks.push(
        await node(
          TYPE.file,
          Array.from({ length: 174 }, () => ({ to, size: sizeOf(level) })),
        ),
      );
    }
    return blocks;
  }

  test('a file of an exabyte in nine blocks', async () => {
    const blocks = await laughing(8, (level) => 1_000n * 174n ** BigInt(level));
    assert.match(await open(blocks.at(-1) as Block, blocks), REFUSED);
  });

  test('the same, which says that it is small', async () => {
    for (const size of [0n, 1n, 1_000n]) {
      const blocks = await laughing(8, () => size);
      assert.match(await open(blocks.at(-1) as Block, blocks), REFUSED);
    }
  });

  test('a file of nothing, named more often than there is time', async () => {
    const blocks = [await block(RAW, new Uint8Array(0))];
    for (let level = 0; level < 8; level++) {
      const to = blocks.at(-1) as Block;
      blocks.push(
        await node(
          TYPE.file,
          Array.from({ length: 174 }, () => ({ to, size: 0n })),
        ),
      );
    }
    assert.match(await open(blocks.at(-1) as Block, blocks), REFUSED);
  });

  test('a file whose sizes are those of no file', async () => {
    const leaf = await block(RAW, Buffer.from('\0asm'));
    for (const size of [2n ** 63n, 2n ** 64n - 1n, 5n, 3n]) {
      const root = await node(TYPE.file, [{ to: leaf, size }]);
      assert.match(await open(root, [root, leaf]), REFUSED);
    }
  });

  test('a file, and folders, in three hundred layers', async () => {
    for (const type of [TYPE.file, TYPE.directory, TYPE.shard]) {
      const blocks = [await block(RAW, Buffer.from('\0asm'))];
      for (let level = 0; level < 300; level++) {
        blocks.push(await node(type, [{ to: blocks.at(-1) as Block, name: '00', size: 4n }]));
      }
      assert.match(await open(blocks.at(-1) as Block, blocks), REFUSED);
    }
  });

  test('folders with names that lead elsewhere: nothing of them is found by a way up', async () => {
    const leaf = await block(RAW, Buffer.from('\0asm\x01\0\0\0'));
    for (const name of ['..', '../x.wasm', '/etc/x.wasm', 'a\0b', '', '.', 'x'.repeat(100_000)]) {
      const root = await node(TYPE.directory, [{ to: leaf, name }]);
      assert.match(await open(root, [root, leaf]), REFUSED, JSON.stringify(name.slice(0, 20)));
    }
  });

  test('a link, and a folder that is its own manifest', async () => {
    const link = await node(TYPE.symlink, []);
    assert.match(await open(link, [link]), REFUSED);
    const inner = await node(TYPE.directory, []);
    const root = await node(TYPE.directory, [{ to: inner, name: 'manifest.json' }]);
    assert.match(await open(root, [root, inner]), REFUSED);
  });

  test('and the store goes on', async () => {
    const { cid } = await runtime.store.add([{ path: 'x.txt', bytes: Buffer.from('x') }]);
    assert.match(cid, /^baf/);
    let bytes = 0;
    for await (const chunk of runtime.store.exportCar(cid, { signal: NEVER })) bytes += chunk.length;
    assert.ok(bytes > 0);
  });
});
