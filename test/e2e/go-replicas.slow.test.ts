import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { temporaryFolder } from '../cli/command.ts';
import { until } from '../p2p/support.ts';
import { guest } from '../support/wat.ts';
import { type Dialect, type GoNode, serveManifest, startGoNode } from './go-nodes.ts';
import { cidOf, execute, executeUntil, type NodeProcess, type Reply, startNode } from './nodes.ts';

/**
 * Requests for PBFT to a head of ours, whose cluster is of real Go workers alone or of theirs and ours. The variables
 * INFERBASE_TEST_GO_A, _B and _C name the binaries; go-interop.slow.test.ts tells how to build them.
 */
const PROGRAMS: Readonly<Record<Dialect, string>> = {
  A: process.env.INFERBASE_TEST_GO_A ?? '',
  B: process.env.INFERBASE_TEST_GO_B ?? '',
  C: process.env.INFERBASE_TEST_GO_C ?? '',
};
const LIMIT_MS = 400_000;
/** Theirs print what the variable says, ours what they read. */
const SAME = { stdin: 'same', env_vars: [{ name: 'ECHO_STDOUT', value: 'same' }] };
const PBFT = { nodes: 4, config: { consensus_algorithm: 'pbft', timeout: 3, ...SAME } };

interface Crew {
  readonly head: NodeProcess;
  readonly theirs: readonly GoNode[];
  /** Of a function that they all have. */
  readonly cid: string;
  /** Before the folder goes that they write to. */
  end(): Promise<void>;
}

const skipOf = (dialect: Dialect): string | false =>
  PROGRAMS[dialect] === '' &&
  `INFERBASE_TEST_GO_${dialect} names no Go node; how to build one is told in go-interop.slow.test.ts`;

/** A head of ours that runs PBFT, with Go workers of these dialects and so many of ours. */
async function startCrew(
  t: TestContext,
  folder: string,
  { theirs, ours }: { readonly theirs: readonly Dialect[]; readonly ours: number },
): Promise<Crew> {
  const at = (name: string): string => join(folder, name);
  const head = await startNode(t, { dir: at('head'), role: 'head', args: ['--work-consensus', 'pbft'] });
  const goCrew: GoNode[] = [];
  for (const [i, dialect] of theirs.entries()) {
    const made = { program: PROGRAMS[dialect], dialect, role: 'worker', dir: at(`theirs${i}`) } as const;
    // Those of A and B find each other by their own means only; all others are told addresses by the head.
    const known = dialect === 'C' ? [] : goCrew;
    const bootNodes = [head, ...known].map(({ address }) => address);
    goCrew.push(await startGoNode(t, { ...made, bootNodes, topics: ['allora-topic-1-worker'] }));
  }
  const args = ['--peers-connect', head.address, '--work-topics', '1'];
  const crew = await Promise.all(
    Array.from({ length: ours }, (_, i) =>
      startNode(t, { dir: at(`ours${i}`), role: 'worker', args, guests: ['echo'] }),
    ),
  );
  const cid = await cidOf('echo');
  const uri = await serveManifest(t, { name: 'f.wasm', data: await guest('echo') });
  const body = JSON.stringify({ cid, uri, topic: '1' });
  const headers = { 'content-type': 'application/json' };
  // Who subscribes late has not heard the first.
  await executeUntil(head, cid, { nodes: theirs.length + ours, config: { timeout: 1, ...SAME } }, ({ code }) => {
    if (code !== '200') void request(`${head.api}/api/v1/functions/install`, { method: 'POST', headers, body });
    return code === '200';
  });
  return {
    ...{ head, theirs: goCrew, cid },
    async end() {
      for (const { process } of [head, ...crew]) process.kill('SIGKILL');
      await Promise.all([
        ...goCrew.map((node) => node.kill()),
        ...[head, ...crew].map(({ process }) => process.finished),
      ]);
    },
  };
}

const isAgreed = ({ results = [] }: Reply): boolean => results.length > 0;

for (const [theirs, ours] of [
  [['C', 'C', 'C', 'C'], 0],
  [['B', 'B', 'B', 'B'], 0],
  [['C', 'C'], 2],
  [['B'], 3],
  [['B', 'C', 'A'], 2],
] as const) {
  const skip = theirs.map(skipOf).find((reason) => reason !== false) ?? false;
  const name = `a head of ours forms a cluster of Go workers of ${theirs.join(', ')} and ${ours} of ours`;
  test(name, { timeout: LIMIT_MS, skip }, async (t) => {
    await using folder = await temporaryFolder();
    const { head, cid, end } = await startCrew(t, folder.path, { theirs, ours });
    const nodes = theirs.length + ours;
    for (let round = 0; round < 3; round++) {
      const reply = await executeUntil(head, cid, { ...PBFT, nodes }, isAgreed);
      const [group] = reply.results ?? [];
      assert.deepEqual([reply.code, reply.results?.length, group?.result.stdout], ['200', 1, 'same']);
      assert.ok((group?.peers.length ?? 0) >= 2, JSON.stringify(reply));
      assert.equal(reply.cluster.peers?.length, nodes);
    }
    await end();
  });
}

const alone = { timeout: LIMIT_MS, skip: skipOf('A') };
test('Go workers of A alone run it, and their primary gets the results', alone, async (t) => {
  await using folder = await temporaryFolder();
  const { head, theirs, cid, end } = await startCrew(t, folder.path, { theirs: ['A', 'A', 'A', 'A'], ours: 0 });
  for (let round = 0; round < 3; round++) {
    const reply = await execute(head, cid, PBFT);
    assert.deepEqual([reply.code, reply.results, reply.cluster.peers?.length], ['200', undefined, 4]);
    assert.match(reply.message ?? '', /gives its result to the primary/);
    const primary = theirs.find(({ peerId }) => peerId === reply.cluster.peers?.[0]);
    const told = (text: string): number =>
      (primary?.log() ?? '').split('\n').filter((line) => line.includes(reply.request_id) && line.includes(text))
        .length;
    await until(() => told('sent cluster disband request') > 0, 60_000);
    assert.equal(told('accounted execution response from peer'), 4);
  }
  await end();
});
