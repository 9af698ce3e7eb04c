import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { EXIT } from '../../runtime/cli/exit.ts';
import { run, temporaryFolder } from './command.ts';

const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

suite('keys', () => {
  test('generate makes the key that the node of the folder starts with, and keeps it the next time', async () => {
    await using folder = await temporaryFolder();
    const first = await run(['keys', 'generate', '--json'], folder.path);
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const made = JSON.parse(first.stdout);
    assert.match(made.peerId, PEER_ID);
    assert.equal(made.created, true);
    assert.equal(made.keyFile, join(folder.path, '.inferbase/keys/priv.bin'));
    const second = JSON.parse((await run(['keys', 'generate', '--json'], folder.path)).stdout);
    assert.deepEqual(second, { ...made, created: false });
    const shown = JSON.parse((await run(['keys', 'show', '--json'], folder.path)).stdout);
    assert.equal(shown.peerId, made.peerId);
    assert.equal(shown.publicKey, await readFile(join(folder.path, '.inferbase/keys/pubkey.txt'), 'utf8'));
  });

  test('generate -o writes where it is told, and says what it wrote', async () => {
    await using folder = await temporaryFolder();
    const { code, stdout } = await run(['keys', 'generate', '-o', 'head/keys'], folder.path);
    assert.equal(code, 0);
    const dir = join(folder.path, 'head/keys');
    const peerId = await readFile(join(dir, 'identity'), 'utf8');
    const others = ['pub.bin', 'pubkey.txt', 'identity', 'priv.txt'].map((name) => `  ${join(dir, name)}`);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `peer id ${peerId}`,
      `key file ${join(dir, 'priv.bin')}, new`,
      ...others,
    ]);
  });

  test('show takes a file or its folder and never tells the private key', async () => {
    await using folder = await temporaryFolder();
    await run(['keys', 'generate', '-o', 'k'], folder.path);
    const secret = await readFile(join(folder.path, 'k/priv.bin'));
    const forms = [secret.toString('base64'), secret.toString('hex'), secret.subarray(4, 36).toString('hex')];
    const ofFile = await run(['keys', 'show', 'k/priv.bin'], folder.path);
    assert.deepEqual(ofFile, await run(['keys', 'show', 'k'], folder.path));
    assert.match(ofFile.stdout, /^peer id 12D3KooW\S+\npublic key CAES\S+\nkey file \S+k\/priv\.bin\n$/);
    const json = await run(['keys', 'show', 'k', '--json'], folder.path);
    for (const form of forms) assert.ok(!(ofFile.stdout + json.stdout).includes(form));
  });

  test('a key that others may read is told of', async () => {
    await using folder = await temporaryFolder();
    await run(['keys', 'generate', '-o', 'k'], folder.path);
    const path = join(folder.path, 'k/priv.bin');
    await chmod(path, 0o644);
    for (const args of [
      ['show', 'k'],
      ['generate', '-o', 'k'],
    ]) {
      const { code, stderr } = await run(['keys', ...args], folder.path);
      assert.deepEqual([code, stderr], [0, `warning: others may read ${path}; type: chmod 600 ${path}\n`]);
    }
  });

  test('a missing key and a file that is none are one clear error each', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'wrong'), 'no key');
    const missing = await run(['keys', 'show', 'nowhere'], folder.path);
    assert.equal(missing.code, EXIT.usage);
    assert.match(missing.stderr, /^error ERR_INVALID_SETTING: There is no key file \S+nowhere; .*keys generate\.\n$/);
    const wrong = await run(['keys', 'show', 'wrong'], folder.path);
    assert.equal(wrong.code, EXIT.usage);
    assert.match(wrong.stderr, /^error ERR_INVALID_SETTING: The key file \S+wrong cannot be used: its 6 bytes .*\n$/);
    const inFile = await run(['keys', 'generate', '-o', 'wrong'], folder.path);
    assert.equal(inFile.code, EXIT.dataFolder);
    assert.match(inFile.stderr, /^error ERR_STORE_UNAVAILABLE: .*wrong.*\n$/);
    assert.equal(await readFile(join(folder.path, 'wrong'), 'utf8'), 'no key');
  });

  test('each explains itself with examples', async () => {
    await using folder = await temporaryFolder();
    for (const name of ['generate', 'show']) {
      const { code, stdout } = await run(['keys', name, '--help'], folder.path);
      assert.equal(code, 0);
      assert.match(
        stdout,
        new RegExp(`^Usage: inferbase keys ${name} [\\s\\S]*\nExamples:\n {2}\\$ [\\s\\S]*\nExit codes: `),
      );
    }
  });
});
