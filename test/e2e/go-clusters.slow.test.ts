import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { temporaryFolder } from '../cli/command.ts';
import { startSwarm, until } from '../p2p/support.ts';
import { guest } from '../support/wat.ts';
import { type Dialect, type GoNode, type GoNodeInit, serveManifest, startGoNode } from './go-nodes.ts';
import { cidOf, executeUntil, type NodeProcess, type Reply, startNode } from './nodes.ts';

/**
 * Requests for PBFT to a real Go head, whose cluster is of our workers alone or of ours and theirs. The variables
 * INFERBASE_TEST_GO_A, _B and _C name the binaries, and _B7 that of v0.7.0, the last version of B, whose replicas sign a field
 * that no other version has; go-interop.slow.test.ts tells how to build them.
 */
const PROGRAMS: Readonly<Record<Version, string>> = {
  A: process.env.INFERBASE_TEST_GO_A ?? '',
  B: process.env.INFERBASE_TEST_GO_B ?? '',
  B7: process.env.INFERBASE_TEST_GO_B7 ?? '',
  C: process.env.INFERBASE_TEST_GO_C ?? '',
};
type Version = Dialect | 'B7';
const TOPIC: Readonly<Record<Version, string>> = {
  A: '1',
  B: 'allora-topic-1-worker',
  B7: 'allora-topic-1-worker',
  C: '',
};
const LIMIT_MS = 400_000;
const PBFT = { timeout: 3, consensus_algorithm: 'pbft' };

interface Crew {
  readonly head: GoNode;
  readonly ours: readonly NodeProcess[];
  readonly theirs: readonly GoNode[];
  /** Of a function that they all have, and that writes the standard input of the request. */
  readonly cid: string;
}

/** A Go head with so many workers of ours and of theirs, each with the same function. */
async function startCrew(
  t: TestContext,
  folder: string,
  version: Version,
  [ours, theirs]: readonly [ours: number, theirs: number],
): Promise<Crew> {
  const program = PROGRAMS[version];
  const dialect = version === 'B7' ? 'B' : version;
  const at = async (name: string): Promise<string> => {
    const dir = join(folder, `${ours}-${theirs}-${name}`);
    await mkdir(dir, { recursive: true });
    return dir;
  };
  const head = await startGoNode(t, { program, dialect, role: 'head', dir: await at('head') });
  const args = ['--boot-nodes', head.address, '--work-topics', '1'];
  const startOurs = async (n: number): Promise<NodeProcess> =>
    await startNode(t, { dir: await at(`ours${n}`), role: 'worker', args, guests: ['echo'] });
  const startTheirs = async (n: number): Promise<GoNode> => {
    const made: GoNodeInit = { program, dialect, role: 'worker', dir: await at(`theirs${n}`) };
    return await startGoNode(t, { ...made, bootNodes: [head.address], topics: ['allora-topic-1-worker'] });
  };
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
  const [crew, goCrew, cid] = [
    await Promise.all(numbers(ours).map(startOurs)),
    await Promise.all(numbers(theirs).map(startTheirs)),
    await cidOf('echo'),
  ];
  if (theirs > 0) await installOnThem(t, goCrew, cid);
  return { head, ours: crew, theirs: goCrew, cid };
}

/** Before the folder goes that they write to. */
async function killAll({ head, ours, theirs }: Crew): Promise<void> {
  for (const { process } of ours) process.kill('SIGKILL');
  await Promise.all([...[head, ...theirs].map((node) => node.kill()), ...ours.map(({ process }) => process.finished)]);
}

/** A Go head takes no place of a function; a bare host tells each of them, which may not listen yet. */
async function installOnThem(t: TestContext, workers: readonly GoNode[], cid: string): Promise<void> {
  const manifest_url = await serveManifest(t, { name: 'f.wasm', data: await guest('echo') });
  const order = Buffer.from(JSON.stringify({ type: 'MsgInstallFunction', manifest_url, cid }));
  const installed = new Set<string>();
  const teller = await startSwarm(t, {
    prepare: ({ swarm }) =>
      swarm.handle(B7S_PROTOCOL, 1e6, ({ bytes, from }) => {
        if (Buffer.from(bytes).includes('MsgInstallFunctionResponse')) installed.add(from);
      }),
  });
  for (const worker of workers) {
    for (let left = 60; !installed.has(worker.peerId); left--) {
      if (left === 0) throw new Error(`${worker.peerId} installed nothing:\n${worker.log()}`);
      await teller.dial(worker).catch(() => {});
      await teller.swarm.send(worker.peerId, B7S_PROTOCOL, order).catch(() => {});
      await until(() => installed.has(worker.peerId), 2_000).catch(() => {});
    }
  }
  await teller.host.stop();
}

const same = { stdin: 'same', env_vars: [{ name: 'ECHO_STDOUT', value: 'same' }] };

