import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { guest } from '../support/wat.ts';
import { ROOT, run, temporaryFolder } from './command.ts';

/** Unlike `function.name`, what the folder is called is nobody's business. */
async function project(dir: string, declared: string): Promise<string> {
  await mkdir(join(dir, 'assembly'), { recursive: true });
  await mkdir(join(dir, 'model', 'deep'), { recursive: true });
  await writeFile(
    join(dir, 'asconfig.json'),
    '{"extends": "./node_modules/inferbase/sdk/asconfig.json", "entries": ["assembly/index.ts"]}',
  );
  await writeFile(
    join(dir, 'assembly', 'index.ts'),
    'import { output } from "inferbase/sdk";\nassert(true, "kept");\noutput.text("from a package");\n',
  );
  await writeFile(join(dir, 'model', 'weights.json'), '{"w":1}');
  await writeFile(join(dir, 'model', 'deep', 'more.bin'), new Uint8Array(100_000));
  await writeFile(join(dir, 'notes.txt'), 'not part of it');
  await writeFile(join(dir, 'inferbase.yaml'), declared);
  return dir;
}

const DECLARED = `
function:
  name: price-feed
  description: Tells prices.
  contentType: json
  permissions: [https://api.example.com/v1/]
  limits: { memoryPages: 32, deadlineMs: 2000 }
  files: [model/]
limits: { deadlineMs: 4000 }
`;

/** A project among whose packages ours is, as npm puts it there. */
async function withPackages(dir: string): Promise<void> {
  await mkdir(join(dir, 'node_modules'));
  await symlink(ROOT, join(dir, 'node_modules', 'inferbase'));
  await symlink(join(ROOT, 'node_modules', 'assemblyscript'), join(dir, 'node_modules', 'assemblyscript'));
}

