import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../cli/command.ts';
import { lacksNamespaces, openFarNetwork } from './network/link.ts';
import { cidOf, execute, executeUntil, type Reply, startNode } from './nodes.ts';

/** Set where this file runs in a network namespace of its own, in which it may do what it wants. */
const INSIDE = 'INFERBASE_TEST_NETWORK';
const EXECUTION_MS = 8_000;
const ok = ({ code }: Reply): boolean => code === '200';

if (process.env[INSIDE] === undefined) {
  test('a head and a worker on a link that loses, delays, is slow, and is cut', {
    skip: lacksNamespaces(),
  }, async () => {
    const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
    const args = ['-Urn', process.execPath, '--test-reporter=spec', import.meta.filename];
    const inside = spawn('unshare', args, { env: { ...env, [INSIDE]: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [inside.stdout, inside.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const [code] = await once(inside, 'close');
    assert.equal(code, 0, said);
  });
} else {
  test('inside', async (t) => {
    await using folder = await temporaryFolder();
    const network = await openFarNetwork(t);
    const head = await startNode(t, {
      ...{ dir: join(folder.path, 'head'), role: 'head' },
      args: ['--peers-listen', `/ip4/${network.near}/tcp/0`, '--work-execution-ms', String(EXECUTION_MS)],
    });
    const worker = await startNode(t, {
      ...{ dir: join(folder.path, 'worker'), role: 'worker', guests: ['echo', 'sleep'], under: network.under },
      args: ['--peers-connect', head.address, '--work-topics', '1', '--peers-listen', `/ip4/${network.far}/tcp/0`],
    });
    const [echoes, sleeps] = [await cidOf('echo'), await cidOf('sleep')];
    const say = (stdin: string): Promise<Reply> => execute(head, echoes, { config: { stdin } });
    const said = ({ results = [] }: Reply): string | undefined => results[0]?.result.stdout;
    await executeUntil(head, echoes, {}, ok);

    await t.test('packets that are lost and late cost time, not answers', async () => {
      await network.set({ loss: 0.05, delayMs: 40 });
      for (let i = 0; i < 20; i++) {
        const reply = await say(`number ${i}`);
        assert.deepEqual([reply.code, said(reply)], ['200', `number ${i}`], String(reply.message));
      }
    });

    await t.test('a request larger than a slow link takes in a second arrives whole', async () => {
      await network.set({ bytesPerSecond: 100_000, delayMs: 20 });
      const text = 'slow '.repeat(40_000);
      const reply = await say(text);
      assert.deepEqual([reply.code, said(reply) === text], ['200', true], String(reply.message));
    });

    await t.test(
      'a link that is cut during an execution: the head says so in time, and both find each other',
      async () => {
        await network.set({});
        const running = execute(head, sleeps, { config: { timeout: 2 } });
        await setTimeout(1_000);
        await network.set({ cut: true });
        const begun = performance.now();
        const reply = await running;
        assert.deepEqual([reply.code, reply.cluster.peers], ['204', [worker.peerId]]);
        assert.ok(performance.now() - begun < 3 * EXECUTION_MS);
        // Long enough for both to give the connection up.
        await setTimeout(30_000);
        assert.equal((await execute(head, echoes, { config: { timeout: 1 } })).code, '408');
        await network.set({});
        await executeUntil(head, echoes, {}, ok);
        assert.equal(said(await say('again')), 'again');
      },
    );
  });
}
