import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLayout } from '../../runtime/store/layout.ts';
import { createStore } from '../../runtime/store/store.ts';
import { type Answer, gateway, importFiles, NEVER, openStore, serve, tempDir, wasm } from './support.ts';

const stall: Answer = () => {};
const lie: Answer = (_request, response, block) => {
  const wrong = Uint8Array.from(block ?? [1]);
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  response.end(wrong);
};
const redirect: Answer = (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
const tenfold: Answer = (_request, response, block) => {
  const part = block ?? new Uint8Array(1000);
  for (let times = 0; times < 10; times++) response.write(part);
  response.end();
};
const endless: Answer = (_request, response) => {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', more).on('error', () => {});
  more();
};
const huge: Answer = (_request, response) => {
  response.writeHead(200, { 'content-length': 1_000_000_000 }).flushHeaders();
};
const dieMidway: Answer = (_request, response, block) => {
  response.writeHead(200, { 'content-length': (block?.length ?? 0) + 10 });
  response.write(block?.subarray(0, 10));
  setImmediate(() => response.destroy());
};
const shortBody: Answer = (_request, response, block) => response.end(block?.subarray(0, -1));
const broken: Answer = (_request, response) => response.writeHead(500).end('no');
const garbage: Answer = (request) => request.socket.end('not http at all\r\n\r\n');

test('bad gateways lose against the one good gateway, for every block of a function', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('race', 3_500_000) });
  assert.equal(blocks.size, 5);
  const bad = [stall, lie, redirect, tenfold, endless, huge, dieMidway, shortBody, broken, garbage];
  const gateways = await Promise.all(bad.map((answer) => gateway(t, blocks, answer)));
  const good = await gateway(t, blocks, (request, response, block) => {
    setTimeout(() => serve(request, response, block), 30);
  });
  const store = await openStore(t, { gateways: [...gateways.map(({ url }) => url), 'http://127.0.0.1:1', good.url] });
  const found = await store.get(cid.toString(), { method: '', signal: NEVER });
  assert.equal(found.facts.size, wasm('race', 3_500_000).length);
  assert.deepEqual(good.asked.toSorted(), [...blocks.keys()].sort());
});

test('a function that only bad gateways offer fails with a line for each source', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('all bad') });
  const cases: readonly (readonly [Answer, RegExp])[] = [
    [lie, /other bytes than the CID names/],
    [redirect, /answered 302; redirects are not followed/],
    [tenfold, /other bytes/],
    [endless, /more than 2097152 bytes/],
    [huge, /more than 2097152 bytes/],
    [dieMidway, /failed: /],
    [shortBody, /other bytes/],
    [broken, /answered 500/],
    [garbage, /failed: /],
  ];
  const gateways = await Promise.all(cases.map(([answer]) => gateway(t, blocks, answer)));
  const store = await openStore(t, { gateways: gateways.map(({ url }) => url), sourceTimeoutMs: 100_000 });
  const error = await store.get(cid.toString(), { method: '', signal: NEVER }).then(
    () => assert.fail('it was found'),
    (reason: { code: string; details: readonly string[] }) => reason,
  );
  assert.equal(error.code, 'ERR_SOURCE_UNAVAILABLE');
  assert.equal(error.details.length, cases.length);
  for (const [index, [, expected]] of cases.entries()) {
    const url = gateways[index]?.url ?? '';
    const line = error.details.find((detail) => detail.startsWith(url));
    assert.match(line ?? '', expected);
  }
});

test('a gateway that stalls is given up after its time', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('stalled') });
  const { url } = await gateway(t, blocks, stall);
  const store = await openStore(t, { gateways: [url], sourceTimeoutMs: 200 });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_SOURCE_UNAVAILABLE',
    details: [`${url}/: gave no block within 200 ms`],
  });
});

test('the code tells a function nobody has from one that is only offered wrongly', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('codes') });
  const none = await gateway(t, new Map());
  const gone = await gateway(t, new Map(), (_request, response) => response.writeHead(410).end());
  const liar = await gateway(t, blocks, lie);
  const absent = await openStore(t, { gateways: [none.url, gone.url] });
  await assert.rejects(absent.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_FUNCTION_NOT_FOUND',
    details: [`${none.url}/: answered 404, it does not have it`, `${gone.url}/: answered 410, it does not have it`],
  });
  const wrong = await openStore(t, { gateways: [none.url, liar.url] });
  await assert.rejects(wrong.get(cid.toString(), { method: '', signal: NEVER }), { code: 'ERR_INTEGRITY' });
});

test('a function that keeps arriving too slowly ends at the total time, saying who was asked', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('slow', 20_000_000) });
  const slow = await gateway(t, blocks, (request, response, block) => {
    setTimeout(() => serve(request, response, block), 400);
  });
  const store = await openStore(t, { gateways: [slow.url], totalTimeoutMs: 600 });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_SOURCE_UNAVAILABLE',
    details: [`${slow.url}/: asked, too slow`],
  });
});

test('credentials in a gateway URL are not in the error', async (t) => {
  const { cid } = await importFiles({ '': wasm('secret') });
  const { url } = await gateway(t, new Map());
  const store = await openStore(t, { gateways: [url.replace('//', '//user:hunter2@')] });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: NEVER }), (error: Error) => {
    assert.ok(!JSON.stringify([error.message, 'details' in error && error.details]).includes('hunter2'));
    return true;
  });
});

test('a block that was corrupted on disk is thrown away and fetched again', async (t) => {
  const dataDir = await tempDir(t);
  const { cid, blocks } = await importFiles({ '': wasm('corrupt') });
  const path = createLayout(dataDir).block(cid);
  const source = await gateway(t, blocks);
  const lines: string[] = [];
  const first = await createStore({ dataDir, gateways: [source.url], log: () => {} });
  await first.pin(cid.toString(), 'first');
  await first.close();
  await writeFile(path, 'evil bytes!');

  const offline = await openStore(t, { dataDir, log: (line) => void lines.push(line) });
  await assert.rejects(offline.get(cid.toString(), { method: '', signal: NEVER }), { code: 'ERR_FUNCTION_NOT_FOUND' });
  assert.deepEqual(lines, ['a block on disk is corrupt and was deleted']);
  await writeFile(path, 'evil bytes!');
  const online = await openStore(t, { dataDir, gateways: [source.url] });
  await online.get(cid.toString(), { method: '', signal: NEVER });
  assert.deepEqual(new Uint8Array(await readFile(path)), blocks.get(cid.toString()));
});

test('blocks lie where blockstore-fs puts them by default', async (t) => {
  const dataDir = await tempDir(t);
  const store = await openStore(t, { dataDir });
  const { cid } = await store.add([{ path: '', bytes: Buffer.from('hello') }]);
  assert.equal(cid, 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq');
  const name = 'BCIQCZ4SNXJP3BIYOE3UDWKWFXHRJ4GYWDZOB7J2CLZZQIM3CSOFZQJA';
  assert.equal(await readFile(join(dataDir, 'blocks', name.slice(-2), `${name}.data`), 'utf8'), 'hello');
});
