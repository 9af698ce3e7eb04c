import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { guest } from '../support/wat.ts';
import { ROOT, run, temporaryFolder } from './command.ts';

const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';
const NOBODY = 65_534;
const LAUNCHER = join(ROOT, 'runtime/inferbase.js');

/** Root may write everywhere, whatever the mode of a folder. */
const WHO = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const CAN_READ =
  spawnSync(process.execPath, [LAUNCHER, '--version'], WHO).status === 0 &&
  spawnSync('test', ['-x', tmpdir()], WHO).status === 0;

describe('commands that only read', () => {
  for (const command of [
    ['store', 'ls'],
    ['store', 'stat'],
    ['store', 'verify'],
    ['store', 'gc'],
    ['store', 'export', CID],
    ['pins'],
    ['unpin', 'x'],
    ['inspect', CID],
    ['exec', CID],
  ]) {
    test(`make no data folder: ${command.slice(0, 2).join(' ')}`, async () => {
      await using folder = await temporaryFolder();
      const { code, stdout, stderr } = await run([...command, '--data-dir', 'typo'], folder.path);
      assert.deepEqual([code, stdout], [73, '']);
      const path = join(folder.path, 'typo');
      assert.ok(
        stderr.startsWith(`error ERR_STORE_UNAVAILABLE: there is no data folder ${path}; check --data-dir`),
        stderr,
      );
      assert.deepEqual(await readdir(folder.path), []);
    });
  }

  test('say where to go when the usual data folder is not here, and what is no data folder', async () => {
    await using folder = await temporaryFolder();
    const usual = await run(['store', 'verify'], folder.path);
    assert.equal(usual.code, 73);
    assert.match(
      usual.stderr,
      /there is no data folder \S+\/\.inferbase; go to the folder .* or name it with --data-dir$/m,
    );
    assert.deepEqual(await run(['pins'], folder.path), { code: 0, stdout: '', stderr: '' });
    assert.deepEqual(await readdir(folder.path), []);
    await mkdir(join(folder.path, 'other'));
    const other = await run(['store', 'verify', '--data-dir', 'other'], folder.path);
    assert.match(other.stderr, /other is no data folder: neither blocks\/ nor keys\/ is in it; check --data-dir/);
    assert.deepEqual(await readdir(join(folder.path, 'other')), []);
  });
});

describe('a data folder that this user cannot write', {
  skip: CAN_READ ? false : 'nobody but root can run the program where it lies, or see temporary folders',
}, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cid = '';
  const data = (): string => join(folder.path, 'data');
  const asStranger = (...args: string[]) => {
    const options = { ...WHO, cwd: '/', encoding: 'utf8', env: { PATH: process.env.PATH } } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args, '--data-dir', data()], options);
    return { code: status, stdout, stderr };
  };
  before(async () => {
    folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    const top = join(folder.path, 'told');
    await mkdir(join(top, 'data'), { recursive: true });
    await writeFile(join(top, 'exit-three.wasm'), await guest('exit-three'));
    await writeFile(join(top, 'data/w.json'), '{}');
    await writeFile(join(top, 'inferbase.yaml'), 'function: {name: told, module: exit-three.wasm, files: [data]}');
    await run(['build'], top);
    cid = JSON.parse(
      (await run(['pin', join(top, 'build/told'), '--json', '--data-dir', 'data'], folder.path)).stdout,
    ).cid;
    for (const entry of await readdir(data(), { recursive: true, withFileTypes: true })) {
      await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444);
    }
    await chmod(data(), 0o555);
  });
  after(async () => {
    for (const entry of await readdir(data(), { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
    }
    await chmod(data(), 0o755);
    await folder[Symbol.asyncDispose]();
  });

  test('is listed and verified', () => {
    const listed = asStranger('store', 'ls');
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, new RegExp(`^${cid} .* pinned told\n$`));
    assert.match(asStranger('store', 'verify').stdout, /: all good\n$/);
    assert.match(asStranger('pins').stdout, /^bafy\w+ local pinned/);
  });

  test('has its functions run, looked at and exported', () => {
    const ran = asStranger('exec', cid);
    assert.deepEqual([ran.code, ran.stderr], [3, 'err']);
    assert.match(asStranger('inspect', cid).stdout, /^runs {5}yes$/m);
    const car = asStranger('store', 'export', cid, '-o', '-');
    assert.equal(car.code, 0, car.stderr);
    assert.ok(car.stdout.length > 100);
    const { code, stderr } = asStranger('exec', CID);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`data folder ${data()}: it is not there`), stderr);
  });

  test('takes nothing new, and says what to do', () => {
    for (const args of [
      ['store', 'gc'],
      ['store', 'verify', '--remove'],
      ['unpin', 'told'],
      ['pin', '/etc/hostname'],
    ]) {
      const { code, stderr } = asStranger(...args);
      assert.equal(code, 73, stderr);
      assert.match(stderr, /cannot be written \(EACCES\); make it writable or choose another with --data-dir$/m);
    }
  });
});
