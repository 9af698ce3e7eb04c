import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadSettings } from '../../runtime/config/load.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'inferbase-file-'));
});
after(() => rm(dir, { recursive: true, force: true }));

async function loadText(text: string | Uint8Array) {
  await writeFile(join(dir, 'in.yaml'), text);
  return loadSettings({ cwd: dir, env: {}, config: 'in.yaml' });
}

describe('settings file', () => {
  test('YAML and JSON say the same', async () => {
    const yaml = await loadText('limits:\n  queue: 7\ngateways:\n  - http://a\n');
    const json = await loadText('{"limits":{"queue":7},"gateways":["http://a"]}');
    assert.deepEqual(yaml.settings, json.settings);
    assert.equal(yaml.settings.limits.queue, 7);
    assert.equal(yaml.origin('limits.queue'), 'in.yaml:2');
  });

  test('an empty file and one with comments only set nothing', async () => {
    assert.equal((await loadText('')).settings.limits.queue, 1024);
    assert.equal((await loadText('# nothing\nlimits:\n')).settings.limits.queue, 1024);
  });

  test('inferbase.yaml in the working directory is read when nothing else is named', async () => {
    const cwd = join(dir, 'cwd');
    await mkdir(cwd);
    assert.equal((await loadSettings({ cwd, env: {} })).settings.limits.queue, 1024);
    await writeFile(join(cwd, 'inferbase.yaml'), 'limits: { queue: 1 }');
    await writeFile(join(cwd, 'other.json'), '{"limits":{"queue":2}}');
    await writeFile(join(cwd, 'third.yaml'), 'limits: { queue: 3 }');
    const env = { INFERBASE_CONFIG: 'other.json' };
    assert.equal((await loadSettings({ cwd, env: {} })).settings.limits.queue, 1);
    assert.equal((await loadSettings({ cwd, env })).settings.limits.queue, 2);
    assert.equal((await loadSettings({ cwd, env, config: 'third.yaml' })).settings.limits.queue, 3);
  });

  const rows: readonly [name: string, text: string | Uint8Array, message: RegExp][] = [
    [
      'an unknown key',
      'limits:\n  deadlinMs: 3',
      /^limits\.deadlinMs \(in\.yaml:2\) is not a setting; did you mean limits\.deadlineMs\?$/,
    ],
    ['an unknown key at the top', 'datadir: x', /^datadir \(in\.yaml:1\) .* did you mean dataDir\?/],
    [
      'an unknown key of an upstream',
      'upstreams: { m: { link: x } }',
      /^upstreams\.m\.link .* did you mean upstreams\./,
    ],
    ['a plural forgotten', 'gateway: ["http://x"]', /^gateway .* did you mean gateways\?$/],
    ['a key with dots', 'limits.queue: 3', /^limits\.queue .*; write it as nested keys/],
    ['an unknown group', 'limts:\n  queue: 3', /^limts \(in\.yaml:1\) is not a setting; did you mean limits\?$/],
    ['a setting that belongs into a group', 'deadlineMs: 3', /^deadlineMs .* did you mean limits\.deadlineMs\?$/],
    ['a value where a group belongs', '\nlimits: 3', /limits \(in\.yaml:2\) is a single value .* limits\.deadlineMs:$/],
    ['a list where a group belongs', 'limits: [3]', /limits \(in\.yaml:1\) is a list where a mapping/],
    [
      'a URL where an upstream belongs',
      'upstreams:\n  model: http://127.0.0.1:8000',
      /^upstreams\.model \(in\.yaml:2\) is a single value .*, such as upstreams\.model\.url:$/,
    ],
    ['a list at the top', '[1]', /is a list where a mapping/],
    ['an empty list at the top', '[]', /is a list where a mapping/],
    ['text at the top', 'hello', /is a single value where a mapping/],
    ['a duplicate key', 'role: solo\nrole: solo', /in\.yaml:2:1 is not valid YAML or JSON: Map keys must be unique/],
    ['broken YAML', 'limits: {', /in\.yaml:1:\d+ is not valid YAML or JSON/],
    ['broken JSON', '{"limits": {"queue": 1}', /is not valid YAML or JSON/],
    ['two documents', 'role: solo\n---\nrole: solo', /is not valid YAML or JSON/],
    ['a name that is a prototype', '__proto__: { queue: 1 }', /^__proto__ .* is not a setting/],
    [
      'an upstream named __proto__',
      'upstreams: { __proto__: { url: "http://x" } }',
      /upstreams\.__proto__ .*not a valid name/,
    ],
    ['an upstream with a dot', 'upstreams: { a.b: { url: "http://x" } }', /not a valid name/],
    ['bytes that are no text', Uint8Array.of(0x72, 0xff, 0xfe), /is not UTF-8 text/],
    ['more than 1 MiB', `# ${'x'.repeat(1_100_000)}`, /is larger than 1 MiB/],
    ['nesting without end', `gateways: ${'['.repeat(50_000)}`, /settings file .*in\.yaml/],
    [
      'aliases that multiply',
      `gateways: [${'&a [x,x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], [*c,*c,*c,*c,*c,*c,*c,*c]'}]`,
      /cannot be read: Excessive alias count|gateways is/,
    ],
    ['an alias to nothing', 'role: *x', /settings file .*in\.yaml/],
    ['an alias to itself', 'limits: &a\n  <<: *a', /is not a setting|cannot be read|not valid/],
    ['a key that is a mapping', '? {a: 1}\n: 2', /is not a setting/],
  ];
  for (const [name, text, message] of rows) {
    test(`refused: ${name}`, async () => {
      await assert.rejects(loadText(text), (error: Error & { code?: string; details?: string[] }) => {
        assert.equal(error.code, 'ERR_INVALID_SETTING');
        assert.match([error.message, ...(error.details ?? [])].join('\n'), message);
        return true;
      });
    });
  }

  test('refused: a named file that is not there, and a folder', async () => {
    await assert.rejects(loadSettings({ cwd: dir, env: {}, config: 'none.yaml' }), /none\.yaml does not exist/);
    await assert.rejects(loadSettings({ cwd: dir, env: { INFERBASE_CONFIG: '.' } }), /cannot be read \(EISDIR\)/);
  });
});
