import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PBFT_PROTOCOL } from '../../../runtime/p2p/swarm.ts';
import { generateKey } from '../../support/peer-key.ts';
import { startSwarm, type TestSwarm, until } from '../support.ts';
import { connectAll, type Member, startClusterHead, startMember } from './support.ts';

const clustersOf = ({ host }: TestSwarm): string[] =>
  host.getProtocols().filter((protocol) => protocol.startsWith(PBFT_PROTOCOL));

/** A peer id that nobody has. */
async function strangerId(t: Parameters<typeof startSwarm>[0]): Promise<string> {
  return (await startSwarm(t, { listen: [], privateKey: generateKey() })).peerId;
}

suite('clusters that a worker does not join', () => {
  test('those without it, with somebody twice, with too many, of ids that are none, and of Raft', async (t) => {
    const worker = await startMember(t);
    const head = await startClusterHead(t, [worker]);
    const other = await strangerId(t);
    const self = worker.peerId;
    for (const [fields, code] of [
      [{ peers: [other] }, '400'],
      [{ peers: [] }, '400'],
      [{ peers: [self, other, self] }, '400'],
      [{ peers: [self, ...Array(100).fill(other)] }, '400'],
      [{ peers: [self, 'nonsense'] }, '400'],
      [{ peers: [self], request_id: '../x' }, '400'],
      [{ peers: [self], request_id: 'a/b' }, '400'],
      [{ peers: [self], request_id: 'a\nb' }, '400'],
      [{ peers: [self], request_id: '' }, '400'],
      [{ peers: [self], request_id: 'x'.repeat(10_000) }, '400'],
      [{ peers: [self, other], consensus: 1 }, '501'],
      [{ peers: [self, other], consensus: 0 }, '501'],
      [{ peers: [self, other], consensus: 7 }, '501'],
    ] as const) {
      const before = head.got.length;
      await head.say(worker, JSON.stringify({ request_id: 'r', consensus: 2, ...fields, type: 'MsgFormCluster' }));
      await until(() => head.got.length > before);
      const [said] = head.of('MsgFormClusterResponse').slice(-1);
      assert.equal(said?.message.code, code, JSON.stringify(fields).slice(0, 200));
      assert.ok((said?.message.request_id ?? '').length <= 128);
    }
    assert.deepEqual(clustersOf(worker), []);
    assert.deepEqual(await head.form('good', [worker]), ['200']);
  });

  test('those of heads that work.heads does not name, and any where work.consensus is none', async (t) => {
    const [choosy, without] = [
      await startMember(t, {}, { heads: [await strangerId(t)] }),
      await startMember(t, {}, { consensus: 'none' }),
    ];
    const head = await startClusterHead(t, [choosy, without]);
    assert.deepEqual(await head.form('r', [choosy]), ['403']);
    assert.deepEqual(await head.form('s', [without]), ['501']);
    assert.deepEqual([...clustersOf(choosy), ...clustersOf(without)], []);
  });

  test('another head’s: of a request that it called for, or that has a cluster', async (t) => {
    const worker = await startMember(t);
    const [head, thief] = [await startClusterHead(t, [worker]), await startClusterHead(t, [worker])];
    const topic = 'blockless/b7s/general';
    await until(() => head.swarm.subscribers(topic).includes(worker.peerId));
    const call = { function_id: 'f', request_id: 'called', consensus: 2, type: 'MsgRollCall' };
    await head.swarm.publish(topic, Buffer.from(JSON.stringify(call)));
    await until(() => head.of('MsgRollCallResponse').length === 1);
    assert.deepEqual(await thief.form('called', [worker]), ['400']);
    assert.deepEqual(await head.form('called', [worker]), ['200']);
    assert.deepEqual(await thief.form('called', [worker]), ['400', '400']);
    assert.deepEqual(await thief.form('own', [worker]), ['200']);
    assert.deepEqual(await head.form('own', [worker]), ['400']);
    assert.deepEqual(await head.form('called', [worker]), ['200', '200'], 'its own it may form again');
  });

  test('more than so many: of one head half of them, and another one gets its own', async (t) => {
    const worker = await startMember(t, {}, { maxClusters: 16 });
    const [flood, second, honest] = [
      await startClusterHead(t, [worker]),
      await startClusterHead(t, [worker]),
      await startClusterHead(t, [worker]),
    ];
    const peers = [worker.peerId];
    const codes = (head: typeof flood): string[] =>
      head.of('MsgFormClusterResponse').map(({ message }) => message.code ?? '');
    for (const [head, name] of [
      [flood, 'f'],
      [second, 's'],
    ] as const) {
      for (let i = 0; i < 12; i++) {
        await head.say(worker, { type: 'MsgFormCluster', request_id: `${name}${i}`, peers, consensus: 2 });
      }
      await until(() => codes(head).length === 12);
      assert.equal(codes(head).filter((code) => code === '200').length, 8);
      assert.equal(codes(head).filter((code) => code === '503').length, 4);
    }
    assert.equal(clustersOf(worker).length, 16);
    assert.deepEqual(await honest.form('h', [worker]), ['200']);
    await until(() => clustersOf(worker).length === 16);
    assert.ok(clustersOf(worker).includes(`${PBFT_PROTOCOL}/cluster/h`));
    // All of a head go with it.
    await flood.host.stop();
    await second.host.stop();
    await until(() => clustersOf(worker).length === 1);
  });
});

