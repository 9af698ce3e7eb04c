import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../source-files.ts';

test('every test of the SDK passes on programs that collect garbage at nearly every allocation', () => {
  const files = globSync('test/sdk/*.test.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.slow.test.ts'));
  assert.ok(files.length >= 6, files.join(' '));
  const args = ['--test', '--test-concurrency=2', '--test-reporter=tap', ...files.toSorted()];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, SDK_GC_STRESS: '1' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const failed = run.stdout.split('\n').filter((line) => /^\s*not ok/.test(line));
  assert.deepEqual([run.status, failed], [0, []], run.stdout.slice(-4_000));
  assert.match(run.stdout, /^# pass [1-9]\d+$/m);
});
