import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../cli/command.ts';
import { type Place, startClusterHead } from '../p2p/cluster/support.ts';
import { until } from '../p2p/support.ts';
import { guest } from '../support/wat.ts';
import { type GoNode, serveManifest, startGoNode } from './go-nodes.ts';
import { cidOf, type NodeProcess, startNode } from './nodes.ts';

/**
 * Clusters of Go nodes and ours whose primary is a Go node that is silent, so that the view has to be changed across
 * implementations. The head is played, since it decides who the primary is. The variables INFERBASE_TEST_GO_B and _C name
 * the binaries; go-interop.slow.test.ts tells how to build them.
 */
const PROGRAMS = { B: process.env.INFERBASE_TEST_GO_B ?? '', C: process.env.INFERBASE_TEST_GO_C ?? '' };
const LIMIT_MS = 400_000;
const TOPIC = 'allora-topic-1-worker';

/** Results by the node that says them. */
interface Said {
  readonly from: string;
  readonly view: number | undefined;
  readonly stdout: string | undefined;
}

for (const dialect of ['B', 'C'] as const) {
  const program = PROGRAMS[dialect];
  const skip =
    program === '' &&
    `INFERBASE_TEST_GO_${dialect} names no Go node; how to build one is told in go-interop.slow.test.ts`;
  test(`Go nodes of dialect ${dialect} and ours give a silent primary up together`, {
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
      const args = ['--boot-nodes', started.map(({ address }) => address).join(), '--work-topics', '1'];
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

    /** Who answers an order to a cluster whose members have this order, and with what. */
    async function results(requestId: string, members: readonly Place[]): Promise<readonly Said[]> {
      const codes = await head.form(requestId, members, dialect === 'C' ? 'c' : 'b');
      assert.deepEqual(codes, Array(4).fill('200'));
      const config = { stdin: 'same', env_vars: [{ name: 'ECHO_STDOUT', value: 'same' }], consensus_algorithm: 'pbft' };
      // The primary is not told: a Go node that is byzantine would propose what the head sent to itself.
      const told = members.filter((member) => member !== silent);
      await head.order(requestId, told, dialect === 'C' ? 'c' : 'b', { function_id: cid, config });
      const said = (): Said[] => [
        ...head
          .of('MsgWorkOrderResponse')
          .flatMap(({ from, message }) =>
            message.request_id === requestId
              ? [{ from, view: message.result?.pbft?.view, stdout: message.result?.result?.stdout }]
              : [],
          ),
        ...head
          .of('MsgExecuteResponse')
          .flatMap(({ from, message }) =>
            message.request_id === requestId
              ? [{ from, view: message.pbft?.view, stdout: message.results?.[from]?.result?.stdout }]
              : [],
          ),
      ];
      await until(() => new Set(said().map(({ from }) => from)).size === 3, 120_000);
      for (const member of members) await head.say(member, { type: 'MsgDisbandCluster', request_id: requestId }, 'c');
      return said();
    }

    for (const [name, members] of [
      ['to one of ours', [silent, one, two, theirs]],
      ['to theirs', [silent, theirs, one, two]],
    ] as const) {
      await t.test(`the view changes ${name}`, async () => {
        const said = await results(`${dialect}-${name.replaceAll(' ', '-')}`, members);
        assert.deepEqual(
          said.map(({ from }) => from).toSorted(),
          [theirs, one, two].map(({ peerId }) => peerId).toSorted(),
        );
        for (const { view, stdout } of said) {
          assert.equal(stdout, 'same');
          assert.ok((view ?? 0) > 0, `view ${view}`);
        }
      });
    }
    await Promise.all([silent.kill(), theirs.kill()]);
  });
}
