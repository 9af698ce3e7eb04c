import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { birthOf } from '../../runtime/cli/local/birth.ts';
import { freePort } from '../support/free-port.ts';
import { ROOT, run, start, temporaryFolder } from './command.ts';
import { ANY_PORTS, folderWith, leftovers, paste, project } from './local/project.ts';

const NO_PYTHON = spawnSync('python3', ['--version']).status === 0 ? false : 'needs python3';

test('a change of the function reaches the worker that runs, under a new CID; the old one still answers', async () => {
  await using here = await folderWith('');
  const before = await here.run('run', ...ANY_PORTS, '--no-model');
  assert.equal(before.code, 0, before.stderr);
  assert.match(before.stderr, /^warning: the function ended with 3: err$/m);
  assert.equal(paste(before.stdout).results[0]?.result.stdout, 'out');
  await copyFile(join(ROOT, 'functions/hello/build/hello.wasm'), join(here.path, 'exit-three.wasm'));
  const changed = await here.run('run');
  assert.equal(changed.code, 0, changed.stderr);
  assert.match(changed.stdout, /^✓ worker runs already: /m);
  assert.match(paste(changed.stdout).results[0]?.result.stdout ?? '', /infererValue/);
  assert.equal(paste(before.stdout).results[0]?.result.stdout, 'out');
});

test('of two runs at once one starts them, and the other finds them', async () => {
  await using here = await folderWith('');
  const both = await Promise.all([1, 2].map(() => here.run('run', ...ANY_PORTS, '--no-model', '--json')));
  const told = both.map(({ stdout, stderr }) => JSON.parse(stdout || stderr));
  assert.deepEqual(told.map(({ started }) => started.length).toSorted(), [0, 2]);
  const pids = told.map(({ processes }) => processes.map(({ pid }: { pid: number }) => pid));
  assert.deepEqual(pids[0], pids[1]);
  assert.equal(told[0].url, told[1].url);
});

describe('run that cannot', () => {
  test('names the port that is taken and its flag, and leaves nothing behind', async () => {
    await using here = await folderWith('');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const own = ['--upstream', `model=http://127.0.0.1:${await freePort()}`];
    const rows: readonly (readonly [args: string[], flag: RegExp])[] = [
      [[...ANY_PORTS, ...own, '--listen-api', `127.0.0.1:${port}`], /--listen-api ADDRESS:PORT$/m],
      [[...ANY_PORTS, ...own, '--head-port', `${port}`], /--head-port PORT$/m],
      [[...ANY_PORTS, ...own, '--worker-port', `${port}`], /--worker-port PORT$/m],
      [[...ANY_PORTS, '--upstream', `model=http://127.0.0.1:${port}`], /--no-model$/m],
    ];
    try {
      for (const [args, flag] of rows) {
        const { code, stdout, stderr } = await here.run('run', ...args);
        assert.deepEqual([code, stdout], [69, '']);
        assert.match(stderr, new RegExp(`^error EADDRINUSE: 127\\.0\\.0\\.1:${port} is taken by another program`));
        assert.match(stderr, flag);
      }
      assert.deepEqual(await leftovers(here.path), []);
    } finally {
      taken.close();
    }
  });

  test('names all ports that are taken at once', async () => {
    await using here = await folderWith('');
    const taken = [createServer(), createServer()].map((server) => server.listen(0, '127.0.0.1'));
    try {
      const ports = [];
      for (const server of taken) {
        if (!server.listening) await once(server, 'listening');
        ports.push((server.address() as AddressInfo).port);
      }
      const [api = 0, worker = 0] = ports;
      const flags = [
        '--listen-api',
        `127.0.0.1:${api}`,
        '--worker-port',
        String(worker),
        '--head-port',
        '0',
        '--no-model',
      ];
      const { code, stderr } = await here.run('run', ...flags);
      assert.equal(code, 69);
      assert.match(
        stderr,
        new RegExp(`^error EADDRINUSE: 127\\.0\\.0\\.1:${api} is taken by another program; .*--listen-api`),
      );
      assert.match(stderr, new RegExp(`; the same goes for 127\\.0\\.0\\.1:${worker} \\(--worker-port\\): `));
    } finally {
      for (const server of taken) server.close();
    }
  });

  test('shows what the one that failed said, and ends what it had started', async () => {
    await using here = await folderWith('console.log("no model \\u001b[31mtoday"); process.exit(4);');
    const own = ['--upstream', `model=http://127.0.0.1:${await freePort()}`];
    const failed = await here.run('run', ...ANY_PORTS, ...own);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^error ERR_INTERNAL: the model ended with code 4 before it was ready/);
    assert.match(failed.stderr, /^ {2}no model \\u\{1b\}\[31mtoday$/m);

    const key = join(here.path, 'nodes/head/.inferbase/keys/priv.bin');
    await writeFile(key, 'no key');
    const refused = await here.run('run', ...ANY_PORTS, '--no-model');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /priv\.bin cannot be used/);
    assert.deepEqual(await leftovers(here.path), []);
    assert.equal((await here.run('status')).code, 3);
  });

  test('ended by Ctrl-C while it starts it leaves nothing behind; so it does when it is killed', async () => {
    await using here = await folderWith('console.log("waiting"); setInterval(() => {}, 1000);');
    const own = ['--upstream', `model=http://127.0.0.1:${await freePort()}`];
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGKILL', null],
    ] as const) {
      const running = start(['run', ...ANY_PORTS, ...own], here.path);
      const said = (name: string) => readFile(join(here.path, 'nodes/model', name), 'utf8').catch(() => '');
      const isUp = async () => (await said('process.json')) !== '' && (await said('log.txt')).includes('waiting');
      for (const until = Date.now() + 60_000; !(await isUp()); ) assert.ok(Date.now() < until, 'it is not started');
      const { of } = await here.status();
      const { pid } = of('model');
      assert.deepEqual([of('model').running, of('model').ready], [true, false]);
      running.kill(signal);
      assert.equal((await running.finished).code, code);
      for (const until = Date.now() + 30_000; birthOf(pid) !== undefined; ) assert.ok(Date.now() < until, 'it runs on');
      assert.equal((await here.run('status')).code, 3);
    }
  });

  test('says so where there is no function, and where there are several', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await run(['run'], folder.path);
    assert.equal(code, 1);
    assert.match(stderr, /has no function to build; .*inferbase init NAME/);
  });
});

test('run has the main.py of a project predict, where there is one', { skip: NO_PYTHON }, async () => {
  await using here = await project('--python');
  const { code, stdout, stderr } = await here.run('run', ...ANY_PORTS);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /model/);
  assert.match(stdout, /^✓ asked for ETH on topic 1: \{"infererValue": ?"[\d.]+"\}$/m);
});
