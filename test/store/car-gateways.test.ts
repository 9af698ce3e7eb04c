import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CID } from 'multiformats/cid';
import { writeCar } from '../../runtime/store/car/write-car.ts';
import type { Block } from '../../runtime/store/dag-walk.ts';
import type { SourceShare } from '../../runtime/store/sources/tally.ts';
import { type Answer, type Blocks, blocksOf, gateway, importFiles, NEVER, openStore, serve, wasm } from './support.ts';

const { cid: ROOT, blocks: DAG } = await importFiles({ '': wasm('by CAR', 4_300_000) });
const BLOCKS = blocksOf(DAG);
const TYPE = 'application/vnd.ipld.car; version=1; order=dfs; dups=n';

async function carOf(blocks: readonly Block[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  async function* listed(): AsyncGenerator<Block> {
    yield* blocks;
  }
  for await (const chunk of writeCar([ROOT], listed())) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Answers with these blocks as a CAR, and then as told. */
async function car(blocks: readonly Block[], end: Answer = (_request, response) => response.end()): Promise<Answer> {
  const bytes = await carOf(blocks);
  return (request, response) => {
    response.writeHead(200, { 'content-type': TYPE }).write(bytes);
    end(request, response, undefined);
  };
}

const hang: Answer = () => {};
const drip: Answer = (_request, response) => {
  const timer = setInterval(() => response.write(Buffer.alloc(10)), 20);
  response.on('close', () => clearInterval(timer));
};
const endless = async (block: Block): Promise<Answer> => {
  const whole = await carOf([block]);
  const entry = whole.subarray((whole[0] ?? 0) + 1);
  return (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(entry));
    };
    response.on('drain', more).on('error', () => {});
    more();
  };
};
const changed = ({ cid, bytes }: Block): Block => {
  const copy = Uint8Array.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return { cid, bytes: copy };
};

interface Fetched {
  readonly shares: readonly SourceShare[];
  readonly lines: number;
}

/** Fetches the function with these gateways and returns what the log tells. */
async function fetched(t: TestContext, gateways: readonly { url: string }[], patienceMs = 60_000): Promise<Fetched> {
  const told: { cid: string; ms: number; sources: readonly SourceShare[] }[] = [];
  const store = await openStore(t, {
    gateways: gateways.map(({ url }) => url),
    patienceMs,
    log: (line, fields) => {
      if (line === 'fetched') told.push(fields as (typeof told)[number]);
    },
  });
  const found = await store.get(ROOT.toString(), { method: '', signal: NEVER });
  assert.equal(found.facts.size, wasm('by CAR', 4_300_000).length);
  // All of it is here now, on disk and true.
  let blocks = 0;
  for await (const _ of store.exportCar(ROOT.toString(), { signal: NEVER })) blocks++;
  assert.equal(blocks, 1 + 2 * BLOCKS.length);
  assert.equal(told[0]?.cid, ROOT.toString());
  return { shares: told[0]?.sources ?? [], lines: told.length };
}

test('a whole function comes in one request, and the log tells from where', async (t) => {
  const good = await gateway(t, DAG, serve, await car(BLOCKS));
  const { shares, lines } = await fetched(t, [good]);
  assert.deepEqual([good.cars, good.asked, lines], [[ROOT.toString()], [], 1]);
  const [share] = shares;
  assert.equal(shares.length, 1);
  assert.deepEqual([share?.source, share?.blocks], [`${good.url}/`, BLOCKS.length]);
  assert.equal(
    share?.bytes,
    BLOCKS.reduce((sum, { bytes }) => sum + bytes.length, 0),
  );
  assert.ok((share?.ms ?? -1) >= 0);
});

test('one block alone is asked for as such', async (t) => {
  const { cid, blocks } = await importFiles({ '': wasm('one block') });
  const good = await gateway(t, blocks, serve, await car(BLOCKS));
  const store = await openStore(t, { gateways: [good.url], patienceMs: 60_000 });
  await store.get(cid.toString(), { method: '', signal: NEVER });
  assert.deepEqual([good.cars, good.asked], [[], [cid.toString()]]);
});

