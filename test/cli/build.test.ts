import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT, run, temporaryFolder } from './command.ts';

const PLAIN = '{"entries": ["assembly/index.ts"], "options": {"runtime": "stub"}}';

/** A project with one function, and the compiler among its packages. */
async function project(folder: string, source: string, compiler = true): Promise<string> {
  const dir = join(folder, 'functions', 'tiny');
  await mkdir(join(dir, 'assembly'), { recursive: true });
  await writeFile(join(dir, 'asconfig.json'), PLAIN);
  await writeFile(join(dir, 'assembly', 'index.ts'), source);
  await writeFile(join(dir, 'assembly', 'other.ts'), 'export const ONE: i32 = 1;');
  if (compiler) {
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(ROOT, 'node_modules', 'assemblyscript'), join(folder, 'node_modules', 'assemblyscript'));
  }
  return dir;
}

describe('build', () => {
  test('compiles what changed, and only that', async () => {
    await using folder = await temporaryFolder();
    const source = 'import { ONE } from "./other";\nexport function _start(): void { assert(ONE > 0); }';
    const dir = await project(folder.path, source);
    const module = join(dir, 'build', 'tiny.wasm');

    const first = await run(['build'], folder.path);
    assert.deepEqual([first.code, first.stderr], [0, '']);
    assert.match(
      first.stdout,
      /^✓ built tiny functions\/tiny\/build\/tiny\.wasm \d+ B\n✓ package bafy\w+ functions\/tiny\/build\/tiny [\d.]+ KiB\n$/,
    );
    const bytes = await readFile(module);
    assert.ok(WebAssembly.validate(bytes));

    assert.match((await run(['build', 'functions/tiny'], folder.path)).stdout, /^✓ unchanged tiny /);
    assert.match((await run(['build', '--force'], folder.path)).stdout, /^✓ built tiny /);
    assert.deepEqual(await readFile(module), bytes, 'same source, same bytes');

    await writeFile(join(dir, 'assembly', 'other.ts'), 'export const ONE: i32 = 2;');
    assert.match((await run(['build'], folder.path)).stdout, /^✓ built tiny /);
    assert.deepEqual((await readdir(join(dir, 'build'))).sort(), ['.tiny.inputs', 'tiny', 'tiny.wasm']);
  });

  test('says what does not compile and leaves the old module', async () => {
    await using folder = await temporaryFolder();
    const dir = await project(folder.path, 'export function _start(): void {}');
    await run(['build'], folder.path);
    const before = await readFile(join(dir, 'build', 'tiny.wasm'));
    await writeFile(join(dir, 'assembly', 'index.ts'), 'export function _start(): void { nothing(); }');
    const { code, stdout, stderr } = await run(['build'], folder.path);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^error ERR_INVALID_MODULE: tiny does not compile; correct what asc says\n/);
    assert.match(stderr, /Cannot find name 'nothing'/);
    assert.deepEqual(await readFile(join(dir, 'build', 'tiny.wasm')), before);
    assert.deepEqual((await readdir(join(dir, 'build'))).sort(), ['.tiny.inputs', 'tiny', 'tiny.wasm']);
  });

  test('an asconfig.json that names no source is one sentence with what to add', async () => {
    await using folder = await temporaryFolder();
    const dir = await project(folder.path, 'export function _start(): void {}');
    await writeFile(join(dir, 'asconfig.json'), '{}');
    const { code, stderr } = await run(['build', dir], folder.path);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error ERR_INVALID_REQUEST: \S+asconfig\.json names no source; add "entries": \["assembly\/index\.ts"\] to it\n$/,
    );
  });

  test('a folder name is never read as a command', async () => {
    await using folder = await temporaryFolder();
    const dir = await project(folder.path, 'export function _start(): void {}');
    const odd = join(folder.path, 'functions', '$(touch x) ; "y"');
    await cp(dir, odd, { recursive: true });
    const { code, stderr } = await run(['build', odd], folder.path);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual((await readdir(folder.path)).sort(), ['functions', 'node_modules']);
  });

  test('refused: a project without a function, a folder without asconfig.json', async () => {
    await using folder = await temporaryFolder();
    const none = await run(['build'], folder.path);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /has no function to build/);
    assert.match((await run(['build', 'x'], folder.path)).stderr, /there is no folder \S+x; check the path/);
    await mkdir(join(folder.path, 'y'));
    assert.match((await run(['build', 'y'], folder.path)).stderr, /y has no asconfig\.json, so it is no function/);
  });
});
