import { hash } from 'node:crypto';
import { mkdtemp, readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { importer } from 'ipfs-unixfs-importer';
import { CID } from 'multiformats/cid';
import { createStore, type FunctionStore, type StoreInit } from '../../runtime/store/store.ts';
import { removeFolder } from '../support/remove-folder.ts';

/** A signal that never aborts. */
export const NEVER = new AbortController().signal;

const OPEN = new WeakMap<TestContext, FunctionStore[]>();

export async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'inferbase-store-'));
  t.after(async () => {
    // Hooks run in the order they were made: what still writes here is closed first.
    await Promise.all((OPEN.get(t) ?? []).map((store) => store.close()));
    await removeFolder(dir);
  });
  return dir;
}

/** A store in `dataDir` (default: a fresh one), closed before its folder is removed. */
export async function openStore(t: TestContext, init: Partial<StoreInit> = {}): Promise<FunctionStore> {
  const dataDir = init.dataDir ?? (await tempDir(t));
  const store = await createStore({ gateways: [], log: () => {}, ...init, dataDir });
  OPEN.set(t, [...(OPEN.get(t) ?? []), store]);
  return store;
}

/** A module that exports `_start`; different for each text, `padding` bytes longer. */
export function wasm(text: string, padding = 0): Uint8Array {
  const name = Buffer.from(text);
  const filler = Buffer.alloc(padding);
  for (let at = 0, seed = name.length + 1; at < padding; at += 4) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    filler.writeUInt32LE(seed, Math.min(at, Math.max(0, padding - 4)));
  }
  const section = Buffer.concat([leb(name.length), name, filler]);
  return Buffer.concat([
    Buffer.from('0061736d01000000', 'hex'),
    Buffer.from('0104016000000302010007' + '0a01065f737461727400000a040102000b', 'hex'),
    Buffer.from([0]),
    leb(section.length),
    section,
  ]);
}

/** A module whose code takes long to check: 30 000 functions of 200 instructions. */
export function heavyWasm(): Uint8Array {
  const count = 30_000;
  const code = Buffer.concat([Buffer.from([0]), Buffer.alloc(300, Buffer.from('41011a', 'hex')), Buffer.from([0x0b])]);
  const section = (id: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([id]), leb(content.length), content]);
  return Buffer.concat([
    Buffer.from('0061736d01000000', 'hex'),
    section(1, Buffer.from('01600000', 'hex')),
    section(3, Buffer.concat([leb(count), Buffer.alloc(count)])),
    section(10, Buffer.concat([leb(count), ...Array(count).fill(Buffer.concat([leb(code.length), code]))])),
  ]);
}

function leb(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return Buffer.from(bytes);
}

export type Blocks = Map<string, Uint8Array>;

/** The blocks of an import, root first. */
export function blocksOf(blocks: Blocks): { cid: CID; bytes: Uint8Array }[] {
  return Array.from(blocks, ([text, bytes]) => ({ cid: CID.parse(text), bytes })).reverse();
}

/** Adds files with the real importer. Without a path it is one file. */
export async function importFiles(
  files: Readonly<Record<string, Uint8Array>>,
  options: Parameters<typeof importer>[2] = {},
): Promise<{ cid: CID; blocks: Blocks }> {
  const blocks: Blocks = new Map();
  const store = {
    put: async (cid: CID, bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> => {
      if (!(bytes instanceof Uint8Array)) throw new Error('the importer gives whole blocks');
      blocks.set(cid.toString(), Uint8Array.from(bytes));
      return cid;
    },
  };
  const single = files[''];
  const source = Object.entries(files).map(([path, content]) => (path === '' ? { content } : { path, content }));
  let root: CID | undefined;
  const wrap = { profile: 'unixfs-v1-2025' as const, wrapWithDirectory: single === undefined, ...options };
  for await (const entry of importer(source, store as Parameters<typeof importer>[1], wrap)) root = entry.cid;
  if (root === undefined) throw new Error('nothing imported');
  return { cid: CID.parse(root.toString()), blocks };
}

export interface TestGateway {
  readonly url: string;
  /** CIDs asked for, in order. */
  readonly asked: string[];
  /** CIDs of which a CAR was asked for. */
  readonly cars: string[];
  readonly blocks: Blocks;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, block: Uint8Array | undefined) => void;

export const serve: Answer = (_request, response, block) => {
  if (block === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'content-type': 'application/vnd.ipld.raw' }).end(block);
};

/** A gateway of raw blocks only. */
const noCar: Answer = (_request, response) => response.writeHead(406).end('no CAR here');

/**
 * A trustless gateway on loopback that answers as told; default: raw blocks honestly, and no CAR.
 * @param answerCar is given the block of the root
 */
export async function gateway(
  t: TestContext,
  blocks: Blocks,
  answer: Answer = serve,
  answerCar: Answer = noCar,
): Promise<TestGateway> {
  const asked: string[] = [];
  const cars: string[] = [];
  const server = createServer((request, response) => {
    const car = /\/ipfs\/([^/?]+)\?format=car&/.exec(request.url ?? '')?.[1];
    if (car !== undefined) {
      cars.push(car);
      return answerCar(request, response, blocks.get(car));
    }
    const cid = /\/ipfs\/([^/?]+)\?format=raw$/.exec(request.url ?? '')?.[1] ?? '';
    asked.push(cid);
    answer(request, response, blocks.get(cid));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, cars, blocks };
}

/** One member of a tar archive; fields may be set to anything. */
export interface Member {
  readonly name: string;
  readonly data?: Uint8Array;
  readonly type?: string;
  readonly size?: string;
}

export function tar(...members: readonly Member[]): Uint8Array {
  const parts = members.flatMap(({ name, data = new Uint8Array(), type = '0', size }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(size ?? `${data.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    header.write('        ', 148);
    header.write(type, 156, 'latin1');
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** A package as the bls CLI builds it. */
export function blocklessPackage(
  members: readonly Member[],
  over: { url?: string; checksum?: string; manifest?: object } = {},
): { 'manifest.json': Uint8Array; 'f.tar.gz': Uint8Array } {
  const archive = gzipSync(tar(...members));
  const manifest = {
    id: '',
    version: 1,
    name: 'f',
    hooks: [],
    fs_root_path: './',
    entry: '_start',
    contentType: 'json',
    permissions: [],
    runtime: { url: over.url ?? 'f.tar.gz', checksum: over.checksum ?? hash('sha256', archive) },
    ...over.manifest,
  };
  return { 'manifest.json': Buffer.from(JSON.stringify(manifest)), 'f.tar.gz': archive };
}

/** Every file below a folder, relative, sorted. */
export async function filesBelow(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
