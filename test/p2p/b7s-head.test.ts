import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Stream } from '@libp2p/interface';
import type { RollCallAnswer } from '../../runtime/core/work.ts';
import { GENERAL_TOPIC } from '../../runtime/core/work.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import {
  callOf,
  captured,
  FUNCTION,
  golden,
  goWorker,
  type HeadSwarm,
  type Json,
  orderOf,
  type PeerSwarm,
  startHead,
  startPeer,
  TOPIC,
} from './b7s-peers.ts';
import { startSwarm, until } from './support.ts';

const never = new AbortController().signal;
const DIALECTS = ['a', 'b', 'c'] as const;

/** The answers of so many workers. */
async function answersTo(head: HeadSwarm, requestId: string, count: number): Promise<RollCallAnswer[]> {
  const answers: RollCallAnswer[] = [];
  const over = new AbortController();
  await head.head.rollCall(callOf(requestId), (answer) => answers.push(answer), over.signal);
  await until(() => answers.length >= count);
  over.abort();
  return answers;
}

/** A roll-call answer in the words of dialect c. */
function can({ request_id, function_id }: Json): string {
  return JSON.stringify({ code: '202', function_id, request_id, type: 'MsgRollCallResponse' });
}

/** An answer to an order in the words of dialect c. */
function did(request_id: unknown, stdout: string): string {
  const result = { code: '200', result: { stdout, stderr: '', exit_code: 0 }, usage: {} };
  return JSON.stringify({ request_id, code: '200', result, type: 'MsgWorkOrderResponse' });
}

const ordersIn = (peer: PeerSwarm): unknown[] => peer.got.map(({ type }) => type);

