import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { cleanEnv, mustRun, runCommand, temporaryFolder, USER_PATH } from './commands.ts';

/** Runs npm in an empty folder that holds nothing but what npm reads of a clone, on the machine's own Node. */
async function npmInEmptyFolder(
  args: readonly string[],
  check: (folder: string, printed: string) => void | Promise<void>,
): Promise<void> {
  const { path, remove } = await temporaryFolder();
  try {
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) await cp(join(ROOT, file), join(path, file));
    const { stdout, stderr } = mustRun('npm', args, { cwd: path, env: cleanEnv({ PATH: USER_PATH }) });
    await check(path, stdout + stderr);
  } finally {
    await remove();
  }
}

/** The lines npm prints but for its closing "added 350 packages in 20s". */
function remarks(printed: string): string[] {
  return printed.split('\n').filter((line) => line.trim() !== '' && !/^(?:added|changed|up to date)\b/.test(line));
}

suite('installing in an empty folder', () => {
  test('npm ci prints no warning and brings the Node that everything else runs on', () =>
    npmInEmptyFolder(['ci'], (folder, printed) => {
      assert.deepEqual(remarks(printed), []);
      const { stdout } = runCommand(join(folder, 'node_modules/.bin/node'), ['-p', 'typeof WebAssembly.Suspending']);
      assert.equal(stdout, 'function\n');
      assert.equal(existsSync(join(folder, 'node_modules/react-native')), false);
    }));

  test('npm install prints no warning and leaves the lock file as it is', () =>
    npmInEmptyFolder(['install'], (folder, printed) => {
      assert.deepEqual(remarks(printed), []);
      const lock = 'package-lock.json';
      assert.equal(readFileSync(join(folder, lock), 'utf8'), readFileSync(join(ROOT, lock), 'utf8'));
    }));

  test('npm ci --omit=dev succeeds, without react-native', () =>
    npmInEmptyFolder(['ci', '--omit=dev'], (folder, printed) => {
      assert.deepEqual(remarks(printed), []);
      assert.equal(existsSync(join(folder, 'node_modules/react-native')), false);
    }));

  test('the lock file names no registry', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    assert.doesNotMatch(lock, /"resolved":/);
    assert.doesNotMatch(lock, /registry/);
  });
});
