import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { request } from 'undici';
import { run, temporaryFolder } from '../cli/command.ts';
import { cidOf, startNode } from './nodes.ts';

test('workers sign, on the b7s wire and on the kept stream; the head hands it on and verify finds it good', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const place = (name: string): string => join(folder.path, name);
  const head = await startNode(t, { dir: place('head'), role: 'head' });
  const args = ['--boot-nodes', head.address, '--work-topics', '1', '--work-sign', 'true'];
  const common = { role: 'worker', guests: ['exit-three'] } as const;
  const workers = await Promise.all([
    startNode(t, { ...common, dir: place('lasting'), args }),
    startNode(t, { ...common, dir: place('b7s'), args: [...args, '--work-lasting', 'false'] }),
  ]);
  const asked = JSON.stringify({
    function_id: await cidOf('exit-three'),
    method: 'exit-three.wasm',
    topic: '1',
    config: {
      ...{ number_of_nodes: 2, timeout: 2, permissions: [], stdin: '<\ufffd>' },
      ...{ env_vars: [{ name: 'A' }, { value: 'b' }], inferbase: { limits: { deadlineMs: 5_000 } } },
    },
  });

  let answer = '';
  // Nodes find each other when they can.
  for (let attempt = 0; attempt < 60 && !/"code":"20/.test(answer); attempt++) {
    if (attempt > 0) await setTimeout(250);
    const reply = await request(`${head.api}/api/v1/functions/execute`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: asked,
    });
    answer = await reply.body.text();
  }
  assert.match(answer, /^\{"code":"200"/);

  await writeFile(place('request.json'), asked);
  await writeFile(place('answer.json'), answer);
  const good = await run(['verify', 'answer.json', '--request', 'request.json', '--json'], folder.path);
  assert.equal(good.code, 0, good.stdout + good.stderr + answer);
  const rows = good.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { peerId: string; valid: boolean });
  assert.deepEqual(rows.map(({ peerId }) => peerId).sort(), workers.map(({ peerId }) => peerId).sort());
  assert.ok(rows.every(({ valid }) => valid));

  const forged = answer.replaceAll('"exit_code":3', '"exit_code":0');
  assert.notEqual(forged, answer);
  const bad = await run(['verify', '-'], folder.path, { input: forged });
  assert.equal(bad.code, 1);
  assert.equal(bad.stdout.match(/^✗ 12D3KooW\w+: it is of another outcome$/gm)?.length, 2, bad.stdout);
});