suite('a head on the b7s wire', () => {
  for (const dialect of DIALECTS) {
    test(`gives work to a worker that speaks as the Go nodes of dialect ${dialect} do`, async (t) => {
      const head = await startHead(t);
      const worker = await startPeer(t, head, goWorker(dialect));
      const [answer] = await answersTo(head, 'call', 1);
      assert.deepEqual(answer, {
        peerId: worker.peerId,
        requestId: 'call',
        functionId: FUNCTION,
        code: '202',
        load: null,
        lasting: false,
      });
      // The first order is sent in both ways, the second in the one way that the worker understood.
      const both = dialect === 'a' ? ['MsgExecute'] : ['MsgExecute', 'MsgWorkOrder'];
      const one = dialect === 'c' ? 'MsgWorkOrder' : 'MsgExecute';
      for (const id of ['first', 'second']) {
        const { outcome, ...rest } = await head.head.order(worker.peerId, orderOf(id, [worker.peerId]), never);
        assert.deepEqual(rest, { requestId: id, code: '200', message: '', attestation: null });
        assert.equal(outcome?.cause, 'exited');
        assert.match(Buffer.from(outcome?.stdout ?? []).toString(), /^worker= method=hello\.wasm arg=one/);
        assert.ok((outcome?.usage.wallMs ?? 0) > 0);
        // Each way has a stream of its own, and the answer to one may come before the other.
        await until(() => worker.got.length >= both.length);
      }
      assert.deepEqual(ordersIn(worker).slice(0, -1).sort(), both);
      assert.equal(ordersIn(worker).at(-1), one);
    });
  }

  test('publishes a roll call that has what each dialect reads, and orders with all their fields', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, goWorker('a'));
    const attributes = { values: [{ name: 'region', value: 'eu' }] };
    const over = new AbortController();
    const known = await head.head.rollCall(callOf('id', { attributes }), () => {}, over.signal);
    assert.deepEqual(known, [worker.peerId]);
    await until(() => worker.heard.some(({ topic }) => topic === TOPIC));
    const [call] = worker.heard.filter(({ topic }) => topic === TOPIC);
    assert.equal(call?.author, head.peerId);
    assert.equal(
      Buffer.from(call?.bytes ?? []).toString(),
      `{"from":"${head.peerId}","type":"MsgRollCall","origin":"${head.peerId}","function_id":"${FUNCTION}",` +
        '"request_id":"id","consensus":0,"attributes":{"values":[{"name":"region","value":"eu"}],"attestors":{}}}',
    );
    await head.head.order(worker.peerId, orderOf('id', [worker.peerId, 'other']), never);
    const [{ inferbase: _ours, ...order } = {}] = worker.got.filter(({ type }) => type === 'MsgExecute');
    assert.deepEqual(order, {
      type: 'MsgExecute',
      from: head.peerId,
      topic: TOPIC,
      function_id: FUNCTION,
      method: 'hello.wasm',
      parameters: [{ value: 'one' }],
      config: { runtime: {}, stdin: 'in', result_aggregation: {} },
      request_id: 'id',
      reporting_peers: [worker.peerId, 'other'],
      timestamp: '2026-01-01T00:00:00Z',
    });
    over.abort();
  });

  test('counts each worker once, and none for another function or a call it did not make', async (t) => {
    const head = await startHead(t);
    const other = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
    const twice = await startPeer(t, head, { onRollCall: (call) => [can(call), can(call)] });
    await startPeer(t, head, { onRollCall: (call) => [can({ ...call, function_id: other })] });
    await startPeer(t, head, { onRollCall: (call) => [can({ ...call, request_id: 'not asked' })] });
    const last = await startPeer(t, head, { onRollCall: (call) => [can(call)] });
    const answers = await answersTo(head, 'id', 2);
    assert.deepEqual(answers.map(({ peerId }) => peerId).sort(), [twice.peerId, last.peerId].sort());
    await until(() => head.told.some((line) => line.includes('it is about another function')));
  });

  test('takes of an order the first answer of that very worker, and drops all others', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, {
      onDirect: ({ request_id }) =>
        request_id === 'kept' ? [] : [did(request_id, 'one'), did(request_id, 'two'), did('never asked', 'three')],
    });
    const stranger = await startPeer(t, head);
    const kept = head.head.order(worker.peerId, orderOf('kept'), never);
    await until(() => worker.got.length > 0);
    await stranger.say(head.peerId, did('kept', 'forged'));
    await stranger.say(
      head.peerId,
      captured('a', 'MsgExecuteResponse, code 200', { requestId: 'kept', from: worker.peerId }),
    );
    const { outcome } = await head.head.order(worker.peerId, orderOf('now'), never);
    assert.match(Buffer.from(outcome?.stdout ?? []).toString(), /^(one|two)$/);
    await until(() => head.told.filter((line) => line.includes(stranger.peerId)).length === 2);
    await worker.say(head.peerId, did('kept', 'at last'));
    assert.equal(Buffer.from((await kept).outcome?.stdout ?? []).toString(), 'at last');
    await worker.say(head.peerId, did('kept', 'again'));
    await until(() => head.told.some((line) => line.includes('no order of that id waits')));
  });

  test('says at once when a worker goes that has an order, and that one who is not there never got it', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head);
    const order = head.head.order(worker.peerId, orderOf('id'), never);
    await until(() => worker.got.length > 0);
    await worker.host.stop();
    await assert.rejects(order, { code: 'ERR_NOT_ENOUGH_NODES', message: 'it went away before it answered' });
    const { code, outcome, message } = await head.head.order(worker.peerId, orderOf('id'), never);
    assert.deepEqual([code, outcome], ['503', null]);
    assert.match(message, /is not connected/);
  });

  test('says that a worker which takes no messages any more never got an order', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, { onDirect: ({ request_id }) => [did(request_id, 'done')] });
    await until(() => head.swarm.speakers(B7S_PROTOCOL).includes(worker.peerId));
    // From here on its dialect is known, and an order goes without being asked for leave.
    assert.equal((await head.head.order(worker.peerId, orderOf('first'), never)).code, '200');
    await worker.host.unhandle(B7S_PROTOCOL);
    const { code, outcome } = await head.head.order(worker.peerId, orderOf('second'), never);
    assert.deepEqual([code, outcome], ['503', null]);
  });

  for (const dialect of DIALECTS) {
    test(`takes a result that a Go node of dialect ${dialect} signed, and none that was changed since`, async (t) => {
      const { testKeys, signatures } = golden(dialect);
      const signed = signatures.find(({ name }) => name === 'result, plain');
      const key = testKeys[1];
      assert.ok(signed !== undefined && key !== undefined);
      const result = `${signed.payload.slice(0, -1)},"signature":"${signed.signature}"}`;
      const requestId = '3f1c1a52-6d4e-4b39-9f0e-7a8c1d2e3f40';
      const answer =
        dialect === 'c'
          ? `{"request_id":"${requestId}","code":"200","result":${result},"type":"MsgWorkOrderResponse"}`
          : result;
      const head = await startHead(t);
      const worker = await startPeer(t, head, { privateKey: Buffer.from(key.privBin, 'base64') });
      const answeredBy = async (text: string) => {
        const before = worker.got.length;
        const order = head.head.order(worker.peerId, orderOf(requestId), never);
        await until(() => worker.got.length > before);
        await worker.say(head.peerId, text);
        return await order;
      };
      const good = await answeredBy(answer);
      assert.deepEqual([good.code, Buffer.from(good.outcome?.stdout ?? []).toString()], ['200', 'x\n']);
      const { code, outcome, message } = await answeredBy(answer.replace('"stdout":"x', '"stdout":"y'));
      assert.deepEqual(
        { code, outcome, message },
        { code: '401', outcome: null, message: 'its signature does not hold: its signature is wrong' },
      );
    });
  }

  test('gives an order up when it is told to, and excuses its worker for one answer', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, {
      onDirect: ({ request_id }) => (request_id === 'id' ? [] : [did(request_id, 'now')]),
    });
    const taken = new AbortController();
    const order = head.head.order(worker.peerId, orderOf('id'), taken.signal);
    await until(() => worker.got.length > 0);
    taken.abort();
    await assert.rejects(order, { code: 'ERR_CANCELLED' });
    await assert.rejects(head.head.order(worker.peerId, orderOf('id'), taken.signal));
    for (let i = 0; i < 2; i++) await worker.say(head.peerId, did('id', 'late'));
    const unasked = (): unknown[] => head.told.filter((line) => line.includes('no order of that id waits'));
    await until(() => unasked().length > 0);
    await head.head.order(worker.peerId, orderOf('next'), never);
    assert.equal(unasked().length, 1);
  });

  test('leaves no stream open of an order that it gives up while the worker is at work', async (t) => {
    const head = await startHead(t);
    const opened: Stream[] = [];
    const worker = await startSwarm(t, {
      topics: [GENERAL_TOPIC],
      // As Go does it: its half is open until the work is done.
      prepare: ({ host }) => host.handle(B7S_PROTOCOL, (stream) => void opened.push(stream)),
    });
    await worker.dial(head);
    await until(() => head.swarm.speakers(B7S_PROTOCOL).includes(worker.peerId));
    const taken = new AbortController();
    const order = head.head.order(worker.peerId, orderOf('id'), taken.signal);
    await until(() => opened.length === 2 && opened.every(({ remoteWriteStatus }) => remoteWriteStatus === 'closed'));
    taken.abort();
    await assert.rejects(order, { code: 'ERR_CANCELLED' });
    await until(() => opened.every(({ status }) => status === 'reset'));
  });

  test('survives garbage, 100 MB, and messages that have no place, and goes on', async (t) => {
    const head = await startHead(t, { maxMessageBytes: 1_048_576 });
    const worker = await startPeer(t, head, goWorker('c'));
    const bad = [
      'x',
      '{}',
      '[]',
      'null',
      '{"type":7}',
      '{"type":"MsgNothing"}',
      '{"type":"MsgRollCall","function_id":"f","request_id":"r"}',
      '{"type":"MsgWorkOrder","function_id":"f","request_id":"r"}',
      '{"type":"MsgExecute","function_id":"f","request_id":"r"}',
      '{"type":"MsgRollCallResponse","code":202}',
      '{"type":"MsgWorkOrderResponse"}',
      `{"type":"MsgWorkOrderResponse","request_id":"${'x'.repeat(1000)}"}`,
      `{"a":${'['.repeat(100_000)}`,
    ];
    const flood = await startPeer(t, head);
    for (const text of bad) await flood.say(head.peerId, text);
    for (const text of bad) await flood.swarm.publish(GENERAL_TOPIC, Buffer.from(text));
    await flood.say(head.peerId, ' '.repeat(100_000_000)).catch(() => {});
    await until(() => head.lines.some((line) => line.includes('has more than 1048576 bytes')));
    // No more lines than a peer may cause.
    const lines = (): number => head.told.filter((line) => line.includes(flood.peerId)).length;
    await until(() => lines() >= 10);
    assert.equal(lines(), 10);
    const { code } = await head.head.order(worker.peerId, orderOf('id'), never);
    assert.equal(code, '200');
  });

  test('passes over what it does not need: health, installs, the end of clusters', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head);
    for (const dialect of DIALECTS) {
      await worker.say(head.peerId, captured(dialect, 'MsgInstallFunctionResponse, code 202', { requestId: 'id' }));
    }
    await worker.say(head.peerId, captured('c', 'MsgDisbandCluster', { requestId: 'id' }));
    for (const name of ['MsgHealthCheck', 'MsgInstallFunction']) {
      await worker.swarm.publish(GENERAL_TOPIC, Buffer.from(captured('a', name, { requestId: 'id' })));
    }
    await worker.say(head.peerId, 'the last one');
    await until(() => head.told.length > 0);
    assert.equal(head.told.length, 1);
  });

  test('tells the general topic that it is alive, and a topic what to install', async (t) => {
    const head = await startHead(t, { healthMs: 20 });
    const worker = await startPeer(t, head);
    const manifestUrl = `https://${FUNCTION}.ipfs.w3s.link/manifest.json`;
    await head.head.install({ cid: FUNCTION, manifestUrl, topic: TOPIC });
    const said = (topic: string): string | undefined =>
      worker.heard.filter((message) => message.topic === topic).map(({ bytes }) => Buffer.from(bytes).toString())[0];
    await until(() => said(GENERAL_TOPIC) !== undefined && said(TOPIC) !== undefined);
    assert.equal(said(GENERAL_TOPIC), `{"type":"MsgHealthCheck","from":"${head.peerId}","code":200}`);
    assert.equal(
      said(TOPIC),
      `{"type":"MsgInstallFunction","from":"${head.peerId}","manifest_url":"${manifestUrl}","cid":"${FUNCTION}"}`,
    );
  });

  test('waits for no answer of other heads, which subscribe to the general topic as well', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head, goWorker('a'));
    const other = await startPeer(t, head, { topics: [GENERAL_TOPIC] });
    const known = async (): Promise<string[]> => [...(await head.head.workers(GENERAL_TOPIC))].sort();
    assert.deepEqual(await known(), [worker.peerId, other.peerId].sort());
    await other.swarm.publish(GENERAL_TOPIC, Buffer.from(captured('b', 'MsgRollCall', { requestId: 'x' })));
    while ((await known()).length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await known(), [worker.peerId]);
  });

  test('fails what is under way when it stops', async (t) => {
    const head = await startHead(t);
    const worker = await startPeer(t, head);
    const order = head.head.order(worker.peerId, orderOf('id'), never);
    await until(() => worker.got.length > 0);
    head.head.stop();
    await assert.rejects(order, { code: 'ERR_NOT_ENOUGH_NODES' });
  });
});
