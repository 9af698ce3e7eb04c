import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ROOT, temporaryFolder } from '../command.ts';

function wkr(args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'runtime/allora-wkr.js'), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

suite('allora-wkr', () => {
  test('--help has the commands of the guide, and each of them explains itself under that name', () => {
    const { code, stdout } = wkr(['--help'], ROOT);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: allora-wkr /);
    for (const name of ['init', 'run', 'status', 'logs', 'terminate', 'deploy']) {
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
      const help = wkr([name, '--help'], ROOT);
      assert.match(help.stdout, new RegExp(`^Usage: allora-wkr ${name} `));
      assert.match(help.stdout, new RegExp(`\\n  \\$ allora-wkr ${name}`));
      assert.match(help.stdout, /^Exit codes: /m);
    }
    assert.equal(wkr(['serve'], ROOT).code, 2);
  });

  test('init --name makes a project; status and terminate find nothing that runs', async () => {
    await using folder = await temporaryFolder();
    const made = wkr(['init', '--name', 'price-feed'], folder.path);
    assert.deepEqual([made.code, made.stderr], [0, '']);
    const project = join(folder.path, 'price-feed');
    await access(join(project, 'nodes/head/.inferbase/keys/priv.bin'));
    assert.equal(wkr(['status'], project).code, 3);
    assert.deepEqual(wkr(['terminate'], project), { code: 0, stdout: `nothing runs in ${project}\n`, stderr: '' });
  });

  test('deploy says what to do instead, and fails', () => {
    const { code, stdout, stderr } = wkr(['deploy', '--type', 'worker'], ROOT);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error ERR_INVALID_REQUEST: deploy puts nothing on a cluster; make an image and start it\n/);
    assert.match(stderr, /docker push[\s\S]*INFERBASE_PEERS_CONNECT[\s\S]*deploy\/README\.md/);
  });
});
