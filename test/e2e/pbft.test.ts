import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../cli/command.ts';
import { type Asked, cidOf, execute, executeUntil, type Reply, resultsOf, startNode } from './nodes.ts';

/** Five processes take their time on a busy machine. */
const LIMIT_MS = 230_000;
const ANSWERED = ({ results = [] }: Reply): boolean => results.length > 0;

test('a head and four workers of ours run requests by PBFT', { timeout: LIMIT_MS }, async (t) => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const patient = ['--work-consensus', 'pbft', '--work-execution-ms', '90000'];
  const head = await startNode(t, { dir: at('head'), role: 'head', args: patient });
  const args = ['--peers-connect', head.address, '--work-topics', '1', '--work-sign', 'true'];
  const guests = ['echo', 'exit-three', 'print-random'];
  const workers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => startNode(t, { dir: at(name), role: 'worker', guests, args })),
  );
  const ids = workers.map(({ peerId }) => peerId).toSorted();
  const [echo = '', exits = '', random = ''] = await Promise.all(guests.map(cidOf));
  const ask = (cid: string, { config, ...asked }: Asked = {}): Promise<Reply> =>
    execute(head, cid, { nodes: 4, ...asked, config: { consensus_algorithm: 'PBFT', timeout: 60, ...config } });

  await t.test('what enough of them say alike is answered, and what the others say is kept', async () => {
    const config = { consensus_algorithm: 'pbft', timeout: 60, stdin: 'in' };
    const reply = await executeUntil(head, echo, { nodes: 4, config }, ANSWERED);
    assert.deepEqual([reply.code, reply.message], ['200', undefined]);
    const [group, ...others] = reply.results ?? [];
    assert.deepEqual([group?.result, group?.frequency, others], [{ stdout: 'in', stderr: '', exit_code: 0 }, 100, []]);
    assert.ok((group?.peers.length ?? 0) >= 2);
    assert.deepEqual(reply.cluster.peers?.toSorted(), ids);
    for (const peer of group?.peers ?? []) assert.ok(group?.metadata?.[peer]?.attestation, peer);
    // The slower ones do their work to the end.
    let kept: string[] = [];
    for (const end = performance.now() + 60_000; kept.length < 4 && performance.now() < end; await setTimeout(20)) {
      kept = Object.keys((await resultsOf(head, reply.request_id)) ?? {});
    }
    assert.deepEqual(kept.toSorted(), ids);
  });

  await t.test('an exit code is a result like any other', async () => {
    const reply = await ask(exits, { nodes: -1 });
    assert.deepEqual([reply.code, reply.results?.length, reply.results?.[0]?.result.exit_code], ['200', 1, 3]);
  });

  await t.test('what each sees differently is no result', async () => {
    const reply = await ask(random);
    assert.deepEqual([reply.code, reply.results, reply.cluster], ['500', undefined, {}]);
    assert.match(reply.message ?? '', /have to give the same result, and 4 did give one, at most 1 of them the same$/);
  });

  await t.test('limits of ours and no permissions at all are part of what they agree on', async () => {
    const config = { stdin: 'in', permissions: [], inferbase: { limits: { stdoutBytes: 1 } } };
    const reply = await ask(echo, { config });
    assert.deepEqual([reply.code, reply.results?.map(({ result }) => result.stdout)], ['200', ['i']]);
  });

  await t.test('requests that come together have a cluster each', async () => {
    const replies = await Promise.all(Array.from({ length: 4 }, (_, i) => ask(echo, { config: { stdin: `${i}` } })));
    assert.deepEqual(
      replies.map(({ results = [] }) => results.map(({ result }) => result.stdout)),
      replies.map((_, i) => [`${i}`]),
    );
  });

  await t.test('Raft, and no consensus, are run without', async () => {
    const raft = await ask(echo, { config: { consensus_algorithm: 'raft' } });
    assert.match(raft.message ?? '', /raft was asked for; the workers ran the function without it/);
    const none = await execute(head, echo, { nodes: 4 });
    assert.deepEqual([none.results?.[0]?.peers.length, none.message], [4, undefined]);
  });

  await t.test('with three of them left there is no cluster', async () => {
    const [first] = workers;
    first?.process.kill('SIGKILL');
    await first?.process.finished;
    const asked = { nodes: -1, config: { consensus_algorithm: 'pbft', timeout: 1 } };
    const reply = await executeUntil(head, echo, asked, ({ code }) => code === '500');
    assert.match(reply.message ?? '', /^PBFT takes at least 4 workers, and 3 said that they can; start more workers/);
  });
});
