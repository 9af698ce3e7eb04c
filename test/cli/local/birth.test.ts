import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { birthOf } from '../../../runtime/cli/local/birth.ts';

const NO_PS = spawnSync('ps', ['-o', 'lstart=', '-p', String(process.pid)]).status === 0 ? false : 'needs ps';
/** How it is told on Linux, and elsewhere by `ps`, which Linux has as well. */
const PLATFORMS: readonly (readonly [platform: string, skip: string | false])[] = [
  ['linux', process.platform === 'linux' ? false : 'needs Linux'],
  ['darwin', NO_PS],
];

describe('when a process was born', () => {
  for (const [platform, skip] of PLATFORMS) {
    test(`${platform}: is the same each time, and nothing once it has ended`, { skip }, async () => {
      const child = spawn('sleep', ['60']);
      const pid = child.pid ?? 0;
      const birth = birthOf(pid, platform);
      assert.ok(birth !== undefined && birth !== '');
      assert.equal(birthOf(pid, platform), birth);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(birthOf(pid, platform), undefined);
      assert.equal(birthOf(2 ** 30, platform), undefined);
    });

    test(`${platform}: what is left of one that nobody asked for has none`, { skip }, async () => {
      // The second cat takes the place of the shell, and never asks how the first one ended.
      const child = spawn('sh', ['-c', 'cat <&3 >/dev/null & echo $!; exec cat'], {
        stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
      });
      const { stdin, stdout } = child;
      const [, , , first] = child.stdio;
      assert.ok(stdin !== null && stdout !== null && first instanceof Duplex);
      try {
        const [printed] = await once(stdout, 'data');
        const pid = Number(String(printed));
        // By then the shell is gone, which would have asked.
        stdin.write('x');
        await once(stdout, 'data');
        first.end();
        for (const until = Date.now() + 30_000; birthOf(pid, platform) !== undefined; ) {
          assert.ok(Date.now() < until, 'it still counts as alive');
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        assert.doesNotThrow(() => process.kill(pid, 0), 'its number is still taken');
      } finally {
        child.kill('SIGKILL');
      }
    });
  }

  test('on Linux differs between processes', { skip: PLATFORMS[0]?.[1] }, () => {
    assert.notEqual(birthOf(process.pid), birthOf(1));
  });
});
