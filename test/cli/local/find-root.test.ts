import assert from 'node:assert/strict';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findRoot } from '../../../runtime/cli/local/find-root.ts';
import { run, temporaryFolder } from '../command.ts';

async function tree(path: string): Promise<{ project: string; below: string; inner: string }> {
  const project = join(path, 'project');
  const below = join(project, 'a/b');
  const inner = join(project, 'inner/c');
  await mkdir(below, { recursive: true });
  await mkdir(inner, { recursive: true });
  await mkdir(join(project, 'nodes/head/.inferbase'), { recursive: true });
  return { project, below, inner };
}

test('a project is found from any folder below it, and the nearest one is meant', async () => {
  await using folder = await temporaryFolder();
  const { project, below, inner } = await tree(folder.path);
  assert.equal((await findRoot(project)).root, project);
  assert.equal((await findRoot(below)).root, project);
  assert.equal((await findRoot(join(project, 'nodes/head/.inferbase'))).root, project);
  await mkdir(join(project, 'inner/nodes/worker'), { recursive: true });
  assert.equal((await findRoot(inner)).root, project);
  await writeFile(join(project, 'inner/nodes/worker/process.json'), '{}');
  assert.equal((await findRoot(inner)).root, join(project, 'inner'));
});

test('without a project the commands say where they looked', async () => {
  await using folder = await temporaryFolder();
  const nowhere = `${folder.path}, nor in a folder above it`;
  assert.deepEqual(await findRoot(folder.path), { root: folder.path, where: ` in ${nowhere}` });
  const status = await run(['status'], folder.path);
  assert.equal(status.code, 3);
  assert.ok(status.stdout.startsWith(`nothing runs in ${nowhere}; inferbase run, `), status.stdout);
  assert.equal((await run(['terminate'], folder.path)).stdout, `nothing runs in ${nowhere}\n`);
  const logs = await run(['logs'], folder.path);
  assert.equal(logs.code, 1);
  assert.ok(logs.stderr.includes(`there are no logs of model, head, worker in ${nowhere};`), logs.stderr);
});

test("nobody's records but the user's own are taken from a folder above", {
  skip: process.getuid?.() === 0 ? false : 'only root can give a folder away',
}, async () => {
  await using folder = await temporaryFolder();
  const { project, below } = await tree(folder.path);
  await chown(join(project, 'nodes'), 12_345, 12_345);
  assert.equal((await findRoot(below)).root, below);
});