const [first, second, ...others] = BLOCKS as [Block, Block, ...Block[]];
const rest = [second, ...others];
const { blocks: strange } = await importFiles({ '': wasm('something else') });
const blind: Answer = (_request, response) => response.end('<!doctype html>');
const noCar: Answer = (_request, response) => response.writeHead(200, { 'content-type': TYPE }).end('nothing');
const elsewhere: Answer = (_request, response) => response.writeHead(302, { location: '/' }).end();
const broken: Answer = (_request, response) => response.writeHead(500).end();
const never: Answer = (_request, response) => response.writeHead(406).end();
/** What a gateway gives for a CAR, and how many blocks of it are used. */
const bad: readonly (readonly [what: string, answer: Answer, used: number])[] = [
  ['leaves the last block out', await car(BLOCKS.slice(0, -1)), BLOCKS.length - 1],
  ['leaves the root out', await car(rest), 0],
  ['sends a corrupt block', await car([first, second, ...others.map(changed)]), 2],
  ['sends children first', await car([...rest, first]), 0],
  ['sends blocks of something else', await car([first, second, ...blocksOf(strange)]), 2],
  [
    'breaks off midway',
    // Once all of it is on its way.
    await car([first, second], (_request, response) => void response.write('\u0080', () => response.destroy())),
    2,
  ],
  ['sends the same block for ever', await car([first, second], await endless(second)), 2],
  ['sends a web page', blind, 0],
  ['sends what is no CAR', noCar, 0],
  ['redirects', elsewhere, 0],
  ['fails', broken, 0],
  ['has no CARs', never, 0],
];
for (const [what, answer, used] of bad) {
  test(`from a gateway that ${what}, true blocks are kept and the others come one by one`, async (t) => {
    const source = await gateway(t, DAG, serve, answer);
    const { shares } = await fetched(t, [source]);
    assert.deepEqual([source.cars, source.asked.length], [[ROOT.toString()], BLOCKS.length - used]);
    assert.equal(shares[0]?.blocks, BLOCKS.length);
  });
}

const slow: readonly (readonly [what: string, answer: Answer])[] = [
  ['stops midway', await car([first, second], hang)],
  ['drips', await car([first, second], drip)],
  ['never answers', hang],
];
for (const [what, answer] of slow) {
  test(`nobody waits for a gateway that ${what}: blocks come one by one`, async (t) => {
    const source = await gateway(t, DAG, serve, answer);
    const { shares } = await fetched(t, [source], 200);
    assert.ok(source.asked.length > 0);
    assert.ok((shares[0]?.blocks ?? 0) >= BLOCKS.length);
  });
}

test('repeated blocks and those that carry themselves do no harm', async (t) => {
  const identity = CID.parse('bafkqablimvwgy3y');
  const own = { cid: identity, bytes: Buffer.from('hello') };
  const source = await gateway(t, DAG, serve, await car([first, first, second, second, ...others, first]));
  await fetched(t, [source]);
  assert.deepEqual(source.asked, []);
  const odd = await gateway(t, DAG, serve, await car([own, ...BLOCKS]));
  await fetched(t, [odd]);
});

test('another gateway is asked for the CAR where one has none, and blocks come from whoever has them', async (t) => {
  const none = await gateway(t, new Map());
  const good = await gateway(t, DAG, serve, await car(BLOCKS));
  const { shares } = await fetched(t, [none, good]);
  assert.deepEqual([good.cars.length, good.asked], [1, []]);
  assert.deepEqual(
    shares.map(({ source }) => source),
    [`${good.url}/`],
  );
  const stops = await gateway(t, new Map(), serve, await car([first], hang));
  const blocks = await gateway(t, DAG);
  const mixed = await fetched(t, [stops, blocks], 3_000);
  assert.deepEqual(
    mixed.shares.map(({ source, blocks: count }) => [source, count]),
    [
      [`${stops.url}/`, 1],
      [`${blocks.url}/`, BLOCKS.length - 1],
    ],
  );
});

test('a gateway that gave no CAR is asked for blocks only from then on', async (t) => {
  const second: Blocks = new Map(DAG);
  const other = await importFiles({ '': wasm('another by blocks', 1_500_000) });
  for (const [text, bytes] of other.blocks) second.set(text, bytes);
  const source = await gateway(t, second);
  const store = await openStore(t, { gateways: [source.url], patienceMs: 60_000 });
  await store.get(ROOT.toString(), { method: '', signal: NEVER });
  await store.get(other.cid.toString(), { method: '', signal: NEVER });
  assert.deepEqual(source.cars, [ROOT.toString()]);
});

test('many callers at the same time are one fetch', async (t) => {
  const good = await gateway(t, DAG, serve, await car(BLOCKS));
  const store = await openStore(t, { gateways: [good.url], patienceMs: 60_000 });
  await Promise.all([
    ...Array.from({ length: 20 }, () => store.get(ROOT.toString(), { method: '', signal: NEVER })),
    store.pin(ROOT.toString(), 'pinned'),
    store.list(ROOT.toString(), { signal: NEVER }),
  ]);
  assert.deepEqual([good.cars.length, good.asked], [1, []]);
});
