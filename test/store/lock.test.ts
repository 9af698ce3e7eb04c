import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { withLock } from '../../runtime/store/lock.ts';
import { createOwner, ownerTag } from '../../runtime/store/owner.ts';
import { tempDir } from './support.ts';

/** No process of that id: it is above the largest there can be. */
const DEAD = '4194305-00000000000';

/** Adds one to a number in a file under the lock, again and again. */
async function count(dir: string, times: number): Promise<void> {
  const owner = createOwner();
  const [file, lock] = [join(dir, 'number'), join(dir, 'lock')];
  for (let i = 0; i < times; i++) {
    await withLock(lock, owner, async () => writeFile(file, String(Number(await readFile(file, 'utf8')) + 1)));
    // Somebody dies holding it, now and then; only where nobody holds it.
    if (i % 5 === 4) await symlink(`${DEAD}${i % 10}`, lock).catch(() => {});
  }
}

if (process.argv[2] === 'count') await count(process.argv[3] ?? '', 60);
else
  suite('the lock of a file', () => {
    test('of several processes that find it dead at once, one breaks it, and no turn is lost', async (t) => {
      const dir = await tempDir(t);
      await writeFile(join(dir, 'number'), '0');
      await symlink(`${DEAD}0`, join(dir, 'lock'));
      const children = Array.from({ length: 4 }, () => fork(import.meta.filename, ['count', dir], { execArgv: [] }));
      const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
      assert.deepEqual(codes, [0, 0, 0, 0]);
      assert.equal(await readFile(join(dir, 'number'), 'utf8'), '240');
    });

    test('that a process left while it broke the lock of another is broken as well', async (t) => {
      const dir = await tempDir(t);
      const lock = join(dir, 'lock');
      await symlink(`${DEAD}1`, lock);
      await symlink(`${DEAD}2`, `${lock}.${DEAD}1`);
      assert.equal(await withLock(lock, createOwner(), async () => 'mine'), 'mine');
      assert.deepEqual(await readdir(dir), []);
    });

    test('is left to a holder that lives', async (t) => {
      const lock = join(await tempDir(t), 'lock');
      const [one, other] = [createOwner(), createOwner()];
      let inside = 0;
      const turns = [one, other, one].map((owner) =>
        withLock(lock, owner, async () => {
          inside++;
          assert.equal(inside, 1);
          assert.equal(await readlink(lock), ownerTag(owner));
          await new Promise((resolve) => setTimeout(resolve, 30));
          inside--;
        }),
      );
      await Promise.all(turns);
    });

    test('with a name in it that leads elsewhere makes no file elsewhere', async (t) => {
      const dir = await tempDir(t);
      const lock = join(dir, 'lock');
      await symlink(`${DEAD}/../../elsewhere`, lock);
      await withLock(lock, createOwner(), async () => {});
      assert.deepEqual(await readdir(dir), []);
    });
  });
