import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { birthOf } from '../../../runtime/cli/local/birth.ts';
import { endProcess } from '../../../runtime/cli/local/end-process.ts';
import { readRecord } from '../../../runtime/cli/local/record.ts';
import { startProcess } from '../../../runtime/cli/local/start-process.ts';
import { ROOT, temporaryFolder } from '../command.ts';

const ABOUT = { url: null, p2p: null, peerId: null, topics: [], options: {} };

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); await sleep(10)) assert.ok(Date.now() < end, what);
}

/** A script that says which arguments it was given, and goes on. */
async function project(script: string): Promise<{ path: string; script: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, 'own'));
  await writeFile(join(folder.path, 'own/script.mjs'), script);
  return {
    path: folder.path,
    script: join(folder.path, 'own/script.mjs'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const TELLS = 'console.log(JSON.stringify(process.argv.slice(1)), process.cwd()); setInterval(() => {}, 1000);';

test('a process is given its script, its arguments and its folder, and a log of its own', async () => {
  await using folder = await project(TELLS);
  const { path, script } = folder;
  const started = await startProcess(path, { role: 'model', script, args: ['a', '--b'], env: {}, about: ABOUT });
  const log = join(path, 'nodes/model/log.txt');
  await until(async () => (await readFile(log, 'utf8')).endsWith('\n'), 'it says nothing');
  assert.equal(await readFile(log, 'utf8'), `${JSON.stringify([script, 'a', '--b'])} ${path}\n`);
  assert.equal((await stat(log)).mode & 0o777, 0o600);
  assert.deepEqual(await readRecord(path, 'model'), started.record);
  await started.end();
  assert.equal(await readRecord(path, 'model'), undefined);
  assert.equal(birthOf(started.record.pid), undefined);

  const again = await startProcess(path, { role: 'model', script, args: [], env: {}, about: ABOUT });
  assert.match(await readFile(join(path, 'nodes/model/log.old.txt'), 'utf8'), /--b/);
  await again.end();
});

test('one that was told to stay outlives who started it; any other ends with it, however it ends', async () => {
  await using folder = await project(TELLS);
  const { path, script } = folder;
  const starter = `
    const { startProcess } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'runtime/cli/local/start-process.ts')).href)});
    const start = (role) => startProcess(${JSON.stringify(path)}, {
      role, script: ${JSON.stringify(script)}, args: [], env: {}, about: ${JSON.stringify(ABOUT)} });
    await start('head');
    await (await start('worker')).keep();
    console.log('started');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const [head, worker] = [await readRecord(path, 'head'), await readRecord(path, 'worker')];
  assert.ok(head !== undefined && worker !== undefined);
  try {
    assert.equal(birthOf(head.pid), head.birth);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => birthOf(head.pid) === undefined, 'it goes on alone');
    assert.equal(birthOf(worker.pid), worker.birth);
  } finally {
    assert.equal(await endProcess(worker), 'ended');
  }
});

test('a log that has grown too long is begun anew, and the lines before are kept once', async () => {
  const lines = 100_000;
  const line = 'x'.repeat(99);
  await using folder = await project(
    `process.stdout.write(${JSON.stringify(`${line}\n`)}.repeat(${lines})); setInterval(() => console.log('still here'), 100);`,
  );
  const { path, script } = folder;
  const started = await startProcess(path, { role: 'worker', script, args: [], env: {}, about: ABOUT });
  try {
    const old = join(path, 'nodes/worker/log.old.txt');
    await until(
      () =>
        stat(old).then(
          ({ size }) => size >= lines * 100,
          () => false,
        ),
      'the log grows for ever',
    );
    const log = join(path, 'nodes/worker/log.txt');
    await until(async () => (await readFile(log, 'utf8')).includes('still here'), 'it says nothing any more');
    await using file = await open(log);
    assert.ok((await file.stat()).size < 1_000_000);
  } finally {
    await started.end();
  }
});
