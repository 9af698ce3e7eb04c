import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { createStore } from '../../runtime/store/store.ts';
import {
  blocklessPackage,
  filesBelow,
  gateway,
  heavyWasm,
  importFiles,
  NEVER,
  openStore,
  serve,
  tempDir,
  wasm,
} from './support.ts';

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test('a hundred callers of one function cost one request for each block', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('flight', 2_500_000) });
  const { url, asked } = await gateway(t, blocks, (request, response, block) => {
    setTimeout(() => serve(request, response, block), 20);
  });
  const store = await openStore(t, { gateways: [url] });
  const calls = Array.from({ length: 100 }, (_, index) =>
    store.get(cid.toString(), { method: `${index % 3}.wasm`, signal: NEVER }),
  );
  const found = await Promise.all(calls);
  assert.equal(asked.length, blocks.size);
  assert.equal(found[4]?.name, '1.wasm');
});

test('two methods of one package share the blocks that are under way', async (t) => {
  const files = blocklessPackage([
    { name: 'a.wasm', data: wasm('a', 200_000) },
    { name: 'b.wasm', data: wasm('b', 200_000) },
  ]);
  const { cid, blocks } = await importFiles(files);
  const { url, asked } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  const methods = ['a.wasm', 'b.wasm'];
  const found = await Promise.all(methods.map((method) => store.get(cid.toString(), { method, signal: NEVER })));
  assert.deepEqual(
    found.map(({ name }) => name),
    methods,
  );
  assert.equal(asked.length, blocks.size);
});

test('a caller who leaves takes nothing from the others, and the last one ends the work', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('leave') });
  let release = (): void => {};
  let closed = 0;
  const { url, asked } = await gateway(t, blocks, (request, response, block) => {
    response.on('close', () => {
      if (!response.writableEnded) closed++;
    });
    release = () => serve(request, response, block);
  });
  const store = await openStore(t, { gateways: [url] });
  const leaving = [new AbortController(), new AbortController()];
  const left = leaving.map(({ signal }) =>
    assert.rejects(store.get(cid.toString(), { method: '', signal }), { code: 'ERR_CANCELLED' }),
  );
  while (asked.length === 0) await soon();
  for (const controller of leaving) controller.abort();
  await Promise.all(left);
  while (closed === 0) await soon();

  const [first, second] = [new AbortController(), new AbortController()];
  const gone = store.get(cid.toString(), { method: '', signal: first.signal });
  const stays = store.get(cid.toString(), { method: '', signal: second.signal });
  while (asked.length === 1) await soon();
  first.abort(new InferbaseError('ERR_BUSY', 'told so'));
  await assert.rejects(gone, { code: 'ERR_BUSY' });
  release();
  assert.equal((await stays).name, `${cid}.wasm`);
  assert.equal(closed, 1);
});

test('a signal that is aborted already starts nothing', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('aborted') });
  const { url, asked } = await gateway(t, blocks);
  const store = await openStore(t, { gateways: [url] });
  await assert.rejects(store.get(cid.toString(), { method: '', signal: AbortSignal.abort() }), {
    code: 'ERR_CANCELLED',
  });
  assert.deepEqual(asked, []);
});

test('a step that takes too long fails its function, and the others are done by the next thread', async (t) => {
  const dataDir = await tempDir(t);
  const heavy = await importFiles({ '': heavyWasm() });
  const light = await importFiles({ '': wasm('light') });
  const held: (() => void)[] = [];
  const { url } = await gateway(t, new Map([...heavy.blocks, ...light.blocks]), (request, response, block) => {
    if (request.url?.includes(light.cid.toString())) held.push(() => serve(request, response, block));
    else serve(request, response, block);
  });
  let hang = true;
  const store = await openStore(t, {
    dataDir,
    gateways: [url],
    cpuTimeoutMs: 1,
    log: (line) => {
      if (line.includes('replaced')) hang = false;
    },
  });
  const waiting = store.get(light.cid.toString(), { method: '', signal: NEVER });
  while (held.length === 0) await soon();
  await assert.rejects(store.get(heavy.cid.toString(), { method: '', signal: NEVER }), {
    code: 'ERR_INVALID_MODULE',
    message: /took more than 1 ms/,
  });
  assert.equal(hang, false);
  while (held.length < 2) await soon();
  // The rerun itself is as short of time here; what counts is that it was given to a thread again and came to an end.
  held[1]?.();
  await waiting.catch((error: { code: string }) => assert.equal(error.code, 'ERR_INVALID_MODULE'));
});