suite('in a cluster, a worker does not do', () => {
  test('an order that is not signed, or by another, or of a request that has no cluster', async (t) => {
    const members = [await startMember(t), await startMember(t)];
    await connectAll(members);
    const head = await startClusterHead(t, members);
    const thief = await startClusterHead(t, members);
    await head.form('r', members);
    const [worker] = members as [Member, Member];
    const config = { consensus_algorithm: 'PBFT' };
    const order = { type: 'MsgWorkOrder', function_id: 'f', method: 'm', config, timestamp: '2026-01-01T00:00:00Z' };
    for (const [from, fields, code, why] of [
      [head, { request_id: 'r' }, '403', /has to be signed/],
      [head, { request_id: 'r', ...thief.request() }, '403', /not by the head it came from/],
      [thief, { request_id: 'r', ...thief.request() }, '400', /no such cluster was formed/],
      [head, { request_id: 'other', ...head.request() }, '400', /no such cluster was formed/],
      [head, { request_id: 'r', config: { consensus_algorithm: 'Raft' } }, '400', /no such cluster was formed/],
    ] as const) {
      const before = from.of('MsgWorkOrderResponse').length;
      await from.say(worker, JSON.stringify({ ...order, ...fields }));
      await until(() => from.of('MsgWorkOrderResponse').length > before);
      const said = from.of('MsgWorkOrderResponse').at(-1)?.message;
      assert.equal(said?.code, code);
      assert.match(said?.error_message ?? '', why);
    }
    assert.deepEqual(
      members.map(({ orders }) => orders.length),
      [0, 0],
    );
    await head.order('r', members);
    await until(() => head.of('MsgWorkOrderResponse').filter(({ message }) => message.code === '200').length === 2);
  });

  test('what strangers tell its members, and what members tell that is nonsense', async (t) => {
    const members = await Promise.all([startMember(t), startMember(t)]);
    const [worker] = members as [Member, Member];
    await connectAll(members);
    const head = await startClusterHead(t, members);
    const stranger = await startClusterHead(t, members);
    await head.form('r', members);
    const protocol = `${PBFT_PROTOCOL}/cluster/r`;
    const text = '{"type":4,"data":{"view":0,"sequence_number":1,"digest":"00"}}';
    for (const from of [stranger, head]) {
      await from.swarm.send(worker.peerId, protocol, Buffer.from(text)).catch(() => {});
    }
    // The second member of the cluster says what no replica says.
    for (const nonsense of ['', '{', '{"type":9}', '['.repeat(10_000), `{"type":6,"data":${'['.repeat(500)}`]) {
      await members[1]?.swarm.send(worker.peerId, protocol, Buffer.from(nonsense)).catch(() => {});
    }
    await until(() => worker.told.filter((line) => line.includes('a message of a member')).length >= 3);
    assert.ok(!worker.told.some((line) => line.includes(stranger.peerId)));
    await head.order('r', members);
    await until(() => head.of('MsgWorkOrderResponse').length === 2);
  });

  test('keep what is never ordered, nor what holds too many bytes', async (t) => {
    const [idle, full] = [
      await startMember(t, {}, { idleMs: 200 }),
      await startMember(t, {}, { maxHeldBytes: 1_000_000 }),
    ];
    const member = await startMember(t);
    await connectAll([idle, full, member]);
    const head = await startClusterHead(t, [idle, full, member]);
    assert.deepEqual(await head.form('idle', [idle]), ['200']);
    assert.deepEqual(await head.form('full', [full, member]), ['200', '200']);
    assert.deepEqual(await head.form('small', [full]), ['200']);
    await until(() => clustersOf(idle).length === 0);
    const large = `{"type":2,"data":{"digest":"${'0'.repeat(200_000)}"}}`;
    const protocol = `${PBFT_PROTOCOL}/cluster/full`;
    for (let i = 0; i < 6; i++) await member.swarm.send(full.peerId, protocol, Buffer.from(large)).catch(() => {});
    await until(() => full.told.some((line) => line.includes('clusters hold too many bytes')));
    await until(() => clustersOf(full).length === 1);
    assert.ok(clustersOf(full)[0]?.endsWith('/small'));
  });

  test('let a stranger disband it, or report to it', async (t) => {
    const members = await Promise.all([startMember(t), startMember(t)]);
    const [worker] = members as [Member, Member];
    await connectAll(members);
    const head = await startClusterHead(t, members);
    const stranger = await startClusterHead(t, members);
    await head.form('r', members, 'a');
    await stranger.say(worker, { type: 'MsgDisbandCluster', request_id: 'r' }, 'a');
    await stranger.say(worker, { type: 'MsgExecuteResponseToPrimary', request_id: 'r', code: '200' }, 'a');
    await until(() => worker.told.length === 2);
    assert.ok(worker.told.some((line) => line.includes('disbanded by its head or its primary only')));
    assert.ok(worker.told.some((line) => line.includes('it is no member of the cluster')));
    await stranger.say(worker, { type: 'MsgDisbandCluster', request_id: 'nowhere' }, 'a');
    await head.order('r', members, 'a');
    await until(() => worker.told.some((line) => line.startsWith('a cluster has its results')));
  });
});
