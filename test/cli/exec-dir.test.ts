import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readSeedFolders } from '../../runtime/cli/seed-folder.ts';
import { guest } from '../support/wat.ts';
import { run, temporaryFolder } from './command.ts';

describe('exec --dir', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    await writeFile(join(folder.path, 'show-file.wasm'), await guest('show-file'));
    await writeFile(join(folder.path, 'secret.txt'), 'secret');
    await mkdir(join(folder.path, 'data', 'deep', 'empty'), { recursive: true });
    await writeFile(join(folder.path, 'data', 'a.txt'), 'the file a');
    await writeFile(join(folder.path, 'data', 'deep', 'b.txt'), 'the file b');
    await symlink('../secret.txt', join(folder.path, 'data', 'link.txt'));
    await symlink('..', join(folder.path, 'data', 'up'));
  });
  after(() => folder[Symbol.asyncDispose]());

  const show = (path: string, ...dirs: string[]) =>
    run(['exec', 'show-file.wasm', '--stdin', '-', ...dirs.flatMap((dir) => ['--dir', dir])], folder.path, {
      input: path,
    });

  test('the guest reads what is in the folder, and its writes do not reach it', async () => {
    for (const [path, text] of [
      ['a.txt', 'the file a'],
      ['deep/b.txt', 'the file b'],
    ] as const) {
      const { code, stdout, stderr } = await show(path, 'data');
      assert.deepEqual([code, stdout, stderr], [0, text, '']);
      assert.equal(await readFile(join(folder.path, 'data', path), 'utf8'), text);
    }
  });

  test('a folder may be put elsewhere, and several together', async () => {
    assert.equal((await show('x/y/a.txt', 'data::/x/y', 'data/deep::/x')).stdout, 'the file a');
    assert.equal((await show('x/b.txt', 'data::/x/y', 'data/deep::/x')).stdout, 'the file b');
  });

  test('symbolic links of the host are not followed, nor does a path lead out of the folder', async () => {
    for (const path of ['link.txt', 'up/secret.txt']) assert.equal((await show(path, 'data')).code, 44);
    for (const path of ['../secret.txt', join(folder.path, 'secret.txt')])
      assert.equal((await show(path, 'data')).code, 76);
    assert.equal((await show('a.txt')).code, 44);
  });

  const refused: readonly [dir: string, message: RegExp][] = [
    ['none', /--dir none is no folder/],
    ['show-file.wasm', /is no folder/],
    ['data::x', /"x" is no path of a guest/],
    ['data::/x/../y', /without \.\./],
    ['data::/a\0', /no path of a guest/],
  ];
  for (const [dir, message] of refused) {
    test(`refused: ${JSON.stringify(dir)}`, async () => {
      const paths = [dir.startsWith('data') ? `${folder.path}/${dir}` : dir];
      await assert.rejects(readSeedFolders(paths), { message });
    });
  }

  test('refused: a name that would be a file and a folder', async () => {
    const data = join(folder.path, 'data');
    await assert.rejects(readSeedFolders([data, `${data}::/a.txt`]), { message: /a file and a folder/ });
    await assert.rejects(readSeedFolders([`${data}::/a.txt`, data]), { message: /a file and a folder/ });
  });
});
