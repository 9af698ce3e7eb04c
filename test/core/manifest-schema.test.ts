import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import fastify, { type FastifyInstance } from 'fastify';
import { LIMIT_NAMES } from '../../runtime/core/limits.ts';
import { LEGACY_LIMITS, MANIFEST_SCHEMA, parseManifest } from '../../runtime/core/manifest.ts';
import { packFunction } from '../../runtime/store/pack-function.ts';

const SCHEMA = JSON.parse(await readFile(new URL('../../sdk/manifest.schema.json', import.meta.url), 'utf8'));
const SUM = 'ab'.repeat(32);

/** The schema as a validator applies it that is none of ours. */
let validator: FastifyInstance;
before(async () => {
  const customOptions = { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } as const;
  validator = fastify({ ajv: { customOptions } });
  validator.post('/', { schema: { body: SCHEMA } }, async () => 'valid');
  await validator.ready();
});
after(() => validator.close());

async function isValid(manifest: unknown): Promise<boolean> {
  const payload = JSON.stringify(manifest);
  const headers = { 'content-type': 'application/json' };
  return (await validator.inject({ method: 'POST', url: '/', headers, payload })).statusCode === 200;
}

function parses(manifest: unknown): boolean {
  try {
    parseManifest(Buffer.from(JSON.stringify(manifest)));
    return true;
  } catch {
    return false;
  }
}

const READ = [
  {},
  { name: null, permissions: null, runtime: null, modules: null, inferbase: null },
  { version: 1, entry: 'main', modules: [{ file: 'a.wasm', name: 'a', type: 'entry', md5: '' }] },
  { runtime: { url: 'x.tar.gz', checksum: SUM }, permissions: ['https://a.example/'], hooks: [], extra: { any: 1 } },
  { runtime: { url: '' }, function: { name: 'x' }, deployment: { uri: 'x', checksum: SUM } },
  {
    limited_memory: 0,
    run_time: 5,
    inferbase: { limits: { fuel: 1 }, files: ['a', 'b/c.d', '.well-known/x', 'a..b'] },
  },
];

const REFUSED = [
  { name: 1 },
  { runtime: 'x' },
  { runtime: { url: 'x' } },
  { runtime: { url: 'x', checksum: 'abc' } },
  { permissions: 'all' },
  { permissions: [1] },
  { modules: [{}] },
  { modules: [{ file: 'x', md5: '12' }] },
  { limited_memory: -1 },
  { run_time: '10' },
  { inferbase: { limits: { deadlineMs: 1.5 } } },
  ...['', '/a', '../a', 'a/..', 'a/../b', './a', 'a//b', 'a/', 'a\\b', 'a\nb', '.', '..'].map((path) => ({
    inferbase: { files: [path] },
  })),
];

for (const manifest of READ) {
  test(`schema and node both take ${JSON.stringify(manifest)}`, async () => {
    assert.deepEqual([await isValid(manifest), parses(manifest)], [true, true]);
  });
}

for (const manifest of REFUSED) {
  test(`schema and node both refuse ${JSON.stringify(manifest)}`, async () => {
    assert.deepEqual([await isValid(manifest), parses(manifest)], [false, false]);
  });
}

test('the schema has every limit there is and the older names, under the name that manifests give it', () => {
  const { properties } = SCHEMA;
  assert.equal(SCHEMA.$id, MANIFEST_SCHEMA);
  assert.deepEqual(Object.keys(properties.inferbase.properties.limits.properties).sort(), [...LIMIT_NAMES].sort());
  for (const [older, limit] of Object.entries(LEGACY_LIMITS)) {
    assert.equal(properties[older].description, `Older name of inferbase.limits.${limit}.`);
  }
});

test('what the build writes is valid, and is read as it was meant', async () => {
  const { files } = await packFunction({
    name: 'price-feed',
    description: 'Tells prices.',
    contentType: 'json',
    module: Buffer.from('module'),
    files: [{ path: 'model/w.json', bytes: Buffer.from('{}') }],
    permissions: [],
    limits: { memoryPages: 10, fuel: 5, deadlineMs: 7 },
  });
  const bytes = files.find(({ path }) => path === 'manifest.json')?.bytes ?? new Uint8Array();
  assert.ok(await isValid(JSON.parse(Buffer.from(bytes).toString())));
  const manifest = parseManifest(bytes);
  assert.deepEqual(manifest.limits, { memoryPages: 10, fuel: 5, deadlineMs: 7 });
  assert.deepEqual(
    [manifest.permissions, manifest.files, manifest.entryModule],
    [[], ['model/w.json'], 'price-feed.wasm'],
  );
});