for (const dialect of ['B', 'B7', 'C'] as const) {
  const skip =
    PROGRAMS[dialect] === '' &&
    `INFERBASE_TEST_GO_${dialect} names no Go node; how to build one is told in go-interop.slow.test.ts`;
  for (const [ours, theirs] of [
    [4, 0],
    [2, 2],
    [1, 3],
  ] as const) {
    test(`a Go head of dialect ${dialect} has its consensus of ${ours} of our workers and ${theirs} of theirs`, {
      timeout: LIMIT_MS,
      skip,
    }, async (t) => {
      await using folder = await temporaryFolder();
      const crew = await startCrew(t, folder.path, dialect, [ours, theirs]);
      const { head, cid } = crew;
      const ask = { topic: TOPIC[dialect], nodes: 4, config: { ...PBFT, ...same } };
      // Which of them come first as primary is not for this test to say.
      for (let round = 0; round < 3; round++) {
        const reply: Reply = await executeUntil(head, cid, ask, ({ code }) => code === '200');
        const [group] = reply.results ?? [];
        assert.equal(group?.result.stdout, 'same');
        // f + 1 of them; the head waits for no more.
        assert.ok((group?.peers.length ?? 0) >= 2, JSON.stringify(reply));
        assert.equal(reply.cluster.peers?.length, 4);
      }
      assert.doesNotMatch(head.log(), /could not verify signature/);
      for (const worker of crew.theirs) assert.doesNotMatch(worker.log(), /invalid signature/i);
      await killAll(crew);
    });
  }
}

const skip =
  PROGRAMS.A === '' && 'INFERBASE_TEST_GO_A names no Go node; go-interop.slow.test.ts tells how to build one';

/** What the primary of a cluster says in its log: of one of ours the fields of its line, of theirs that it has all. */
interface Told {
  readonly reported: number;
  readonly same: number;
  readonly codes: Readonly<Record<string, number>>;
}

async function toldBy(node: NodeProcess, requestId: string): Promise<Told> {
  const [line] = await node.process.untilLogged(
    new RegExp(`^.*a cluster has its results.*${requestId}.*$|^.*${requestId}.*a cluster has its results.*$`, 'm'),
  );
  return JSON.parse(line.slice(line.indexOf('{'))) as Told;
}

for (const [ours, theirs] of [
  [2, 0],
  [1, 1],
] as const) {
  test(`a Go head of dialect A has ${ours} of our workers and ${theirs} of theirs agree, each of them as primary`, {
    timeout: LIMIT_MS,
    skip,
  }, async (t) => {
    await using folder = await temporaryFolder();
    const crew = await startCrew(t, folder.path, 'A', [ours, theirs]);
    const { head, cid } = crew;
    const ask = { topic: '1', nodes: 2, config: { ...PBFT, ...same } };
    const waiting = new Set([...crew.ours, ...crew.theirs].map(({ peerId }) => peerId));
    // Whoever answers the roll call first is the primary.
    for (let round = 0; waiting.size > 0 && round < 40; round++) {
      const reply = await executeUntil(head, cid, ask, ({ code }) => code === '200');
      assert.equal(reply.results, undefined);
      const [primary = ''] = reply.cluster.peers ?? [];
      const own = crew.ours.find(({ peerId }) => peerId === primary);
      if (own !== undefined) {
        const { reported, same: alike, codes } = await toldBy(own, reply.request_id);
        assert.deepEqual([reported, alike, codes], [2, 2, { 200: 2 }]);
      } else {
        const go = crew.theirs.find(({ peerId }) => peerId === primary) as GoNode;
        const ofThis = (): string[] =>
          go
            .log()
            .split('\n')
            .filter((line) => line.includes(reply.request_id));
        await until(() => ofThis().some((line) => line.includes('sent cluster disband request')), 60_000);
        const accounted = ofThis().filter((line) => line.includes('accounted execution response from peer'));
        assert.equal(accounted.length, 2, ofThis().join('\n'));
        assert.doesNotMatch(go.log(), /could not verify signature/);
      }
      waiting.delete(primary);
    }
    assert.deepEqual([...waiting], []);
    await killAll(crew);
  });
}

test('a Go head of dialect A has one worker of ours alone run what was to be agreed on', {
  timeout: LIMIT_MS,
  skip,
}, async (t) => {
  await using folder = await temporaryFolder();
  const crew = await startCrew(t, folder.path, 'A', [1, 0]);
  const { head, cid } = crew;
  for (let round = 0; round < 2; round++) {
    const ask = { topic: '1', nodes: 1, config: { ...PBFT, ...same } };
    const reply = await executeUntil(head, cid, ask, ({ code }) => code === '200');
    const { reported, same: alike, codes } = await toldBy(crew.ours[0] as NodeProcess, reply.request_id);
    assert.deepEqual([reported, alike, codes], [1, 1, { 200: 1 }]);
  }
  await killAll(crew);
});
