import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../cli/command.ts';
import { type Place, startClusterHead } from '../p2p/cluster/support.ts';
import { until } from '../p2p/support.ts';
import { guest } from '../support/wat.ts';
import { type Dialect, type GoNode, serveManifest, startGoNode } from './go-nodes.ts';
import { cidOf, type NodeProcess, startNode } from './nodes.ts';

/**
 * Clusters of Go nodes and ours whose primary is a Go node that is silent, so that the view has to be changed across
 * implementations. The head is played, since it decides who the primary is. The variables INFERBASE_TEST_GO_A, _B, _B7 and _C
 * name the binaries; go-interop.slow.test.ts tells how to build them.
 */
const PROGRAMS: Readonly<Record<Dialect | 'B7', string>> = {
  A: process.env.INFERBASE_TEST_GO_A ?? '',
  B: process.env.INFERBASE_TEST_GO_B ?? '',
  B7: process.env.INFERBASE_TEST_GO_B7 ?? '',
  C: process.env.INFERBASE_TEST_GO_C ?? '',
};
const LETTERS = { A: 'a', B: 'b', B7: 'b of 0.7.0', C: 'c' } as const;
const LIMIT_MS = 400_000;
const TOPIC = 'allora-topic-1-worker';

/** Results by the node that says them. */
interface Said {
  readonly from: string;
  readonly view: number | undefined;
  readonly stdout: string | undefined;
}

for (const version of ['A', 'B', 'B7', 'C'] as const) {
  const program = PROGRAMS[version];
  const dialect = version === 'B7' ? 'B' : version;
  const skip =
    program === '' &&
    `INFERBASE_TEST_GO_${version} names no Go node; how to build one is told in go-interop.slow.test.ts`;
  test(`Go nodes of dialect ${version} and ours give a silent primary up together`, {
    timeout: LIMIT_MS,
    skip,
  }, async (t) => {
    await using folder = await temporaryFolder();
    const started: Place[] = [];
    const folderOf = async (name: string): Promise<string> => {
      const dir = join(folder.path, name);
      await mkdir(dir);
      return dir;
    };
    const startTheirs = async (name: string, byzantine: boolean): Promise<GoNode> => {
      const bootNodes = started.map(({ address }) => address);
      const made = { program, dialect, role: 'worker', dir: await folderOf(name), bootNodes, topics: [TOPIC] } as const;
      const node = await startGoNode(t, { ...made, byzantine });
      started.push(node);
      return node;
    };
    const startOurs = async (name: string): Promise<NodeProcess> => {
      const args = [
        '--boot-nodes',
        started.map(({ address }) => address).join(),
        '--work-topics',
        '1',
        '--limits-deadline-ms',
        '10000',
      ];
      const node = await startNode(t, { dir: await folderOf(name), role: 'worker', args, guests: ['echo'] });
      started.push(node);
      return node;
    };
    const silent = await startTheirs('silent', true);
    const theirs = await startTheirs('theirs', false);
    const [one, two] = [await startOurs('one'), await startOurs('two')];
    const head = await startClusterHead(t, started);
    const cid = await cidOf('echo');
    const manifest_url = await serveManifest(t, { name: 'f.wasm', data: await guest('echo') });
    for (const node of [silent, theirs]) await head.say(node, { type: 'MsgInstallFunction', manifest_url, cid }, 'c');
    await until(() => head.of('MsgInstallFunctionResponse').length === 2);

    /** Has these, in this order, form a cluster and run a request, whose id it tells. */
    async function order(name: string, members: readonly Place[]): Promise<string> {
      const requestId = `${dialect}-${name.replaceAll(' ', '-')}`;
      const codes = await head.form(requestId, members, LETTERS[version]);
      assert.deepEqual(codes, Array(4).fill('200'));
      const config = { stdin: 'same', env_vars: [{ name: 'ECHO_STDOUT', value: 'same' }], consensus_algorithm: 'pbft' };
      // The primary is not told: a Go node that is byzantine would propose what the head sent to itself.
      const told = members.filter((member) => member !== silent);
      await head.order(requestId, told, version === 'B7' ? 'b' : LETTERS[version], { function_id: cid, config });
      return requestId;
    }

    /** What came of a request. */
    const said = (requestId: string): Said[] => [
      ...head
        .of('MsgWorkOrderResponse')
        .filter(({ message }) => message.request_id === requestId)
        .map(({ from, message: { result } }) => ({ from, view: result?.pbft?.view, stdout: result?.result?.stdout })),
      ...head
        .of('MsgExecuteResponse')
        .filter(({ message }) => message.request_id === requestId)
        .map(({ from, message: { pbft, results } }) => ({
          from,
          view: (pbft ?? results?.[from]?.pbft)?.view,
          stdout: results?.[from]?.result?.stdout,
        })),
    ];

    const three = [theirs, one, two].map(({ peerId }) => peerId).toSorted();
    if (dialect === 'A') {
      // The primary gathers the results, and nobody tells the head.
      await t.test('the view changes to one of ours', async () => {
        const requestId = await order('ours', [silent, one, two, theirs]);
        const told = new RegExp(
          `^.*(?:a cluster has its results.*${requestId}|${requestId}.*a cluster has its).*$`,
          'm',
        );
        const [line] = await one.process.untilLogged(told);
        const { reported, same } = JSON.parse(line.slice(line.indexOf('{'))) as { reported: number; same: number };
        assert.deepEqual([reported, same], [3, 3]);
      });
      await t.test('the view changes to theirs', async () => {
        const requestId = await order('theirs', [silent, theirs, one, two]);
        // It waits for all that the order named: those who were told.
        const accounted = (peerId: string): boolean =>
          new RegExp(`accounted execution response from peer.*${peerId}`).test(theirs.log());
        await until(() => three.every(accounted), 120_000);
        assert.match(theirs.log(), new RegExp(`executing request.*${requestId}`));
      });
    } else {
      for (const [name, members] of [
        ['to one of ours', [silent, one, two, theirs]],
        ['to theirs', [silent, theirs, one, two]],
      ] as const) {
        await t.test(`the view changes ${name}`, async () => {
          const requestId = await order(name, members);
          await until(() => new Set(said(requestId).map(({ from }) => from)).size === 3, 120_000);
          for (const member of members)
            await head.say(member, { type: 'MsgDisbandCluster', request_id: requestId }, 'c');
          assert.deepEqual([...new Set(said(requestId).map(({ from }) => from))].toSorted(), three);
          for (const { view, stdout } of said(requestId)) {
            assert.equal(stdout, 'same');
            assert.ok((view ?? 0) > 0, `view ${view}`);
          }
        });
      }
    }
    await Promise.all([silent.kill(), theirs.kill()]);
  });
}
