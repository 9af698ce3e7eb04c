import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PBFT_PROTOCOL } from '../../../runtime/p2p/swarm.ts';
import { until } from '../support.ts';
import { connectAll, type Member, startClusterHead, startMember, TIMESTAMP } from './support.ts';

const isInNone = ({ host }: Member): boolean =>
  !host.getProtocols().some((protocol) => protocol.startsWith(PBFT_PROTOCOL));

suite('a cluster that is disbanded', () => {
  test('before its order came ends soon, so that heads whose clusters fail do not fill a worker with them', async (t) => {
    const members = [await startMember(t), await startMember(t)];
    await connectAll(members);
    const head = await startClusterHead(t, members);
    await head.form('r', members);
    for (const member of members) await head.say(member, { type: 'MsgDisbandCluster', request_id: 'r' });
    await until(() => members.every(isInNone));
  });

  test('before its members agree ends after the time that they have for that', async (t) => {
    const worker = await startMember(t, {}, { patienceMs: 500 });
    const absent = await startMember(t);
    await connectAll([worker, absent]);
    const head = await startClusterHead(t, [worker, absent]);
    const peers = [worker.peerId, absent.peerId];
    await head.say(worker, { type: 'MsgFormCluster', request_id: 'r', peers, consensus: 2 });
    await until(() => head.of('MsgFormClusterResponse').length === 1);
    await head.order('r', [worker]);
    await head.say(worker, { type: 'MsgDisbandCluster', request_id: 'r' });
    await until(() => isInNone(worker));
    assert.deepEqual(worker.orders, []);
  });

  test('while the function runs ends when it has run, and is answered', async (t) => {
    const release = Promise.withResolvers<never>();
    const member = await startMember(t, { execute: () => release.promise });
    const head = await startClusterHead(t, [member]);
    await head.form('r', [member]);
    await head.order('r', [member]);
    await until(() => member.orders.length === 1);
    await head.say(member, { type: 'MsgDisbandCluster', request_id: 'r' });
    await head.form('later', [member]);
    assert.ok(member.host.getProtocols().includes(`${PBFT_PROTOCOL}/cluster/r`));
    release.resolve(undefined as never);
    await until(() => head.of('MsgWorkOrderResponse').length === 1);
    await until(() => !member.host.getProtocols().includes(`${PBFT_PROTOCOL}/cluster/r`));
  });
});

suite('a cluster whose head gives it large orders', () => {
  test('ends when all clusters hold too many bytes, and the others go on', async (t) => {
    const worker = await startMember(t, {}, { maxHeldBytes: 1_000_000 });
    const absent = await startMember(t);
    const head = await startClusterHead(t, [worker, absent]);
    const peers = [worker.peerId, absent.peerId];
    for (const request_id of ['large', 'small']) {
      await head.say(worker, { type: 'MsgFormCluster', request_id, peers, consensus: 2 });
    }
    await until(() => head.of('MsgFormClusterResponse').length === 2);
    const request = head.request({ config: { consensus_algorithm: 'PBFT', stdin: 'x'.repeat(300_000) } });
    for (let i = 0; i < 4; i++) {
      const timestamp = new Date(Date.parse(TIMESTAMP) + i * 1_000).toISOString();
      await head.say(worker, { type: 'MsgWorkOrder', ...request, request_id: 'large', timestamp });
    }
    await until(() => worker.told.some((line) => line.startsWith('a cluster was ended: clusters hold too many bytes')));
    await until(() => !worker.host.getProtocols().includes(`${PBFT_PROTOCOL}/cluster/large`));
    assert.ok(worker.host.getProtocols().includes(`${PBFT_PROTOCOL}/cluster/small`));
  });
});

suite('a worker whose head says its order again and again', () => {
  test('as the primary of a head of A goes on: its own report is there', async (t) => {
    const release = Promise.withResolvers<never>();
    const members = [await startMember(t), await startMember(t, { execute: () => release.promise })];
    const [primary] = members as [Member, Member];
    await connectAll(members);
    const head = await startClusterHead(t, members);
    await head.form('r', members, 'a');
    await head.order('r', members, 'a');
    await until(() => members.every(({ orders }) => orders.length === 1));
    for (let i = 0; i < 3; i++) await head.order('r', [primary], 'a');
    assert.deepEqual(await head.form('next', members, 'a'), ['200', '200']);
    release.resolve(undefined as never);
    await until(() => primary.told.some((line) => line.startsWith('a cluster has its results')));
    assert.equal(primary.orders.length, 1);
  });
});
