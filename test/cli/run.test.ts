import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { birthOf } from '../../runtime/cli/local/birth.ts';
import { freePort } from '../support/free-port.ts';
import { guest } from '../support/wat.ts';
import { run, start } from './command.ts';
import { ANY_PORTS, leftovers, type Project, paste, project } from './local/project.ts';

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
  for (const until = Date.now() + 30_000; birthOf(pid) !== undefined && Date.now() < until; );
}

describe('run, status, logs and terminate', () => {
  let here: Project;
  let printed = '';
  before(async () => {
    here = await project();
  });
  after(() => here[Symbol.asyncDispose]());

  test('without run there is nothing to tell, to show or to end', async () => {
    const status = await here.run('status');
    assert.deepEqual([status.code, status.stderr], [3, '']);
    assert.ok(status.stdout.startsWith(`nothing runs in ${here.path}; inferbase run, `), status.stdout);
    assert.deepEqual(await here.run('terminate'), { code: 0, stdout: `nothing runs in ${here.path}\n`, stderr: '' });
    assert.deepEqual(JSON.parse((await here.run('terminate', '--json')).stdout), { ended: [] });
  });

  test('run builds, starts model server, head and worker, and prints a curl that is answered by the worker', async () => {
    const model = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await here.run('run', ...ANY_PORTS, '--upstream', `model=${model}`);
    // On a busy machine stderr tells how far it is.
    assert.equal(code, 0, stderr);
    printed = stdout;
    assert.match(stdout, /^✓ built: price-feed\.wasm, .*\n✓ stored price-feed: bafy\w+\n✓ model started: http/);
    assert.match(stdout, /^✓ asked for ETH on topic 1: \{"infererValue":"[\d.]+"\}$/m);
    const { code: all, of } = await here.status();
    assert.equal(all, 0);
    const [head, worker] = [of('head'), of('worker')];
    assert.equal(new Set([of('model').pid, head.pid, worker.pid]).size, 3);
    assert.deepEqual(head.workers, { 1: [worker.peerId] });
    assert.equal(of('model').url, model);
    const { code: answered, results } = paste(stdout);
    assert.equal(answered, '200');
    assert.deepEqual(results[0]?.peers, [worker.peerId]);
    assert.match(results[0]?.result.stdout ?? '', /^\{"infererValue":"[\d.]+"\}$/);
    assert.ok((await readFile(join(here.path, 'nodes/head/log.txt'), 'utf8')).includes(`peer id ${head.peerId}\n`));
  });

  test('status tells what runs, where, and what the head sees', async () => {
    const { code, stdout, stderr } = await here.run('status');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^model {2}up {3}http:\S+\n +pid \d+ since /);
    assert.match(stdout, /^head {3}up {3}http:\S+\n +\/ip4\/\S+\n +sees 1 worker on topic 1\n +pid \d+ since /m);
    assert.match(stdout, /^worker up {3}\/ip4\/\S+\n +topic 1\n +pid \d+ since /m);
    assert.ok(!stdout.includes('\u001b'));
  });

  test('commands in the project find what the worker has by its CID, and the worker what is pinned there', async () => {
    const { of } = await here.status();
    const cid = /^✓ stored price-feed: (bafy\w+)$/m.exec(printed)?.[1] ?? '';
    const model = ['--upstream', `model=${of('model').url}`];
    const { code, stdout, stderr } = await here.run('exec', cid, '--env', 'ALLORA_ARG_PARAMS=ETH', ...model);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^\{"infererValue":"[\d.]+"\}$/);
    assert.match((await here.run('store', 'ls')).stdout, new RegExp(`^${cid} .* pinned price-feed$`, 'm'));
    await writeFile(join(here.path, 'three.wasm'), await guest('exit-three'));
    const { stdout: three } = await here.run('pin', 'three.wasm', '--json');
    const answer = await fetch(new URL('/api/v1/functions/execute', of('head').url ?? ''), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // It ends when the one worker has said that it can, however long it prepares the function.
      body: JSON.stringify({
        function_id: JSON.parse(three).cid,
        method: 'three.wasm',
        topic: '1',
        config: { number_of_nodes: 1, timeout: 60 },
      }),
    });
    const reply = (await answer.json()) as { code: string; results: { result: { exit_code: number } }[] };
    assert.deepEqual([reply.code, reply.results[0]?.result.exit_code], ['200', 3]);
  });

  test('status and logs work in any folder of the project', async () => {
    const below = join(here.path, 'nodes/head');
    const status = await run(['status', '--json'], below);
    assert.equal(status.code, 0);
    assert.equal(JSON.parse(status.stdout).project, here.path);
    assert.ok((await run(['status'], below)).stdout.startsWith(`project ${here.path}\nmodel  up `));
    assert.match((await run(['logs', 'head'], join(here.path, 'assembly'))).stdout, /^head {3}\| .*peer id /m);
  });

  test('a second run leaves them alone, and does not pretend to change them', async () => {
    const before = await here.status();
    const again = await here.run('run', ...ANY_PORTS, '--json');
    assert.equal(again.code, 0, again.stderr);
    const told = JSON.parse(again.stdout);
    assert.deepEqual(told.started, []);
    assert.match(told.answer.results[0].result.stdout, /infererValue/);
    assert.ok(printed.includes(told.curl), again.stdout);
    const refused = await here.run('run', '--worker-port', '1234');
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^error ERR_INVALID_SETTING: --worker-port cannot change the worker, which runs already/,
    );
    const now = await here.status();
    for (const role of ['model', 'head', 'worker']) assert.equal(now.of(role).pid, before.of(role).pid);
  });

  for (const killed of [['worker'], ['model', 'head']]) {
    const names = killed.join(' and ');
    test(`what was killed (${names}) is told by status, and run brings back that alone, where it was`, async () => {
      const before = await here.status();
      for (const role of killed) kill(before.of(role).pid);
      const down = await here.run('status');
      assert.equal(down.code, 1);
      for (const role of killed) assert.match(down.stdout, new RegExp(`^${role} +down `, 'm'));
      assert.match(down.stdout, /it has ended; inferbase run starts it again/);
      const { code, stdout, stderr } = await here.run('run');
      assert.equal(code, 0, stderr);
      for (const role of killed) assert.match(stdout, new RegExp(`^✓ ${role} started: `, 'm'));
      const now = await here.status();
      assert.equal(now.code, 0);
      for (const role of ['model', 'head', 'worker']) {
        const [earlier, later] = [before.of(role), now.of(role)];
        assert.equal(later.pid === earlier.pid, !killed.includes(role));
        assert.deepEqual([later.url, later.p2p, later.peerId], [earlier.url, earlier.p2p, earlier.peerId]);
      }
      assert.equal(paste(stdout).code, '200');
    });
  }

  test('a number that somebody else has by now is neither taken for ours nor signalled', async () => {
    const stranger = spawn('sleep', ['600']);
    try {
      const { of } = await here.status();
      const path = join(here.path, 'nodes/worker/process.json');
      const record = await readFile(path, 'utf8');
      const stale = { ...JSON.parse(record), pid: stranger.pid };
      await writeFile(path, JSON.stringify(stale));
      assert.equal((await here.status()).of('worker').running, false);
      kill(of('worker').pid);
      assert.equal((await here.run('run')).code, 0);
      assert.notEqual((await here.status()).of('worker').pid, stranger.pid);
      await writeFile(
        join(here.path, 'nodes/model/process.json'),
        JSON.stringify({ ...stale, url: 'http://127.0.0.1:1' }),
      );
      kill(of('model').pid);
      const { code, stdout } = await here.run('terminate');
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /model/);
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    } finally {
      stranger.kill();
    }
  });

  test('run --logs shows what they say, and Ctrl-C ends that alone; terminate ends them and frees their ports', async () => {
    const model = `model=http://127.0.0.1:${await freePort()}`;
    const shown = start(['run', '--logs', ...ANY_PORTS, '--upstream', model], here.path);
    await shown.until(/^They run in the background/m);
    await shown.until(/^worker \| .*peer id 12D3/m);
    shown.kill('SIGINT');
    assert.equal((await shown.finished).code, 0);
    const { code: up, of } = await here.status();
    assert.equal(up, 0);
    const { code, stdout, stderr } = await run(['terminate'], join(here.path, 'assembly'));
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^✓ head ended \(pid \d+\)\n✓ worker ended \(pid \d+\)\n✓ model ended \(pid \d+\)\n$/);
    for (const role of ['model', 'head', 'worker']) assert.equal(birthOf(of(role).pid), undefined);
    assert.equal((await here.run('status')).code, 3);
    assert.match((await here.run('logs', 'head')).stdout, /^head {3}\| closing after SIGTERM$/m);
    assert.deepEqual(await leftovers(here.path), []);
    // On the same ports at once.
    const places = ['--listen-api', new URL(of('head').url ?? '').host, '--head-port', portOf(of('head').p2p)];
    const again = await here.run('run', ...places, '--worker-port', portOf(of('worker').p2p), '--upstream', model);
    assert.equal(again.code, 0, again.stderr);
  });
});

function portOf(address: string | null): string {
  return /\/tcp\/(\d+)/.exec(address ?? '')?.[1] ?? '';
}
