import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { writeKeyFiles } from '../../runtime/services/key-files.ts';

interface Tool {
  readonly tool: string;
  /** Name → base64 of the file. */
  readonly files: Readonly<Record<string, string>>;
  readonly modes: Readonly<Record<string, string>>;
}

/** What the Go tools wrote of one test key. */
const golden: { tools: readonly Tool[] } = JSON.parse(
  await readFile(new URL('../p2p/golden/keys.json', import.meta.url), 'utf8'),
);

const folder = await mkdtemp(join(tmpdir(), 'inferbase-keys-'));
after(() => rm(folder, { recursive: true, force: true }));

async function contents(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).toSorted();
  const entries = names.map(async (name) => [name, await readFile(join(dir, name), 'base64')] as const);
  return Object.fromEntries(await Promise.all(entries));
}

suite('key files', () => {
  test('are those of allora-keys, byte for byte and with its rights', async () => {
    const { files, modes } = golden.tools.find(({ tool }) => tool === 'allora-keys') ?? assert.fail('no such vector');
    const dir = join(folder, 'golden');
    await mkdir(dir);
    await writeFile(join(dir, 'priv.bin'), Buffer.from(files['priv.bin'] ?? '', 'base64'), { mode: 0o600 });
    await writeKeyFiles(join(dir, 'priv.bin'));
    assert.deepEqual(await contents(dir), files);
    for (const [name, mode] of Object.entries(modes)) {
      // That private key had come from elsewhere; where the tool makes one it is for its owner only.
      const expected = name === 'priv.bin' ? 0o600 : Number(mode);
      assert.equal((await stat(join(dir, name))).mode & 0o777, expected, name);
    }
  });

  test('agree with those of every other Go tool on the names they share', async () => {
    const dir = join(folder, 'golden');
    for (const { tool, files } of golden.tools) {
      const ours = await contents(dir);
      for (const name of Object.keys(ours)) if (name in files) assert.equal(ours[name], files[name], `${tool} ${name}`);
    }
  });

  test('of a new key lie in a folder that others may enter, as scripts that read the peer id do', async () => {
    const dir = join(folder, 'new', 'keys');
    const { identity, paths } = await writeKeyFiles(join(dir, 'priv.bin'));
    assert.equal(await readFile(join(dir, 'identity'), 'utf8'), identity.peerId);
    assert.equal((await stat(dir)).mode & 0o777, 0o777 & ~process.umask());
    const rights = paths.map(async (path) => ((await stat(path)).mode & 0o777).toString(8));
    assert.deepEqual(await Promise.all(rights), ['600', '644', '644', '644', '600']);
  });

  test('a private key that is there is never touched, and the others are made to fit it', async () => {
    const dir = join(folder, 'kept');
    const first = await writeKeyFiles(join(dir, 'priv.bin'));
    const before = await contents(dir);
    const { ino } = await stat(join(dir, 'priv.bin'));
    await writeFile(join(dir, 'identity'), 'somebody else');
    await rm(join(dir, 'pub.bin'));
    const second = await writeKeyFiles(join(dir, 'priv.bin'));
    assert.equal(second.identity.peerId, first.identity.peerId);
    assert.equal((await stat(join(dir, 'priv.bin'))).ino, ino);
    assert.deepEqual(await contents(dir), before);
  });

  test('many that make the same files at once agree, and leave nothing else behind', async () => {
    const dir = join(folder, 'race');
    const all = await Promise.all(Array.from({ length: 12 }, () => writeKeyFiles(join(dir, 'priv.bin'))));
    const [peerId, ...others] = new Set(all.map(({ identity }) => identity.peerId));
    assert.deepEqual(others, []);
    assert.equal(await readFile(join(dir, 'identity'), 'utf8'), peerId);
    assert.equal((await readdir(dir)).length, 5);
  });

  test('a key that is no Ed25519 key is refused, and nothing is written', async () => {
    for (const [type, name] of [
      ['08001200', 'RSA'],
      ['08021200', 'Secp256k1'],
      ['08031200', 'ECDSA'],
    ] as const) {
      const dir = join(folder, name);
      await mkdir(dir);
      await writeFile(join(dir, 'priv.bin'), Buffer.from(type, 'hex'));
      await assert.rejects(writeKeyFiles(join(dir, 'priv.bin')), (error: unknown) => {
        return error instanceof InferbaseError && error.message.includes(`type ${name}, and only Ed25519 is supported`);
      });
      assert.deepEqual(await readdir(dir), ['priv.bin']);
    }
  });

  test('a link in place of one of them is replaced, not written through', async () => {
    const dir = join(folder, 'link');
    await mkdir(dir);
    const target = join(folder, 'target');
    await writeFile(target, 'precious');
    await symlink(target, join(dir, 'pub.bin'));
    await writeKeyFiles(join(dir, 'priv.bin'));
    assert.equal(await readFile(target, 'utf8'), 'precious');
    assert.equal((await readFile(join(dir, 'pub.bin'))).length, 36);
  });

  test('a private key may not have the name of another of the files', async () => {
    await assert.rejects(writeKeyFiles(join(folder, 'names', 'identity')), /name of another key file/);
  });

  test('a folder that cannot be written is named', { skip: process.getuid?.() === 0 && 'root may write' }, async () => {
    const dir = join(folder, 'read-only');
    await mkdir(dir);
    await chmod(dir, 0o500);
    await assert.rejects(writeKeyFiles(join(dir, 'priv.bin')), /read-only.*cannot be written \(EACCES\)/);
  });

  test('a file in place of the folder is named', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(writeKeyFiles(join(file, 'priv.bin')), (error: unknown) => {
      return error instanceof InferbaseError && error.code === 'ERR_STORE_UNAVAILABLE' && error.message.includes(file);
    });
  });
});
