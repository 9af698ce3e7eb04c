import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFunctionSettings } from '../../runtime/config/function-file.ts';

/** What is read of a folder with these files. */
async function read(files: Readonly<Record<string, string>>, name = 'my-function') {
  const parent = await mkdtemp(join(tmpdir(), 'inferbase-function-file-'));
  try {
    const dir = join(parent, name);
    await mkdir(dir);
    for (const [file, text] of Object.entries(files)) await writeFile(join(dir, file), text);
    const settings = await readFunctionSettings(dir);
    return { ...settings, source: settings.source === null ? null : settings.source.slice(dir.length + 1) };
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

const DEFAULTS = {
  name: 'my-function',
  description: '',
  module: null,
  contentType: 'text',
  permissions: null,
  limits: {},
  files: [],
  source: null,
};

test('a folder that says nothing has a function of its own name that asks for nothing', async () => {
  assert.deepEqual(await read({}), DEFAULTS);
  assert.deepEqual(await read({ 'inferbase.yaml': 'limits: {deadlineMs: 5}' }), DEFAULTS);
  assert.equal((await read({}, '$(touch x) ; "y"')).name, 'touch-x-y-');
  assert.equal((await read({}, '...')).name, 'function');
});

test('what function: says is read; settings beside it are left alone, nulls are blanks', async () => {
  const text = 'function: {name: a, permissions: [], limits: {fuel: 7}, files: [./m/], description: null}\nany: thing';
  const said = { ...DEFAULTS, name: 'a', permissions: [], limits: { fuel: 7 }, files: ['./m/'] };
  assert.deepEqual(await read({ 'inferbase.yaml': text }), { ...said, source: 'inferbase.yaml' });
  assert.deepEqual(await read({ 'config.yaml': text }), { ...said, source: 'config.yaml' });
  assert.equal((await read({ 'config.yaml': 'network: other\nworker: []' })).source, null);
});

const refused: readonly (readonly [declared: string, message: RegExp])[] = [
  ['function: x', /function \(inferbase\.yaml:1\) has to be a mapping/],
  ['function: {nam: x}', /function\.nam \(inferbase\.yaml:1\) is no key of it; did you mean name\?/],
  ['function: {name: ../x}', /function\.name .*"\.\.\/x"; give a name/],
  ['function: {name: a/b}', /function\.name/],
  [
    'function:\n  files: [../secret]',
    /function\.files \(inferbase\.yaml:2\) is \["\.\.\/secret"\]; give a list of paths/,
  ],
  ['function: {files: [/etc/passwd]}', /function\.files/],
  ['function: {module: ../x.wasm}', /function\.module/],
  ['function: {contentType: xml}', /function\.contentType .* give text, json or html/],
  ['function: {permissions: ["https://*"]}', /function\.permissions/],
  ['function: {limits: {deadline: 5}}', /function\.limits\.deadline .* did you mean deadlineMs\?/],
  ['function: {limits: {deadlineMs: 0}}', /function\.limits\.deadlineMs .* is 0; give a whole number from 1 up/],
  ['function: {__proto__: {name: x}}', /function\.__proto__/],
  ['function: {name: [', /inferbase\.yaml:\d+:\d+ is not valid YAML/],
  ['function: &a [*a, *a]', /function \(inferbase\.yaml:1\)/],
];

for (const [declared, message] of refused) {
  test(`refused: ${JSON.stringify(declared)}`, async () => {
    await assert.rejects(read({ 'inferbase.yaml': declared }), { code: 'ERR_INVALID_SETTING', message });
  });
}
