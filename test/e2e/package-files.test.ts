import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, temporaryFolder } from '../cli/command.ts';
import { blocklessPackage } from '../store/support.ts';
import { openTestRuntime } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

test('a guest reads the files of its package; what it writes stays with its execution', async (t) => {
  const runtime = await openTestRuntime({ 'sandbox.threads': 2 });
  t.after(() => runtime.close());
  const files = blocklessPackage([
    { name: 'show.wasm', data: await guest('show-file') },
    { name: 'data/prices.csv', data: Buffer.from('1,2,3') },
  ]);
  const { cid } = await runtime.store.add(Object.entries(files).map(([path, bytes]) => ({ path, bytes })));
  const node = await runtime.openNode();
  const ask = async (path: string) => {
    const request = {
      functionId: cid,
      method: 'show.wasm',
      parameters: [],
      env: [],
      stdin: Buffer.from(path),
      nodeCount: 1,
      consensus: '',
      topic: '',
      body: {},
      limits: {},
      permissions: null,
    };
    const { results } = await node.execute(request, { requestId: '1', signal: new AbortController().signal });
    const outcome = results[0]?.outcome;
    assert.ok(outcome);
    return [outcome.exitCode, Buffer.from(outcome.stdout).toString()];
  };
  // The guest writes over the file after it has printed it.
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('data/prices.csv')));
  for (const answer of answers) assert.deepEqual(answer, [0, '1,2,3']);
  for (const hidden of ['show.wasm', 'manifest.json', 'f.tar.gz']) assert.equal((await ask(hidden))[0], 44, hidden);
  assert.equal((await ask('../data/prices.csv'))[0], 76);
});

test('so does one that is run by the command line, where a folder of the host may lie over them', async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await writeFile(join(path, 'show.wasm'), await guest('show-file'));
  await writeFile(join(path, 'note.txt'), 'of the package');
  const pinned = await run(['pin', '.'], path);
  const cid = /\bbaf\w+/.exec(pinned.stdout)?.[0] ?? '';
  const show = (...args: string[]) => run(['exec', cid, '--stdin', '-', ...args], path, { input: 'note.txt' });
  const plain = await show();
  assert.deepEqual([plain.code, plain.stdout], [0, 'of the package'], plain.stderr);
  const other = await temporaryFolder();
  await writeFile(join(other.path, 'note.txt'), 'of the host');
  assert.equal((await show('--dir', other.path)).stdout, 'of the host');
  await other[Symbol.asyncDispose]();
});