test("several stores on one folder at once see whole files only, and each other's pins", async (t) => {
  const dataDir = await tempDir(t);
  const { cid, blocks } = await importFiles({ '': wasm('shared', 2_500_000) });
  const { url } = await gateway(t, blocks);
  const stores = await Promise.all(
    Array.from({ length: 4 }, () => createStore({ dataDir, gateways: [url], log: () => {} })),
  );
  await Promise.all(stores.map((store) => store.get(cid.toString(), { method: '', signal: NEVER })));
  const added = await Promise.all(stores.map((store, index) => store.add([{ path: '', bytes: wasm(`pin${index}`) }])));
  await Promise.all(stores.map((store, index) => store.pin(added[index]?.cid ?? '', `pin${index}`)));
  for (const store of stores) {
    const pins = await store.pins();
    assert.deepEqual(pins.map(({ name }) => name).toSorted(), ['pin0', 'pin1', 'pin2', 'pin3']);
    assert.ok(pins.every(({ pinnedAt }) => !Number.isNaN(Date.parse(pinnedAt))));
  }
  await Promise.all(stores.map((store) => store.close()));
  assert.ok((await filesBelow(dataDir)).every((path) => !path.endsWith('.tmp') && !path.endsWith('.lock')));
});

test('pinning again renames, and a pin of what is nowhere is refused', async (t) => {
  const store = await openStore(t);
  assert.deepEqual(await store.pins(), []);
  const { cid } = await store.add([{ path: '', bytes: wasm('pin') }]);
  await store.pin(cid, 'old');
  await store.pin(cid, 'new');
  assert.deepEqual(
    (await store.pins()).map((pin) => [pin.cid, pin.name]),
    [[cid, 'new']],
  );
  const absent = await importFiles({ '': wasm('absent') });
  await assert.rejects(store.pin(absent.cid.toString(), 'x'), { code: 'ERR_FUNCTION_NOT_FOUND' });
});

test('compiled modules leave memory by bytes and come back from disk', async (t) => {
  const store = await openStore(t, { memoryBytes: 150_000 });
  const cids: string[] = [];
  for (const name of ['a', 'b', 'c']) cids.push((await store.add([{ path: '', bytes: wasm(name, 60_000) }])).cid);
  const first = await Promise.all(cids.map((cid) => store.get(cid, { method: '', signal: NEVER })));
  const again = await Promise.all(cids.map((cid) => store.get(cid, { method: '', signal: NEVER })));
  assert.deepEqual(
    again.map(({ facts }) => facts.sha256),
    first.map(({ facts }) => facts.sha256),
  );
  assert.ok(again.some((found, index) => found.module !== first[index]?.module));
  const [known = ''] = cids;
  const kept = await store.get(known, { method: '', signal: NEVER });
  assert.equal((await store.get(known, { method: '', signal: NEVER })).module, kept.module);
});

test('modules whose function types would exhaust V8 are refused before they do', async (t) => {
  const store = await openStore(t, { maxTypes: 3 });
  const module = (types: number): Uint8Array =>
    Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 1 + 3 * types, types, ...Array(types).fill([0x60, 0, 0]).flat());
  await store.prepareFile(module(1), 'one.wasm');
  await store.prepareFile(module(1), 'one.wasm');
  await store.prepareFile(module(2), 'two.wasm');
  await assert.rejects(store.prepareFile(module(3), 'three.wasm'), { code: 'ERR_BUSY', message: /3 function types/ });
});
