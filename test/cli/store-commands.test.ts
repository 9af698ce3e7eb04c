import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { guest } from '../support/wat.ts';
import { run, temporaryFolder } from './command.ts';

describe('pin and inspect', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    const dir = join(folder.path, 'package');
    await mkdir(dir);
    for (const name of ['exit-three', 'echo']) await writeFile(join(dir, `${name}.wasm`), await guest(name));
    for (const name of ['echo', 'import-proto', 'too-much-memory', 'unserved-calls', 'start-section']) {
      await writeFile(join(folder.path, `${name}.wasm`), await guest(name));
    }
  });
  after(() => folder[Symbol.asyncDispose]());

  test('a pinned file runs by the CID that pin printed', async () => {
    const pinned = await run(['pin', 'echo.wasm'], folder.path);
    assert.deepEqual([pinned.code, pinned.stderr], [0, '']);
    const [, cid = ''] = /^(bafk\w+) \d+ B echo\.wasm\n$/.exec(pinned.stdout) ?? [];
    const { stdout } = await run(['exec', cid, '--stdin', '-'], folder.path, { input: 'by CID' });
    assert.equal(stdout, 'by CID');
  });

  test('a name that would steer the terminal is written out by pin and by store ls', async () => {
    const name = '\u001b[2Jgone\r\nbafk forged';
    const written = '\\u{1b}[2Jgone\\u{d}\\u{a}bafk forged';
    const pinned = await run(['pin', 'echo.wasm', '--name', name], folder.path);
    assert.match(pinned.stdout, /^bafk\w+ \d+ B [^\n]+\n$/);
    const listed = await run(['store', 'ls'], folder.path);
    for (const { stdout } of [pinned, listed]) {
      assert.ok(stdout.includes(written), stdout);
      assert.ok(!stdout.includes('\u001b') && !stdout.includes('\r'), stdout);
    }
    await run(['pin', 'echo.wasm'], folder.path);
  });

  test('a pinned folder runs by CID and method', async () => {
    const { stdout } = await run(['pin', 'package', '--name', 'mine', '--json'], folder.path);
    const { cid, name } = JSON.parse(stdout);
    assert.equal(name, 'mine');
    assert.equal((await run(['exec', cid, '--method', 'exit-three.wasm'], folder.path)).code, 3);
    const { code, stderr } = await run(['exec', cid, '--method', 'other.wasm'], folder.path);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FUNCTION_NOT_FOUND.*other\.wasm/);
  });

  test('the request that pin prints names the module, as b7s has to have it', async () => {
    const dir = join(folder.path, 'two');
    await mkdir(dir);
    for (const name of ['b', 'a']) await writeFile(join(dir, `${name}.wasm`), await guest('exit-three'));
    const entry = { modules: [{ file: 'b.wasm', name: 'b', type: 'entry' }] };
    await mkdir(join(folder.path, 'entry'));
    await writeFile(join(folder.path, 'entry', 'manifest.json'), JSON.stringify(entry));
    for (const name of ['b', 'a'])
      await copyFile(join(dir, `${name}.wasm`), join(folder.path, 'entry', `${name}.wasm`));
    await mkdir(join(folder.path, 'prose'));
    await writeFile(join(folder.path, 'prose', 'a.txt'), 'nothing that runs');
    const methods = async (...args: string[]): Promise<(string | undefined)[]> => {
      const { code, stdout } = await run(['pin', ...args, '--to', 'local'], folder.path);
      assert.equal(code, 0);
      return [...stdout.matchAll(/^ {2}"method": "(.*)",$/gm)].map(([, method]) => method);
    };
    assert.deepEqual(await methods('echo.wasm', '--name', 'mine'), ['echo.wasm']);
    const { cid } = JSON.parse((await run(['pin', 'echo.wasm', '--json'], folder.path)).stdout);
    // Of several modules the manifest's entry, else the first; nothing for what has none.
    assert.deepEqual(await methods('two', 'entry', 'prose', cid), ['a.wasm', 'b.wasm', `${cid}.wasm`]);
  });

  test('a folder has one CID however its path is written, from outside and from inside', async () => {
    const top = join(folder.path, 'spelt');
    const dir = join(top, 'fn');
    await mkdir(join(dir, 'nested'), { recursive: true });
    await writeFile(join(dir, 'ab.wasm'), await guest('echo'));
    for (const name of ['notes.txt', 'nested/more.txt']) await writeFile(join(dir, name), name);
    const rows: readonly [cwd: string, path: string][] = [
      [top, dir],
      [top, 'fn'],
      [top, './fn'],
      [top, 'fn/'],
      [top, 'fn/nested/..'],
      [dir, '.'],
      [dir, './'],
      [dir, '../fn'],
      [join(dir, 'nested'), '..'],
      // Data folders lie in it by now.
      [top, 'fn'],
    ];
    const cids = new Set<string>();
    for (const [cwd, path] of rows) cids.add(JSON.parse((await run(['pin', path, '--json'], cwd)).stdout).cid);
    assert.equal(cids.size, 1);
    const [cid = ''] = cids;
    const inspection = JSON.parse((await run(['inspect', cid, '--json'], dir)).stdout);
    assert.deepEqual(
      inspection.files.map((file: { path: string }) => file.path),
      ['ab.wasm', 'nested/more.txt', 'notes.txt'],
    );
  });

  test('a data folder of another name is left out of the folder it lies in', async () => {
    const dir = join(folder.path, 'with-data');
    await mkdir(dir);
    await writeFile(join(dir, 'echo.wasm'), await guest('echo'));
    const outside = await run(['pin', dir, '--json'], folder.path);
    const inside = await run(['pin', '.', '--json', '--data-dir', 'data'], dir);
    assert.equal(inside.stdout, outside.stdout);
  });

  test('a .wasm file that is no module is pinned with a warning', async () => {
    await writeFile(join(folder.path, 'page.wasm'), '<!doctype html>');
    const { code, stdout, stderr } = await run(['pin', 'page.wasm'], folder.path);
    assert.equal(code, 0);
    assert.match(stdout, /^bafk\w+ 15 B page\.wasm\n$/);
    assert.match(stderr, /^warning: page\.wasm is pinned, but it would not run: .*web page/);
  });

  test('ipfs://CID and /ipfs/CID are that CID', async () => {
    const { cid } = JSON.parse((await run(['pin', 'echo.wasm', '--json'], folder.path)).stdout);
    const bare = await run(['inspect', cid], folder.path);
    assert.equal(bare.code, 0);
    for (const text of [`ipfs://${cid}`, `/ipfs/${cid}`]) {
      assert.deepEqual(await run(['inspect', text], folder.path), bare);
      const { stdout } = await run(['exec', text, '--stdin', '-'], folder.path, { input: 'by address' });
      assert.equal(stdout, 'by address');
    }
  });

  test('a data folder that can never be made is one sentence, at once', async () => {
    const { code, stderr } = await run(['pin', 'echo.wasm', '--data-dir', '/proc/inferbase/data'], folder.path);
    assert.equal(code, 73);
    assert.match(stderr, /^error ERR_STORE_UNAVAILABLE: the data folder \/proc\/inferbase\/data cannot be written \(/);
  });

  test('several paths are one JSON object a line', async () => {
    const { stdout } = await run(['pin', 'echo.wasm', 'start-section.wasm', '--json'], folder.path);
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).name);
    assert.deepEqual(names, ['echo.wasm', 'start-section.wasm']);
  });

  test('refused: a path that is not there, an empty folder, a link in a folder, one name for two', async () => {
    const empty = join(folder.path, 'empty');
    const linked = join(folder.path, 'linked');
    await mkdir(empty);
    await mkdir(linked);
    await symlink('/etc/passwd', join(linked, 'f.wasm'));
    const rows: readonly [args: string[], code: number, message: RegExp][] = [
      [['none'], 1, /there is no file or folder none/],
      [['empty'], 1, /the folder empty is empty/],
      [['/dev/null'], 1, /\/dev\/null is neither a file nor a folder/],
      [['linked'], 1, /f\.wasm is neither a file nor a folder/],
      [['a', 'b', '--name', 'x'], 2, /--name is for one path/],
    ];
    for (const [args, code, message] of rows) {
      const finished = await run(['pin', ...args], folder.path);
      assert.equal(finished.code, code);
      assert.match(finished.stderr, message);
    }
  });

  test('inspect shows what a file is', async () => {
    const { code, stdout } = await run(['inspect', 'echo.wasm'], folder.path);
    assert.equal(code, 0);
    assert.match(stdout, /^kind {5}file, \d+ B$/m);
    assert.match(stdout, /^memory {3}2 to any number of 64 KiB pages$/m);
    assert.match(stdout, /^import {3}wasi_snapshot_preview1\.fd_read: served$/m);
    assert.match(stdout, /^export {3}_start \(function\)$/m);
    assert.match(stdout, /^runs {5}yes$/m);
  });

  test('inspect --json of a CID lists its modules', async () => {
    const { cid } = JSON.parse((await run(['pin', 'package', '--json'], folder.path)).stdout);
    const inspection = JSON.parse((await run(['inspect', cid, '--json'], folder.path)).stdout);
    assert.deepEqual([inspection.kind, inspection.cid], ['directory', cid]);
    assert.deepEqual(
      inspection.modules.map((module: { name: string }) => module.name),
      ['echo.wasm', 'exit-three.wasm'],
    );
    const [echo] = inspection.modules;
    const bytes = await readFile(join(folder.path, 'echo.wasm'));
    const digest = await crypto.subtle.digest('SHA-256', bytes);
    assert.equal(echo.sha256, Buffer.from(digest).toString('hex'));
    assert.equal(echo.refused, null);
  });

  test('inspect reads a package back, from its folder and by its CID: files, sums, permissions, limits, imports', async () => {
    const top = join(folder.path, 'author');
    await mkdir(join(top, 'data', 'deep'), { recursive: true });
    await writeFile(join(top, 'echo.wasm'), await guest('echo'));
    await writeFile(join(top, 'data', 'deep', 'w.json'), '{}');
    const declared =
      '{name: told, module: echo.wasm, files: [data], permissions: ["https://a.example/"], limits: {fuel: 9}}';
    await writeFile(join(top, 'inferbase.yaml'), `function: ${declared}`);
    const { package: built } = JSON.parse((await run(['build', '--json'], top)).stdout);
    const fromFolder = JSON.parse((await run(['inspect', 'build/told', '--json'], top)).stdout);
    await run(['pin', 'build/told'], top);
    const byCid = JSON.parse((await run(['inspect', built.cid, '--json'], top)).stdout);
    assert.deepEqual(byCid, fromFolder);
    assert.deepEqual(byCid.files, [
      { path: 'data/deep/w.json', size: 2 },
      { path: 'told.wasm', size: (await guest('echo')).length },
    ]);
    assert.deepEqual(byCid.verified, ['sha-256 of told.tar.gz', 'md5 of told.wasm']);
    const { permissions, limits } = byCid.manifest;
    assert.deepEqual([permissions, limits, byCid.cid], [['https://a.example/'], { fuel: 9 }, built.cid]);
    assert.deepEqual(new Set(byCid.modules[0].imports.map(({ kind }: { kind: string }) => kind)), new Set(['wasi']));
    const told = await run(['inspect', 'build/told'], top);
    assert.equal(told.code, 0);
    assert.match(
      told.stdout,
      /^verified md5 of told\.wasm\nasks for https:\/\/a\.example\/ \(denied: .*\)\nlimit {4}fuel 9$/m,
    );
    assert.match(told.stdout, /^uses {5}wasi \(\d+\)$/m);

    await writeFile(join(top, 'build/told/told.tar.gz'), 'something else');
    const broken = await run(['inspect', 'build/told'], top);
    assert.deepEqual([broken.code, broken.stdout], [1, '']);
    assert.match(broken.stderr, /^error ERR_INTEGRITY: The archive "told\.tar\.gz" has sha-256/);
  });

  const judged: readonly [file: string, code: number, line: RegExp][] = [
    ['import-proto.wasm', 1, /^refused {2}.*__proto__/m],
    ['too-much-memory.wasm', 1, /^refused {2}.*pages/m],
    ['unserved-calls.wasm', 0, /^import {3}\S+: not served, returns errno -?\d+$/m],
    ['start-section.wasm', 0, /^start {4}has a start section$/m],
    ['notes.txt', 1, /^refused {2}/m],
  ];
  for (const [file, code, line] of judged) {
    test(`inspect judges ${file}`, async () => {
      await writeFile(join(folder.path, 'notes.txt'), 'hello');
      const finished = await run(['inspect', file], folder.path);
      assert.match(finished.stdout, line);
      assert.equal(finished.code, code);
    });
  }
});
