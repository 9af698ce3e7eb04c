import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { CarReader } from '@ipld/car';
import * as dagPb from '@ipld/dag-pb';
import type { FastifyInstance } from 'fastify';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { request } from 'undici';
import { createApi } from '../../runtime/http/api.ts';
import { createLocalBlocks } from '../../runtime/store/local-blocks.ts';
import { openStoreFolder, type StoreFolder } from '../../runtime/store/store-folder.ts';
import { importFiles, wasm } from '../store/support.ts';
import { stubNode } from './stub-node.ts';

/** Of 600 KB blocks, so that there is a tree of several levels of nothing but the file. */
const LARGE = wasm('large', 3_400_000);
const TREE = {
  'f.wasm': wasm('small'),
  'data/large.bin': LARGE,
  'data/ü b.txt': Buffer.from('text'),
};
const CAR = 'application/vnd.ipld.car; version=1; order=dfs; dups=n';

suite('the trustless gateway', () => {
  let dataDir = '';
  let folder: StoreFolder;
  let app: FastifyInstance;
  let root: CID;
  let sharded: CID;
  let sent: readonly string[];

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'inferbase-gateway-'));
    folder = await openStoreFolder({ dataDir, log: () => {} });
    const { cid, blocks } = await importFiles(TREE);
    root = cid;
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`file-${at}.txt`, Buffer.from(`text ${at}`)]),
    );
    const shards = await importFiles(many, { shardSplitThresholdBytes: 100 });
    sharded = shards.cid;
    for (const [text, bytes] of [...blocks, ...shards.blocks]) await folder.blocks.put(CID.parse(text), bytes);
    sent = [...blocks.keys()];
    app = await createApi(stubNode(), {
      log: false,
      bodyLimitBytes: 1000,
      gateway: createLocalBlocks({ folder: folder.blocks }),
    });
  });
  after(async () => {
    await app.close();
    folder.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** CIDs of a CAR that was answered, in order, each block checked by the reference library's reader and by hash. */
  async function carOf(url: string): Promise<{ roots: string[]; cids: string[] }> {
    const answer = await app.inject({ url });
    assert.equal(answer.statusCode, 200, answer.body);
    assert.equal(answer.headers['content-type'], CAR);
    const reader = await CarReader.fromBytes(answer.rawPayload);
    const cids: string[] = [];
    for await (const { cid, bytes } of reader.blocks()) {
      assert.equal(hash('sha256', bytes), Buffer.from(cid.multihash.digest).toString('hex'));
      cids.push(cid.toString());
    }
    return { roots: (await reader.getRoots()).map(String), cids };
  }

  async function cidAt(...path: string[]): Promise<string> {
    const { cids } = await carOf(`/ipfs/${root}/${path.map(encodeURIComponent).join('/')}?format=car&dag-scope=block`);
    return cids.at(-1) ?? '';
  }

  test('a raw block comes by format or by Accept, with what caches need', async () => {
    const cid = await cidAt('f.wasm');
    for (const [url, accept] of [
      [`/ipfs/${cid}?format=raw`, undefined],
      [`/ipfs/${cid}`, 'application/vnd.ipld.raw'],
      [`/ipfs/${cid}`, 'text/html, application/vnd.ipld.raw;q=0.5, */*;q=0.1'],
      [`/ipfs/${cid}?format=raw`, 'application/vnd.ipld.car'],
    ] as const) {
      const answer = await app.inject({ url, headers: accept === undefined ? {} : { accept } });
      assert.equal(answer.statusCode, 200);
      assert.deepEqual(new Uint8Array(answer.rawPayload), new Uint8Array(TREE['f.wasm']));
      const { headers } = answer;
      assert.equal(headers['content-type'], 'application/vnd.ipld.raw');
      assert.equal(headers['cache-control'], 'public, max-age=29030400, immutable');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['content-disposition'], `attachment; filename="${cid}.bin"`);
      assert.equal(headers['x-ipfs-path'], `/ipfs/${cid}`);
      assert.equal(headers.etag, `"${cid}.raw"`);
      assert.equal(headers.vary, 'Accept');
    }
  });

  test('HEAD has the headers and no body; what the asker has is a 304', async () => {
    const cid = await cidAt('f.wasm');
    const head = await app.inject({ method: 'HEAD', url: `/ipfs/${cid}?format=raw` });
    assert.deepEqual(
      [head.statusCode, head.body, head.headers['content-length']],
      [200, '', String(TREE['f.wasm'].length)],
    );
    const car = await app.inject({ method: 'HEAD', url: `/ipfs/${root}?format=car` });
    assert.deepEqual([car.statusCode, car.body, car.headers['content-type']], [200, '', CAR]);
    for (const tag of [`"${cid}.raw"`, `W/"${cid}.raw"`, `"x", "${cid}.raw"`, '*']) {
      const known = await app.inject({ url: `/ipfs/${cid}?format=raw`, headers: { 'if-none-match': tag } });
      assert.deepEqual([known.statusCode, known.body], [304, '']);
    }
    assert.equal(
      (await app.inject({ url: `/ipfs/${cid}?format=raw`, headers: { 'if-none-match': '"y"' } })).statusCode,
      200,
    );
    const tag = String(car.headers.etag);
    const again = await app.inject({ url: `/ipfs/${root}?format=car`, headers: { 'if-none-match': tag } });
    assert.equal(again.statusCode, 304);
    const other = await app.inject({ url: `/ipfs/${root}?format=car&dag-scope=block` });
    assert.notEqual(other.headers.etag, tag);
  });

  test('a CAR of a whole function has every block once, depth first', async () => {
    const { roots, cids } = await carOf(`/ipfs/${root}?format=car&dag-scope=all`);
    assert.deepEqual(roots, [root.toString()]);
    assert.equal(cids[0], root.toString());
    assert.deepEqual(cids.toSorted(), [...sent].sort());
    assert.deepEqual(await carOf(`/ipfs/${root}?format=car`), { roots, cids });
    const folderCid = await cidAt('data');
    const file = await cidAt('data', 'large.bin');
    const at = cids.indexOf(file);
    assert.ok(cids.indexOf(folderCid) < at);
    // All of the file's parts follow it before anything else does.
    assert.deepEqual(cids.slice(at), (await carOf(`/ipfs/${file}?format=car`)).cids.concat(cids.slice(at + 5)));
  });

  test('scopes: one block, one thing, everything; with the blocks of the way to it', async () => {
    const folderCid = await cidAt('data');
    const file = await cidAt('data', 'large.bin');
    const whole = (await carOf(`/ipfs/${file}?format=car`)).cids;
    assert.equal(whole.length, 5);
    const way = [root.toString(), folderCid];
    const path = `/ipfs/${root}/data/large.bin?format=car`;
    assert.deepEqual((await carOf(`${path}&dag-scope=block`)).cids, [...way, file]);
    assert.deepEqual((await carOf(`${path}&dag-scope=entity`)).cids, [...way, ...whole]);
    assert.deepEqual((await carOf(`${path}&dag-scope=all`)).cids, [...way, ...whole]);
    assert.deepEqual((await carOf(`/ipfs/${root}/data?format=car&dag-scope=entity`)).cids, way);
    assert.deepEqual((await carOf(`/ipfs/${root}/data/%C3%BC%20b.txt?format=car`)).cids.length, 3);
  });

  test('entity-bytes narrows a file to the parts that hold them', async () => {
    const file = await cidAt('data', 'large.bin');
    const [top = '', ...parts] = (await carOf(`/ipfs/${file}?format=car`)).cids;
    const mib = 1_048_576;
    const rows: readonly (readonly [string, readonly string[]])[] = [
      ['0:0', parts.slice(0, 1)],
      [`${mib}:${mib}`, parts.slice(1, 2)],
      [`${mib - 1}:${mib}`, parts.slice(0, 2)],
      [`${3 * mib}:*`, parts.slice(3)],
      ['-1:-1', parts.slice(3)],
      ['-1:*', parts.slice(3)],
      ['0:*', parts],
      ['0:-1', parts],
      ['99999999:*', []],
    ];
    for (const [span, expected] of rows) {
      const { cids } = await carOf(`/ipfs/${file}?format=car&dag-scope=entity&entity-bytes=${span}`);
      assert.deepEqual(cids, [top, ...expected], span);
    }
    assert.equal((await carOf(`/ipfs/${file}?format=car&dag-scope=all&entity-bytes=0:0`)).cids.length, 5);
  });

  test('sharded directories: names in them are found, and all of their shards are one thing', async () => {
    const all = (await carOf(`/ipfs/${sharded}?format=car`)).cids;
    const shards = (await carOf(`/ipfs/${sharded}?format=car&dag-scope=entity`)).cids;
    assert.ok(shards.length > 5 && all.length === shards.length + 300);
    const { cids } = await carOf(`/ipfs/${sharded}/file-123.txt?format=car`);
    assert.ok(cids.length >= 2 && cids.length <= 5);
    const file = await app.inject({ url: `/ipfs/${cids.at(-1)}?format=raw` });
    assert.equal(file.body, 'text 123');
  });

  test('the empty identity block that probes ask for is there', async () => {
    const answer = await app.inject({ url: '/ipfs/bafkqaaa?format=raw' });
    assert.deepEqual([answer.statusCode, answer.body], [200, '']);
  });

  const other = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
  const refused: readonly (readonly [what: string, url: string, headers: Record<string, string>, status: number])[] = [
    ['no format at all', '/ipfs/CID', {}, 400],
    ['anything', '/ipfs/CID', { accept: '*/*' }, 400],
    ['a web page', '/ipfs/CID', { accept: 'text/html' }, 406],
    ['another format', '/ipfs/CID?format=dag-json', {}, 406],
    ['version 2', '/ipfs/CID?format=car&car-version=2', {}, 406],
    ['duplicates', '/ipfs/CID', { accept: 'application/vnd.ipld.car; dups=y' }, 406],
    ['no CID', '/ipfs/nothing?format=raw', {}, 400],
    ['an empty CID', '/ipfs/?format=raw', {}, 400],
    ['a CID of another hash', '/ipfs/bafkr4ic3mfbg4bzkq3tzdgekkl6uuxbtdggvxrw3r3n4yj4sc3zrcl7kyu?format=raw', {}, 400],
    ['a raw block below a path', '/ipfs/CID/f.wasm?format=raw', {}, 400],
    ['a name that climbs', '/ipfs/CID/..%2f..%2fpins.json?format=car', {}, 404],
    ['a scope that is none', '/ipfs/CID?format=car&dag-scope=some', {}, 400],
    ['a span that is none', '/ipfs/CID?format=car&dag-scope=entity&entity-bytes=1', {}, 400],
    ['a span that ends before it starts', '/ipfs/CID?format=car&entity-bytes=5:4', {}, 400],
    ['a span of a huge number', `/ipfs/CID?format=car&entity-bytes=0:${'9'.repeat(40)}`, {}, 400],
    ['a block that is not here', `/ipfs/${other}?format=raw`, {}, 404],
    ['a DAG that is not here', `/ipfs/${other}?format=car`, {}, 404],
    ['a name that is not there', '/ipfs/CID/none?format=car', {}, 404],
    ['a name below a file', '/ipfs/CID/f.wasm/x?format=car', {}, 404],
    ['what is not cached', `/ipfs/${other}?format=raw`, { 'cache-control': 'only-if-cached' }, 412],
  ];
  for (const [what, url, headers, status] of refused) {
    test(`${what} is answered with ${status} and one sentence`, async () => {
      const answer = await app.inject({ url: url.replace('CID', root.toString()), headers });
      assert.equal(answer.statusCode, status);
      assert.match(answer.body, /^\S.*\n$/);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
      assert.equal(answer.headers['cache-control'], undefined);
      assert.equal(answer.headers.etag, undefined);
    });
  }

  test('a block with more links than can be read in a moment is refused before it is read, and can be had raw', async () => {
    const leaf = CID.createV1(0x55, Digest.create(0x12, hash('sha256', 'x', 'buffer')));
    const Links = Array.from({ length: 9_000 }, (_, at) => ({ Hash: leaf, Name: String(10_000 + at), Tsize: 1 }));
    // UnixFS: a directory.
    const bytes = dagPb.encode({ Data: Uint8Array.of(8, 1), Links });
    const wide = CID.createV1(0x70, Digest.create(0x12, hash('sha256', bytes, 'buffer')));
    await folder.blocks.put(wide, bytes);
    const answer = await app.inject({ url: `/ipfs/${wide}/10001?format=car` });
    assert.equal(answer.statusCode, 501);
    assert.match(answer.body, /has 9000 links, more than the 8192 allowed/);
    // Its own block proves what it is; what is below it does not follow.
    await assert.rejects(app.inject({ url: `/ipfs/${wide}?format=car` }));
    assert.equal((await app.inject({ url: `/ipfs/${wide}?format=raw` })).statusCode, 200);
  });

  test('only GET and HEAD are answered', async () => {
    const answer = await app.inject({ method: 'POST', url: `/ipfs/${root}?format=raw`, payload: '{}' });
    assert.deepEqual([answer.statusCode, answer.headers.allow], [405, 'GET, HEAD']);
    assert.equal((await app.inject({ url: `/ipfs/${root}/%zz?format=car` })).statusCode, 400);
  });

  test('a node that serves no gateway has nothing there', async () => {
    const plain = await createApi(stubNode(), { log: false, bodyLimitBytes: 1000 });
    assert.equal((await plain.inject({ url: `/ipfs/${root}?format=raw` })).statusCode, 404);
    await plain.close();
  });

  test('a large CAR streams no faster than it is read, and ends when its reader leaves', async () => {
    let read = 0;
    const blocks = createLocalBlocks({
      folder: {
        get: (cid) => {
          read++;
          return folder.blocks.get(cid);
        },
      },
    });
    const wide = await importFiles({ '': wasm('wide', 40 * 1_048_576) });
    for (const [text, bytes] of wide.blocks) await folder.blocks.put(CID.parse(text), bytes);
    const slow = await createApi(stubNode(), { log: false, bodyLimitBytes: 1000, gateway: blocks });
    await slow.listen({ host: '127.0.0.1', port: 0 });
    const { port } = slow.server.address() as AddressInfo;
    const { body } = await request(`http://127.0.0.1:${port}/ipfs/${wide.cid}?format=car`);
    await body[Symbol.asyncIterator]().next();
    // Sockets hold some megabytes; the rest stays on disk.
    let before = -1;
    while (read !== before) {
      before = read;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(read < 35, `${read} of 42 blocks were read for a reader that does not read`);
    body.on('error', () => {}).destroy();
    await slow.close();
    assert.ok(read < 42);
  });

  test('a block that is corrupt on disk is not served, and a CAR that needs it breaks off', async () => {
    const { cid, blocks } = await importFiles({ '': wasm('corrupt', 2_300_000) });
    for (const [text, bytes] of blocks) await folder.blocks.put(CID.parse(text), bytes);
    const last = [...blocks.keys()].filter((text) => text !== cid.toString()).at(-1) ?? '';
    await writeFile(folder.layout.block(CID.parse(last)), 'evil bytes!');
    const served = await createApi(stubNode(), {
      log: false,
      bodyLimitBytes: 1000,
      gateway: createLocalBlocks({ folder: folder.blocks }),
    });
    await served.listen({ host: '127.0.0.1', port: 0 });
    const { port } = served.server.address() as AddressInfo;
    const { statusCode, body } = await request(`http://127.0.0.1:${port}/ipfs/${cid}?format=car`);
    assert.equal(statusCode, 200);
    await assert.rejects(body.arrayBuffer());
    const raw = await request(`http://127.0.0.1:${port}/ipfs/${last}?format=raw`);
    assert.equal(raw.statusCode, 404);
    await raw.body.dump();
    await served.close();
  });
});
