import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT, temporaryFolder } from '../command.ts';

/** Runs one of the programs of the Go nodes, as ours. */
function command(name: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'runtime', `${name}.js`), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

suite('allora-keys', () => {
  test('makes the files in the working folder, or where -o says, and keeps a key that is there', async () => {
    await using folder = await temporaryFolder();
    const here = command('allora-keys', [], folder.path);
    assert.deepEqual([here.code, here.stderr], [0, '']);
    const names = ['identity', 'priv.bin', 'priv.txt', 'pub.bin', 'pubkey.txt'];
    assert.deepEqual((await readdir(folder.path)).toSorted(), names);
    const peerId = await readFile(join(folder.path, 'identity'), 'utf8');
    assert.equal(here.stdout, `peer id ${peerId}\n`);
    assert.deepEqual(command('allora-keys', ['--output=.'], folder.path), here);
    const there = command('allora-keys', ['-o', 'a/b'], folder.path);
    assert.notEqual(there.stdout, here.stdout);
    assert.deepEqual((await readdir(join(folder.path, 'a/b'))).toSorted(), names);
  });

  test('refuses an unknown flag as the Go tool does, and a key that is none', async () => {
    await using folder = await temporaryFolder();
    const unknown = command('allora-keys', ['--zz'], folder.path);
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /^unknown flag: --zz\nUsage of allora-keys:\n {2}-o, --output string {3}/);
    await writeFile(join(folder.path, 'priv.bin'), 'none');
    const wrong = command('allora-keys', [], folder.path);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^error ERR_INVALID_SETTING: The key file \S+priv\.bin cannot be used/);
    assert.deepEqual(await readdir(folder.path), ['priv.bin']);
  });
});

suite('allora-node', () => {
  test('--help has the table of flags, examples and exit codes', async () => {
    const { code, stdout, stderr } = command('allora-node', ['--help'], ROOT);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Usage of allora-node:\n {2}-l, --log-level string .*\(default "info"\)\n/);
    assert.match(stdout, /\nExamples:\n {2}\$ [\s\S]*\nExit codes: /);
    assert.doesNotMatch(stdout, /load-attributes/);
  });

  test('refuses what does not fit before anything is written', async () => {
    await using folder = await temporaryFolder();
    const unknown = command('allora-node', ['--role=worker', '--config=x'], folder.path);
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /^unknown flag: --config\nUsage of allora-node:\n/);
    const placeholder = command('allora-node', ['--boot-nodes=/ip4/10.0.0.1/tcp/9010/p2p/head-id'], folder.path);
    assert.equal(placeholder.code, 2);
    assert.match(placeholder.stderr, /^error ERR_INVALID_SETTING: peers\.connect .*head-id.*--boot-nodes/);
    assert.deepEqual(await readdir(folder.path), []);
    await writeFile(join(folder.path, 'file'), '');
    const inFile = command('allora-node', ['--function-db=file'], folder.path);
    assert.equal(inFile.code, 73);
    assert.match(inFile.stderr, /^error ERR_STORE_UNAVAILABLE: the data folder .* give a folder with --function-db$/m);
  });
});
