import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { B7S_PROTOCOL, PBFT_PROTOCOL } from '../../../runtime/p2p/swarm.ts';
import { responseSignatureFlaw, resultSignatureFlaw } from '../../../runtime/wire/messages/signed-messages.ts';
import { decodePbft, pbftSignatureFlaw } from '../../../runtime/wire/pbft.ts';
import { startSwarm, until } from '../support.ts';
import { CID, connectAll, type Member, startClusterHead, startMember, TIMESTAMP } from './support.ts';

const STDOUT = '{"infererValue":"42"}\n';

async function startMembers(t: TestContext, count: number): Promise<Member[]> {
  return await Promise.all(Array.from({ length: count }, () => startMember(t)));
}

const isCommitted = ({ told }: Member): boolean => told.some((line) => line.startsWith('a request is committed'));

suite('four workers in a PBFT cluster', () => {
  test('that never met find each other, run the order once each, and sign what they tell a head of C', async (t) => {
    const members = await startMembers(t, 4);
    const head = await startClusterHead(t, members);
    assert.deepEqual(await head.form('r', members), ['200', '200', '200', '200']);
    await head.order('r', members);
    await until(() => head.of('MsgWorkOrderResponse').length === 4);
    for (const { from, message } of head.of('MsgWorkOrderResponse')) {
      assert.equal(resultSignatureFlaw(message.result ?? {}, from), null);
      assert.match(message.result?.signature ?? '', /^[0-9a-f]{128}$/);
      assert.deepEqual(message.result?.pbft, { view: 0, request_timestamp: TIMESTAMP, replica: from });
      assert.deepEqual([message.code, message.result?.result?.stdout], ['200', STDOUT]);
    }
    await Promise.all(members.map((member) => head.say(member, { type: 'MsgDisbandCluster', request_id: 'r' })));
    for (const member of members) {
      assert.equal(member.orders.length, 1);
      assert.deepEqual(member.orders[0]?.request.function_id, CID);
      await until(() => !member.host.getProtocols().some((protocol) => protocol.includes('/cluster/')));
    }
  });

  test('sign the whole message for a head of B', async (t) => {
    const members = await startMembers(t, 4);
    await connectAll(members);
    const head = await startClusterHead(t, members);
    assert.deepEqual(await head.form('r', members, 'b'), ['200', '200', '200', '200']);
    await head.order('r', members, 'b');
    await until(() => head.of('MsgExecuteResponse').length === 4);
    for (const { from, message } of head.of('MsgExecuteResponse')) {
      assert.match(message.signature ?? '', /^[0-9a-f]{128}$/);
      assert.equal(responseSignatureFlaw(message, from, 'b'), null);
      assert.equal(message.results?.[from]?.result?.stdout, STDOUT);
      assert.equal(message.pbft?.replica, from);
    }
  });

  test('with a head of v0.7.0 sign traces in what they say to each other, and results for it', async (t) => {
    const members = await startMembers(t, 3);
    const heard: { from: string; text: string }[] = [];
    const listener = await startSwarm(t, {
      async prepare({ swarm }) {
        const hear = ({ bytes, from }: { bytes: Uint8Array; from: string }): void => {
          heard.push({ from, text: Buffer.from(bytes).toString() });
        };
        await swarm.handle(`${PBFT_PROTOCOL}/cluster/r`, 1e6, hear);
        await swarm.handle(B7S_PROTOCOL, 1e6, ({ from }) => {
          const joined = '{"request_id":"r","code":"200","consensus":2,"type":"MsgFormClusterResponse"}';
          swarm.send(from, B7S_PROTOCOL, Buffer.from(joined)).catch(() => {});
        });
      },
    });
    await connectAll([...members, listener]);
    const head = await startClusterHead(t, [...members, listener]);
    assert.deepEqual(await head.form('r', [...members, listener], 'b of 0.7.0'), Array(4).fill('200'));
    await head.order('r', members, 'b');
    await until(() => head.of('MsgExecuteResponse').length === 3);
    for (const { from, message } of head.of('MsgExecuteResponse')) {
      assert.equal(resultSignatureFlaw(message.results?.[from] ?? {}, from), null);
    }
    // A pre-prepare, two prepares and three commits.
    await until(() => heard.length >= 6);
    for (const { from, text } of heard) {
      assert.match(text, /^\{"type":[234],"data":\{"Carrier":null,/);
      assert.equal(pbftSignatureFlaw(decodePbft(Buffer.from(text)), from, 'Carrier'), null);
    }
    assert.ok(heard.some(({ text }) => text.includes('"request":{"type":1,"data":{"Carrier":null,"id":"r",')));
  });

  test('with a head of A tell the primary, which tells in its log what came of it and disbands the cluster', async (t) => {
    const members = await startMembers(t, 3);
    const failing = await startMember(t, {
      execute: async ({ requestId }) => ({ requestId, code: '503', outcome: null, message: 'busy', attestation: null }),
    });
    members.push(failing);
    await connectAll(members);
    const head = await startClusterHead(t, members);
    assert.deepEqual(await head.form('r', members, 'a'), ['200', '200', '200', '200']);
    await head.order('r', members, 'a');
    const primary = members[0] as Member;
    const told = (): string | undefined => primary.told.find((line) => line.startsWith('a cluster has its results'));
    await until(() => told() !== undefined);
    assert.deepEqual(JSON.parse(told()?.slice('a cluster has its results '.length) ?? ''), {
      ...{ requestId: 'r', topic: 'topic', function: CID, members: 4, reported: 4, same: 3 },
      ...{ codes: { 200: 3, 503: 1 }, missing: [] },
    });
    for (const { host } of members) {
      await until(() => !host.getProtocols().some((protocol) => protocol.includes('/cluster/')));
    }
    assert.deepEqual(head.of('MsgExecuteResponse'), []);
  });

  test('with a head of A do not wait for ever for one that never reports', async (t) => {
    const members = await Promise.all(Array.from({ length: 3 }, () => startMember(t, {}, { deadlineMs: 2_000 })));
    const silent = await startSwarm(t, { prepare: ({ swarm }) => swarm.handle(B7S_PROTOCOL, 1e6, () => {}) });
    await connectAll([...members, silent]);
    const head = await startClusterHead(t, [...members, silent]);
    const peers = [...members, silent].map(({ peerId }) => peerId);
    const form = { type: 'MsgFormCluster', request_id: 'r', peers, consensus: 2 } as const;
    for (const member of members) await head.say(member, form, 'a');
    await until(() => head.of('MsgFormClusterResponse').length === 3);
    await head.order('r', members, 'a');
    const isTold = (line: string): boolean =>
      line.startsWith('a cluster has its results') && line.includes(`"missing":["${silent.peerId}"]`);
    await until(() => members[0]?.told.some(isTold) === true);
  });

  test('go on without one that is silent', async (t) => {
    const members = await startMembers(t, 4);
    const head = await startClusterHead(t, members);
    await head.form('r', members);
    await members[3]?.host.stop();
    await head.order('r', members.slice(0, 3));
    await until(() => head.of('MsgWorkOrderResponse').length === 3);
  });

  test('answer an order that is said again with the result they have', async (t) => {
    const members = await startMembers(t, 4);
    const head = await startClusterHead(t, members);
    await head.form('r', members);
    await head.order('r', members);
    await until(() => head.of('MsgWorkOrderResponse').length === 4);
    await head.order('r', members.slice(0, 1));
    await until(() => head.of('MsgWorkOrderResponse').length === 5);
    const [first, again] = head.of('MsgWorkOrderResponse').filter(({ from }) => from === members[0]?.peerId);
    assert.deepEqual(again?.message.result, first?.message.result);
    assert.equal(members[0]?.orders.length, 1);
  });

  test('do not sign what never ran, so that nobody counts it as a result', async (t) => {
    const members = await Promise.all(
      Array.from({ length: 4 }, () =>
        startMember(t, {
          execute: async ({ requestId }) => ({
            requestId,
            code: '404',
            outcome: null,
            message: 'gone',
            attestation: null,
          }),
        }),
      ),
    );
    const head = await startClusterHead(t, members);
    await head.form('r', members);
    await head.order('r', members);
    await until(() => head.of('MsgWorkOrderResponse').length === 4);
    for (const { message } of head.of('MsgWorkOrderResponse')) {
      assert.deepEqual([message.code, message.result?.signature, message.error_message], ['404', undefined, 'gone']);
    }
  });

  test('run for a head of A also when it has gone, and not for one of C', async (t) => {
    for (const dialect of ['a', 'c'] as const) {
      const release = Promise.withResolvers<void>();
      const signals: AbortSignal[] = [];
      const execute = async (_order: unknown, _from: string, signal: AbortSignal): Promise<never> => {
        signals.push(signal);
        await release.promise;
        return undefined as never;
      };
      const members = await Promise.all(Array.from({ length: 2 }, () => startMember(t, { execute })));
      await connectAll(members);
      const head = await startClusterHead(t, members);
      await head.form('r', members, dialect);
      await head.order('r', members, dialect);
      await until(() => signals.length === 2);
      assert.ok(members.every(isCommitted));
      await head.host.stop();
      await until(() => members.every(({ swarm }) => swarm.remoteAddress(head.peerId) === undefined));
      assert.deepEqual(
        signals.map(({ aborted }) => aborted),
        Array(2).fill(dialect === 'c'),
      );
      release.resolve();
      if (dialect === 'a') {
        await until(() => members[0]?.told.some((line) => line.startsWith('a cluster has its results')) === true);
      }
    }
  });
});
