import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { LEGACY_LIMITS, parseManifest } from '../../runtime/core/manifest.ts';

const SUM = 'ab'.repeat(32);
const parse = (value: unknown) => parseManifest(Buffer.from(JSON.stringify(value)));

/** As the bls CLI writes it. */
const BLS = {
  id: '',
  version: 1,
  name: 'coin',
  hooks: [],
  description: '',
  fs_root_path: './',
  drivers_root_path: './',
  runtime_logger: 'runtime.log',
  entry: '_start',
  contentType: 'json',
  modules: [{ file: 'coin.wasm', name: 'coin', type: 'entry', md5: 'AB'.repeat(16) }],
  permissions: [],
  runtime: { url: 'coin.tar.gz', checksum: SUM },
};

test('a manifest of the bls CLI is read, and what means nothing here left out', () => {
  assert.deepEqual(parse(BLS), {
    name: 'coin',
    archive: { url: 'coin.tar.gz', checksum: SUM },
    permissions: null,
    limits: {},
    modules: [{ file: 'coin.wasm', md5: 'ab'.repeat(16), name: 'coin', type: 'entry' }],
    entryModule: 'coin.wasm',
    entryExport: null,
    files: null,
  });
});

test('a manifest of the newer form is read; a runtime URL goes before its deployment', () => {
  const newer = {
    function: { name: 'coin' },
    deployment: { uri: 'x.tar.gz', checksum: SUM.toUpperCase(), methods: [] },
  };
  assert.equal(parse(newer).name, 'coin');
  assert.deepEqual(parse(newer).archive, { url: 'x.tar.gz', checksum: SUM });
  assert.equal(parse({ ...newer, runtime: { url: '', checksum: '' } }).archive?.url, 'x.tar.gz');
  assert.equal(parse({ ...newer, runtime: { url: 'y.tar.gz', checksum: SUM } }).archive?.url, 'y.tar.gz');
});

test('a manifest that says nothing narrows nothing', () => {
  const nothing = { modules: [], entryModule: null, entryExport: null, files: null };
  const empty = { name: '', archive: null, permissions: null, limits: {}, ...nothing };
  assert.deepEqual(parse({}), empty);
  assert.deepEqual(parse({ name: null, permissions: null, runtime: null, modules: null, inferbase: null }), empty);
  assert.equal(parse({ permissions: [] }).permissions, null);
  assert.deepEqual(parse({ permissions: [], inferbase: {} }).permissions, []);
  assert.deepEqual(parse({ permissions: ['https://a.example/'] }).permissions, ['https://a.example/']);
});

test('version 1 names the export to call, version 0 a file that means nothing here', () => {
  assert.equal(parse({ version: 1, entry: 'main' }).entryExport, 'main');
  for (const usual of [{ version: 1, entry: '' }, { version: 1 }, { version: 1, entry: '_start' }]) {
    assert.equal(parse(usual).entryExport, null);
  }
  for (const other of [{ entry: 'a.wasm' }, { version: 0, entry: 'a.wasm' }, { version: '1.0', entry: 7 }]) {
    assert.equal(parse(other).entryExport, null);
  }
});

test('limits are read in their units, 0 being none', () => {
  assert.deepEqual(parse({ limited_memory: 30, run_time: 5000, limited_fuel: 7 }).limits, {
    memoryPages: 30,
    deadlineMs: 5000,
    fuel: 7,
  });
  assert.deepEqual(parse({ limited_memory: 0, run_time: 0, limited_fuel: 0 }).limits, {});
  const own = { limits: { memoryPages: 10, hostCalls: 0, unknown: 'x' } };
  assert.deepEqual(parse({ inferbase: own }).limits, { memoryPages: 10, hostCalls: 0 });
});

test('of a limit that is written under both of its names the smaller value holds', () => {
  for (const [legacy, name] of Object.entries(LEGACY_LIMITS)) {
    const both = (old: number, own: number) => parse({ [legacy]: old, inferbase: { limits: { [name]: own } } }).limits;
    assert.deepEqual(both(30, 10), { [name]: 10 });
    assert.deepEqual(both(10, 30), { [name]: 10 });
    // In the older form 0 is no limit, in ours it is one.
    assert.deepEqual(both(0, 30), { [name]: 30 });
    assert.deepEqual(both(10, 0), { [name]: 0 });
  }
});

test('a value of the wrong kind is refused, and the key is named', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [{ name: 1 }, 'name'],
    [{ runtime: 'x' }, 'runtime'],
    [{ runtime: { url: 1 } }, 'runtime.url'],
    [{ runtime: { url: 'x' } }, 'runtime.checksum'],
    [{ deployment: { uri: 'x', checksum: 'xyz' } }, 'deployment.checksum'],
    [{ permissions: 'all' }, 'permissions'],
    [{ permissions: ['a', 1] }, 'permissions[1]'],
    [{ modules: {} }, 'modules'],
    [{ modules: [null] }, 'modules[0]'],
    [{ modules: [{}] }, 'modules[0].file'],
    [{ modules: [{ file: 'x', md5: '12' }] }, 'modules[0].md5'],
    [{ modules: [{ file: 'x', name: 1 }] }, 'modules[0].name'],
    [{ version: 1, entry: 7 }, 'entry'],
    [{ limited_memory: -1 }, 'limited_memory'],
    [{ run_time: 1.5 }, 'run_time'],
    [{ run_time: '10' }, 'run_time'],
    [{ inferbase: [] }, 'inferbase'],
    [{ inferbase: { files: 'x' } }, 'inferbase.files'],
    [{ inferbase: { files: ['a/../../b'] } }, 'inferbase.files[0]'],
    [{ inferbase: { files: ['ok', '/etc/passwd'] } }, 'inferbase.files[1]'],
    [{ inferbase: { limits: { deadlineMs: 1e300 } } }, 'inferbase.limits.deadlineMs'],
  ];
  for (const [value, key] of cases) {
    assert.throws(
      () => parse(value),
      (error: unknown) => {
        assert.ok(error instanceof InferbaseError && error.code === 'ERR_INVALID_MANIFEST');
        assert.ok(error.message.startsWith(`manifest.json: ${key} should be `), error.message);
        return true;
      },
    );
  }
});

test('what is not a JSON object in UTF-8, or is too long, is refused', () => {
  const nested = Buffer.alloc(200_000, '[');
  for (const bytes of [
    '',
    'x',
    '[]',
    'null',
    '1',
    '{"a":',
    Buffer.from([0x7b, 0xff, 0x7d]),
    nested,
    Buffer.alloc(300_000, ' '),
  ]) {
    assert.throws(() => parseManifest(Buffer.from(bytes)), { code: 'ERR_INVALID_MANIFEST' });
  }
});

test('names from the prototype are only names', () => {
  assert.equal(parseManifest(Buffer.from('{"__proto__":{"name":"x","permissions":["y"]}}')).name, '');
});