describe('build makes a package', () => {
  test('whose manifest, archive and CID are what its function: says, and which runs by that CID', async () => {
    await using folder = await temporaryFolder();
    const dir = await project(join(folder.path, 'anywhere'), DECLARED);
    const built = await run(['build', '--json'], dir);
    assert.deepEqual([built.code, built.stderr], [0, '']);
    const { name, fresh, refused, package: packed } = JSON.parse(built.stdout);
    assert.deepEqual(
      [name, fresh, refused, packed.path],
      ['price-feed', false, null, join(dir, 'build', 'price-feed')],
    );
    assert.deepEqual((await readdir(packed.path)).sort(), ['manifest.json', 'price-feed.tar.gz']);

    const manifest = JSON.parse(await readFile(join(packed.path, 'manifest.json'), 'utf8'));
    const wasm = await readFile(join(dir, 'build', 'price-feed.wasm'));
    const archive = await readFile(join(packed.path, 'price-feed.tar.gz'));
    assert.deepEqual(manifest.modules, [
      { file: 'price-feed.wasm', name: 'price-feed', type: 'entry', md5: hash('md5', wasm) },
    ]);
    assert.deepEqual(manifest.runtime, { url: 'price-feed.tar.gz', checksum: hash('sha256', archive) });
    assert.deepEqual(manifest.permissions, ['https://api.example.com/v1/']);
    assert.equal(manifest.limited_memory, 32);
    assert.deepEqual(manifest.inferbase, {
      limits: { deadlineMs: 2000, memoryPages: 32 },
      files: ['model/deep/more.bin', 'model/weights.json'],
    });

    // As b7s does it: check the sum, unpack, run the file.
    execFileSync('tar', ['xzf', join(packed.path, 'price-feed.tar.gz')], { cwd: folder.path });
    assert.deepEqual(await readFile(join(folder.path, 'price-feed.wasm')), wasm);
    assert.equal(await readFile(join(folder.path, 'model/weights.json'), 'utf8'), '{"w":1}');

    const pinned = await run(['pin', 'build/price-feed', '--json'], dir);
    assert.deepEqual(JSON.parse(pinned.stdout).cid, packed.cid);
    const executed = await run(['exec', packed.cid], dir);
    assert.deepEqual([executed.code, executed.stdout], [0, 'from a package']);
  });

  test('whose CID is the same in another folder, with the SDK of a parent, its own, or the one beside the program', async () => {
    await using folder = await temporaryFolder();
    const alone = await project(join(folder.path, 'alone'), DECLARED);
    const own = await project(join(folder.path, 'with spaces & more', 'deep', 'own'), DECLARED);
    await withPackages(own);
    const parent = join(folder.path, 'parent');
    const child = await project(join(parent, 'child'), DECLARED);
    await withPackages(parent);
    const cids = new Set<string>();
    for (const dir of [alone, own, child]) {
      const { code, stdout, stderr } = await run(['build', '--json'], dir);
      assert.deepEqual([code, stderr], [0, '']);
      cids.add(JSON.parse(stdout).package.cid);
      assert.deepEqual((await readdir(join(dir, 'build'))).sort(), [
        '.price-feed.inputs',
        'price-feed',
        'price-feed.wasm',
      ]);
    }
    assert.equal(cids.size, 1);
  });

  test('again when a file or its declaration changes, without compiling anew', async () => {
    await using folder = await temporaryFolder();
    const dir = await project(join(folder.path, 'x'), DECLARED);
    const build = async () => JSON.parse((await run(['build', '--json'], dir)).stdout);
    const first = await build();
    await writeFile(join(dir, 'model', 'weights.json'), '{"w":2}');
    const second = await build();
    assert.deepEqual([second.fresh, second.package.cid === first.package.cid], [true, false]);
    await writeFile(join(dir, 'model', 'weights.json'), '{"w":1}');
    assert.equal((await build()).package.cid, first.package.cid);
    await rm(join(dir, 'model', 'deep', 'more.bin'));
    assert.notEqual((await build()).package.cid, first.package.cid);
  });

  test('of a module that something else has built', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'inferbase.yaml'), 'function: {name: echo, module: target/out.wasm}');
    await mkdir(join(folder.path, 'target'));
    const missing = await run(['build'], folder.path);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no .*target\/out\.wasm, which function\.module names; build it first/);
    await writeFile(join(folder.path, 'target', 'out.wasm'), await guest('echo'));
    const built = await run(['build'], folder.path);
    assert.match(built.stdout, /^✓ built echo build\/echo\.wasm \d+ B\n✓ package (bafy\w+) build\/echo /);
    assert.match((await run(['build'], folder.path)).stdout, /^✓ unchanged echo /);
    await run(['pin', 'build/echo'], folder.path);
    const [, cid = ''] = /package (\w+)/.exec(built.stdout) ?? [];
    assert.equal((await run(['exec', cid, '--stdin', '-'], folder.path, { input: 'told back' })).stdout, 'told back');
  });

  test('that test and exec run as it is: with its files, and under its limits', async () => {
    await using folder = await temporaryFolder();
    const dir = folder.path;
    await mkdir(join(dir, 'model'));
    await writeFile(join(dir, 'model', 'w.json'), '{"w":1}');
    await writeFile(join(dir, 'm.wasm'), await guest('show-file'));
    await writeFile(join(dir, 'inferbase.yaml'), 'function: {name: shown, module: m.wasm, files: [model]}');
    const own = 'tests: [{name: reads, stdin: model/w.json, expect: {stdout: {contains: \'"w":1\'}}}]';
    await writeFile(join(dir, 'shown.test.yaml'), own);
    const tested = await run(['test'], dir);
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
    const executed = await run(['exec', 'build/shown', '--stdin', '-'], dir, { input: 'model/w.json' });
    assert.match(executed.stdout, /\{"w":1\}/);
    await writeFile(join(dir, 'inferbase.yaml'), 'function: {name: shown, module: m.wasm, limits: {memoryPages: 1}}');
    assert.match((await run(['test'], dir)).stdout, /^0 passed, 1 failed/m);
  });

  test('refused: a module that is none, such as a link to a secret, is copied and packed nowhere', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'inferbase.yaml'), 'function: {name: key, module: key.wasm}');
    await symlink('/etc/passwd', join(folder.path, 'key.wasm'));
    const { code, stderr } = await run(['build'], folder.path);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_INVALID_MODULE: .*key\.wasm, which function\.module names, is no WebAssembly module/);
    assert.deepEqual((await readdir(folder.path)).sort(), ['inferbase.yaml', 'key.wasm']);
  });

  test('with a warning when the module would be refused', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'inferbase.yaml'), 'function: {name: bad, module: bad.wasm}');
    await writeFile(join(folder.path, 'bad.wasm'), await guest('import-proto'));
    const { code, stderr } = await run(['build'], folder.path);
    assert.equal(code, 0);
    assert.match(stderr, /^warning: bad would not run: .*__proto__/);
  });

  test('refused: a function: that is not right, before anything is written', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'inferbase.yaml'), 'function: {nam: x}');
    const { code, stdout, stderr } = await run(['build', '.'], folder.path);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(
      stderr,
      /^error ERR_INVALID_SETTING: function\.nam \(inferbase\.yaml:1\) is no key of it; did you mean name\?/,
    );
    assert.deepEqual(await readdir(folder.path), ['inferbase.yaml']);
  });

  test('refused: files that are not there, links, a file in the place of the module', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'm.wasm'), await guest('echo'));
    await mkdir(join(folder.path, 'data'));
    await symlink('/etc/passwd', join(folder.path, 'data', 'link'));
    await cp(join(folder.path, 'm.wasm'), join(folder.path, 'x.wasm'));
    await mkdir(join(folder.path, 'own'));
    await symlink('/etc', join(folder.path, 'own', 'up'));
    await symlink('/etc/passwd', join(folder.path, 'lone'));
    await writeFile(join(folder.path, 'large.bin'), new Uint8Array(33 * 1024 * 1024));
    const rows: readonly (readonly [files: string, message: RegExp])[] = [
      ['large.bin', /ERR_FUNCTION_TOO_LARGE: with large\.bin the package has more than 1000 files or 33554432 bytes/],
      ['none', /there is no .*none, which function\.files names/],
      ['data', /data\/link is neither a file nor a folder/],
      ['own/up/passwd', /own\/up\/passwd leads through a symbolic link; replace it by a copy/],
      ['lone', /lone leads through a symbolic link/],
      ['x.wasm', /would have x\.wasm twice/],
    ];
    for (const [files, message] of rows) {
      await writeFile(join(folder.path, 'inferbase.yaml'), `function: {name: x, module: m.wasm, files: [${files}]}`);
      const { code, stderr } = await run(['build'], folder.path);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.deepEqual(await readdir(join(folder.path, 'build')), ['x.wasm']);
    }
  });
});
