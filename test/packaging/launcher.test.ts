import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { cleanEnv, runCommand, temporaryFolder } from './commands.ts';

/** Makes this Node look like one without JSPI. */
const OLD = ['--import', 'data:text/javascript,delete WebAssembly.Suspending'];
const LAUNCHER = join(ROOT, 'runtime/inferbase.js');

suite('the launcher', () => {
  let clone = { path: '', remove: async (): Promise<void> => {} };
  let launcher = '';

  /** A clone whose own Node is a shell script. */
  before(async () => {
    clone = await temporaryFolder();
    launcher = join(clone.path, 'runtime/inferbase.js');
    await mkdir(join(clone.path, 'runtime'));
    await cp(LAUNCHER, launcher);
    await writeFile(join(clone.path, 'package.json'), '{"type":"module"}');
    await mkdir(join(clone.path, 'node_modules/node/bin'), { recursive: true });
  });
  after(() => clone.remove());

  async function installNode(script: string): Promise<void> {
    const path = join(clone.path, 'node_modules/node/bin/node');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }

  test('says one clear sentence on an old Node and exits 78', () => {
    const { code, stdout, stderr } = runCommand(process.execPath, [...OLD, LAUNCHER, 'serve']);
    assert.equal(code, 78);
    assert.equal(stdout, '');
    assert.match(stderr, /^inferbase needs Node 24 or later, but this is Node \d+\.\d+\.\d+ \(.+\).*\.\n$/);
  });

  test('keeps compiled code, and starts without where that cannot be written or is not wanted', () => {
    const home = join(clone.path, 'no-such-home');
    for (const env of [{ HOME: home }, { HOME: '/dev/null' }, { NODE_DISABLE_COMPILE_CACHE: '1' }]) {
      const { code, stdout, stderr } = runCommand(process.execPath, [LAUNCHER, '--version'], { env: cleanEnv(env) });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    }
    assert.ok(existsSync(join(ROOT, 'node_modules/.cache/inferbase')));
    assert.ok(!existsSync(home), 'a clone leaves the home folder alone');
  });

  test('runs on the Node of its clone where the one it was started with is too old', async () => {
    await installNode('printf "%s\\n" "$@"; exit 7');
    const { code, stdout, stderr } = runCommand(process.execPath, [...OLD, launcher, 'exec', 'a b', '--', '-x']);
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trimEnd().split('\n').slice(-5), [launcher, 'exec', 'a b', '--', '-x']);
    assert.equal(code, 7);
  });

  test('has the other names of the program say the same on an old Node, and hand on which name it was', async () => {
    await installNode('printf "%s\\n" "$@"');
    for (const name of ['allora-node', 'allora-keys']) {
      const old = runCommand(process.execPath, [...OLD, join(ROOT, 'runtime', `${name}.js`), '-o', 'x']);
      assert.deepEqual([old.code, old.stdout], [78, '']);
      assert.match(old.stderr, /^inferbase needs Node 24 or later/);
      const copy = join(clone.path, 'runtime', `${name}.js`);
      await cp(join(ROOT, 'runtime', `${name}.js`), copy);
      const { stdout, stderr } = runCommand(process.execPath, [...OLD, copy, '-o', 'a b']);
      assert.equal(stderr, '');
      assert.deepEqual(stdout.trimEnd().split('\n').slice(-4), [launcher, name, '-o', 'a b']);
    }
  });

  test('passes a signal on to the Node of its clone and ends as that one does', async () => {
    await installNode('echo ready; exec sleep 60');
    const child = spawn(process.execPath, [...OLD, launcher], { env: cleanEnv(), stdio: 'pipe' });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [null, 'SIGTERM']);
  });

  test('runs on the Node that a project installed beside it, and asks for one where that is too old as well', async () => {
    const { path, remove } = await temporaryFolder();
    try {
      const installed = join(path, 'node_modules/inferbase/runtime/inferbase.js');
      await cp(LAUNCHER, installed);
      await writeFile(join(path, 'node_modules/inferbase/package.json'), '{"type":"module"}');
      await mkdir(join(path, 'node_modules/node/bin'), { recursive: true });
      await mkdir(join(path, 'node_modules/.bin'));
      const command = join(path, 'node_modules/.bin/inferbase');
      await symlink('../inferbase/runtime/inferbase.js', command);
      const node = join(path, 'node_modules/node/bin/node');
      await writeFile(node, '#!/bin/sh\nexit 7\n', { mode: 0o755 });
      assert.equal(runCommand(process.execPath, [...OLD, command]).code, 7);
      await rm(node);
      await symlink(process.execPath, node);
      const { code, stderr } = runCommand(process.execPath, [...OLD, command]);
      assert.equal(code, 78);
      assert.match(stderr, /`npm install -D node`.*`npm install --global node`/);
    } finally {
      await remove();
    }
  });

  test('names the file it could not start', async () => {
    await installNode('true');
    await chmod(join(clone.path, 'node_modules/node/bin/node'), 0o644);
    const { code, stderr } = runCommand(process.execPath, [...OLD, launcher]);
    assert.equal(code, 78);
    assert.match(stderr, /^inferbase: could not start .+node: .*EACCES\n$/);
  });
});
