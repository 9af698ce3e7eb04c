import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { type MetPeers, openMetPeers } from '../../runtime/p2p/met-peers.ts';
import { createAtomicFiles } from '../../runtime/store/atomic-file.ts';
import { createOwner } from '../../runtime/store/owner.ts';
import { tempDir } from '../store/support.ts';
import { startSwarm, type TestSwarm } from './support.ts';

interface Remembering extends TestSwarm {
  readonly met: MetPeers;
  readonly said: readonly string[];
}

async function startRemembering(t: TestContext, dir: string, kept: readonly string[] = []): Promise<Remembering> {
  await mkdir(join(dir, 'tmp'), { recursive: true });
  const files = createAtomicFiles({ tmpDir: join(dir, 'tmp'), owner: createOwner(), onStep: () => {} });
  const said: string[] = [];
  const log = (line: string, fields = {}): void => void said.push(`${line} ${JSON.stringify(fields)}`);
  let met: MetPeers | undefined;
  const swarm = await startSwarm(t, {
    async prepare({ host }) {
      met = await openMetPeers({ host, files }, { path: join(dir, 'peers.json'), kept: new Set(kept), log });
    },
  });
  if (met === undefined) throw new Error('not opened');
  return { ...swarm, met, said };
}

const connected = (swarm: TestSwarm, other: TestSwarm): boolean =>
  swarm.host.getConnections().some(({ remotePeer }) => remotePeer.toString() === other.peerId);

/** Until all that are connected have said who they are. */
async function untilIdentified(swarm: TestSwarm, count: number): Promise<void> {
  const known = async (): Promise<number> =>
    (await swarm.host.peerStore.all()).filter(({ metadata }) => metadata.has('AgentVersion')).length;
  for (let seen = 0; seen < count; seen = await known()) await new Promise((resolve) => setTimeout(resolve, 10));
}

suite('peers met before', () => {
  test('one that dialled in is dialled back after a restart; a boot node is left to those who keep it', async (t) => {
    const dir = await tempDir(t);
    const [worker, boot] = [await startSwarm(t), await startSwarm(t)];
    const first = await startRemembering(t, dir, [boot.peerId]);
    await worker.dial(first);
    await first.dial(boot);
    await untilIdentified(first, 2);
    await first.met.stop();
    const { peers } = JSON.parse(await readFile(join(dir, 'peers.json'), 'utf8'));
    assert.deepEqual(peers, [{ id: worker.peerId, addresses: [worker.address.replace(/\/p2p\/.*/, '')] }]);
    await first.host.stop();

    const second = await startRemembering(t, dir);
    await second.met.dialBack();
    assert.ok(connected(second, worker));
    assert.ok(!connected(second, boot));
    assert.match(second.said.join(), /dialled back {"peers":1,"reached":1}/);
  });

  test('one that is gone costs nothing but a line', async (t) => {
    const dir = await tempDir(t);
    const gone = await startSwarm(t);
    await gone.host.stop();
    const peers = [{ id: gone.peerId, addresses: [gone.address.replace(/\/p2p\/.*/, '')] }];
    await writeFile(join(dir, 'peers.json'), JSON.stringify({ version: 1, peers }));
    const node = await startRemembering(t, dir);
    await node.met.dialBack();
    assert.match(node.said.join(), /"peers":1,"reached":0/);
  });

  test('an address at a host that a peer did not come from is not remembered', async (t) => {
    const dir = await tempDir(t);
    const stranger = await startSwarm(t, { listen: [], announce: ['/ip4/192.0.2.7/tcp/22', '/ip4/127.0.0.1/tcp/7'] });
    const node = await startRemembering(t, dir);
    await stranger.dial(node);
    await untilIdentified(node, 1);
    await node.met.stop();
    const { peers } = JSON.parse(await readFile(join(dir, 'peers.json'), 'utf8'));
    assert.deepEqual(peers, [{ id: stranger.peerId, addresses: ['/ip4/127.0.0.1/tcp/7'] }]);
  });

  const damaged: readonly (readonly [what: string, text: string])[] = [
    ['cut off', '{"version":1,"peers":[{"id":'],
    ['no list', '{"version":1,"peers":7}'],
    ['null', 'null'],
    ['entries that are none', '{"peers":[null,7,{"id":"x","addresses":["/ip4/1.2.3.4/tcp/1"]},{"id":7}]}'],
    ['a megabyte', ' '.repeat(1_048_576)],
  ];
  for (const [what, text] of damaged) {
    test(`a file that is ${what} is begun anew`, async (t) => {
      const dir = await tempDir(t);
      await writeFile(join(dir, 'peers.json'), text);
      const node = await startRemembering(t, dir);
      await node.met.dialBack();
      const other = await startSwarm(t);
      await other.dial(node);
      await untilIdentified(node, 1);
      await node.met.stop();
      assert.equal(JSON.parse(await readFile(join(dir, 'peers.json'), 'utf8')).peers.length, 1);
    });
  }
});
