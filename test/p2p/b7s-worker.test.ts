import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { RollCall, WorkAnswer, WorkerService, WorkOrder } from '../../runtime/core/work.ts';
import { type B7sWorkerInit, createB7sWorker } from '../../runtime/p2p/b7s-worker.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { decodeMessage, type Message } from '../../runtime/wire/messages/message.ts';
import { outcome } from '../http/stub-node.ts';
import { signer } from '../wire/signer.ts';
import { openWorker } from '../worker/support.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';
const GENERAL = 'blockless/b7s/general';
const TOPIC = 'allora-topic-1-worker';

interface Asked {
  readonly calls: RollCall[];
  readonly orders: { readonly order: WorkOrder; readonly from: string; readonly signal: AbortSignal }[];
  readonly installs: string[];
}

/** A worker that can do everything at once, unless a test says otherwise. */
function stubService(over: Partial<WorkerService> = {}): WorkerService & Asked {
  const asked: Asked = { calls: [], orders: [], installs: [] };
  return {
    ...asked,
    async rollCall(call) {
      asked.calls.push(call);
      return { code: '202', load: 0.25 };
    },
    async execute(order, from, signal): Promise<WorkAnswer> {
      asked.orders.push({ order, from, signal });
      return { requestId: order.requestId, code: '200', outcome: outcome(), message: '', attestation: null };
    },
    async install(cid) {
      asked.installs.push(cid);
      return { code: '202', message: 'installed' };
    },
    ...over,
  };
}

interface Peer extends TestSwarm {
  /** Text of the messages that came on streams. */
  readonly got: string[];
  say(message: string | Uint8Array): Promise<void>;
  publish(topic: string, message: object): Promise<void>;
}

async function startWorker(
  t: TestContext,
  service: WorkerService,
  init: Partial<B7sWorkerInit> = {},
): Promise<TestSwarm> {
  const lines: string[] = [];
  const log = (line: string, fields: object = {}): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
  const made = await startSwarm(t, {
    prepare: async ({ swarm }) => {
      const settings = { topics: ['1'], heads: [], lasting: false, consensus: 'none', deadlineMs: 20_000 } as const;
      await createB7sWorker({ swarm, service }, { ...settings, trusted: new Set(), log, ...init });
    },
  });
  return { ...made, lines };
}

/** A head as any js-libp2p host can play one, connected to the worker, which it sees on its topics. */
async function startHead(t: TestContext, worker: TestSwarm): Promise<Peer> {
  const got: string[] = [];
  const made = await startSwarm(t, {
    prepare: ({ swarm }) =>
      swarm.handle(B7S_PROTOCOL, 1e8, ({ bytes }) => void got.push(Buffer.from(bytes).toString())),
  });
  await made.dial(worker);
  await until(() => made.swarm.subscribers(TOPIC).length > 0 && made.swarm.subscribers(GENERAL).length > 0);
  await until(() => worker.swarm.speakers(B7S_PROTOCOL).includes(made.peerId));
  return {
    ...made,
    got,
    say: (message) => made.swarm.send(worker.peerId, B7S_PROTOCOL, Buffer.from(message)),
    publish: (topic, message) => made.swarm.publish(topic, Buffer.from(JSON.stringify(message))),
  };
}

const message = (text: string | undefined): Message => decodeMessage(Buffer.from(text ?? ''));

suite('a worker on the b7s wire', () => {
  test('answers roll calls of all three dialects, on both kinds of topics, as each dialect has it', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const call = { function_id: CID, request_id: 'r', consensus: 0 };
    await head.publish(TOPIC, { type: 'MsgRollCall', origin: head.peerId, ...call });
    await until(() => head.got.length === 1);
    await head.publish(GENERAL, { origin: head.peerId, ...call, type: 'MsgRollCall' });
    await until(() => head.got.length === 2);
    await head.publish(TOPIC, { ...call, type: 'MsgRollCall' });
    await until(() => head.got.length === 3);
    const said = `"code":"202","function_id":"${CID}","request_id":"r"`;
    assert.deepEqual(head.got, [
      `{"type":"MsgRollCallResponse",${said},"inferbase":{"load":0.25}}`,
      `{${said},"type":"MsgRollCallResponse","inferbase":{"load":0.25}}`,
      `{${said},"type":"MsgRollCallResponse","inferbase":{"load":0.25}}`,
    ]);
    assert.deepEqual(
      service.calls.map(({ topic, method, attributes }) => [topic, method, attributes]),
      [
        [TOPIC, '', null],
        [GENERAL, '', null],
        [TOPIC, '', null],
      ],
    );
  });

  test('answers MsgExecute and MsgWorkOrder each in its own way', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const order = { function_id: CID, method: 'f.wasm', config: { stdin: 'x' }, request_id: 'r' };
    await head.say(JSON.stringify({ type: 'MsgExecute', ...order, topic: TOPIC, reporting_peers: [worker.peerId] }));
    await until(() => head.got.length === 1);
    await head.say(JSON.stringify({ ...order, topic: TOPIC, type: 'MsgExecute' }));
    await until(() => head.got.length === 2);
    await head.say(JSON.stringify({ ...order, type: 'MsgWorkOrder' }));
    await until(() => head.got.length === 3);
    const [a, b, c] = head.got.map(message);
    assert.ok(a?.type === 'MsgExecuteResponse' && b?.type === 'MsgExecuteResponse');
    for (const each of [a, b]) {
      const result = each.results?.[worker.peerId];
      assert.deepEqual([each.code, each.request_id, result?.code, result?.result?.exit_code], ['200', 'r', '200', 0]);
      assert.equal(result?.result?.stdout, '{"infererValue":"42"}\n');
    }
    assert.match(
      head.got[0] ?? '',
      new RegExp(`^{"type":"MsgExecuteResponse","request_id":"r","from":"${worker.peerId}"`),
    );
    assert.doesNotMatch(head.got[1] ?? '', /"from"/);
    assert.ok(c?.type === 'MsgWorkOrderResponse');
    assert.deepEqual([c.code, c.result?.code, c.result?.result?.exit_code], ['200', '200', 0]);
    assert.deepEqual(new Set(service.orders.map(({ from }) => from)), new Set([head.peerId]));
    assert.equal(service.orders[0]?.order.topic, TOPIC);
  });

  test('installs what it is told to by gossip or on a stream, and is silent where that fails', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const order = { manifest_url: `https://${CID}.ipfs.w3s.link/manifest.json`, cid: CID };
    await head.publish(GENERAL, { ...order, type: 'MsgInstallFunction' });
    await until(() => head.got.length === 1);
    await head.say(JSON.stringify({ type: 'MsgInstallFunction', ...order }));
    await until(() => head.got.length === 2);
    const said = `"code":"202","message":"installed","cid":"${CID}"`;
    assert.deepEqual(head.got, [
      `{${said},"type":"MsgInstallFunctionResponse"}`,
      `{"type":"MsgInstallFunctionResponse",${said}}`,
    ]);
    service.install = async () => null;
    await head.say(JSON.stringify({ type: 'MsgInstallFunction', ...order }));
    await head.say(JSON.stringify({ type: 'MsgInstallFunction', manifest_url: 'https://example.com/manifest.json' }));
    await until(() => worker.lines.length === 1);
    assert.match(worker.lines[0] ?? '', /An install order has no CID to check bytes against/);
    assert.equal(head.got.length, 2);
  });

  test('says that it takes no part in consensus', async (t) => {
    const worker = await startWorker(t, stubService());
    const head = await startHead(t, worker);
    const peers = [worker.peerId];
    await head.say(JSON.stringify({ type: 'MsgFormCluster', request_id: 'r', peers, consensus: 2 }));
    await until(() => head.got.length === 1);
    assert.equal(head.got[0], '{"type":"MsgFormClusterResponse","request_id":"r","code":"501","consensus":2}');
    await head.say(JSON.stringify({ type: 'MsgDisbandCluster', request_id: 'r' }));
  });

  test('with a real worker behind it, a Go head’s order is run', async (t) => {
    const { worker: service, cids } = await openWorker(t, { guests: ['show-environment'] });
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const cid = cids['show-environment'] ?? '';
    await head.publish(TOPIC, {
      type: 'MsgRollCall',
      origin: head.peerId,
      function_id: cid,
      request_id: 'r',
      consensus: 0,
    });
    await until(() => head.got.length === 1);
    const config = {
      runtime: {},
      env_vars: [{ name: 'TOPIC_ID', value: '1' }],
      result_aggregation: {},
      number_of_nodes: -1,
    };
    const order = { function_id: cid, method: 'f.wasm', config, request_id: 'r', reporting_peers: [worker.peerId] };
    await head.say(JSON.stringify({ type: 'MsgExecute', topic: TOPIC, ...order }));
    await head.say(JSON.stringify({ ...order, type: 'MsgWorkOrder' }));
    await until(() => head.got.length === 3);
    const [, ...answers] = head.got.map(message);
    const texts = answers.map((each) => {
      if (each.type === 'MsgExecuteResponse') return each.results?.[worker.peerId]?.result?.stdout;
      return each.type === 'MsgWorkOrderResponse' ? each.result?.result?.stdout : each.type;
    });
    assert.deepEqual(texts, ['{"TOPIC_ID": "1"}', '{"TOPIC_ID": "1"}']);
  });
});

suite('a worker and strangers on the b7s wire', () => {
  test('never writes to a third party: a roll call that names another as its origin is dropped', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const [head, victim] = [await startHead(t, worker), await startHead(t, worker)];
    const call = { function_id: CID, request_id: 'r', consensus: 0 };
    await head.publish(TOPIC, { type: 'MsgRollCall', origin: victim.peerId, ...call });
    await until(() => worker.lines.length === 1);
    await head.publish(TOPIC, { type: 'MsgRollCall', from: victim.peerId, ...call });
    await until(() => head.got.length === 1);
    assert.deepEqual(victim.got, []);
    assert.equal(service.calls.length, 1);
  });

  test('messages by the wrong way, for others, or that are none are dropped; it logs a few of a peer', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const call = { function_id: CID, request_id: 'r', consensus: 0 };
    await head.say(JSON.stringify({ type: 'MsgRollCall', ...call }));
    await head.publish(TOPIC, { type: 'MsgExecute', function_id: CID, method: 'f.wasm', request_id: 'r' });
    await head.say(JSON.stringify({ type: 'MsgExecute', function_id: CID, method: 'f.wasm' }));
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', function_id: CID, request_id: 'x'.repeat(5_000) }));
    await head.say(JSON.stringify({ type: 'MsgRollCallResponse', code: '202', ...call }));
    await head.say('{"type":"MsgExecute","config":{"env_vars":7}}');
    await head.say(Buffer.from([0xff, 0xfe, 0x00, 0x01]));
    await head.say('['.repeat(100_000));
    await head.say('{"type":"MsgNew"}');
    await until(() => worker.lines.length === 9);
    for (let i = 0; i < 20; i++) await head.say('garbage');
    await until(() => worker.lines.length === 10);
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', function_id: CID, request_id: 'good' }));
    await until(() => head.got.length === 1);
    assert.equal(worker.lines.length, 10);
    assert.equal(service.calls.length, 0);
    assert.deepEqual(
      service.orders.map(({ order }) => order.requestId),
      ['good'],
    );
    for (const line of worker.lines) assert.ok(line.length < 400, `${line.length} characters in a log line`);
  });

  test('an order that cannot be read says why where it says for which request', async (t) => {
    const worker = await startWorker(t, stubService());
    const head = await startHead(t, worker);
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', request_id: 'r', method: 'f.wasm' }));
    await until(() => head.got.length === 1);
    const said = message(head.got[0]);
    assert.ok(said.type === 'MsgWorkOrderResponse');
    assert.deepEqual(
      [said.code, said.request_id, said.error_message],
      ['400', 'r', 'MsgWorkOrder without function_id'],
    );
  });

  test('an order that is signed has to be signed by its head', async (t) => {
    const service = stubService();
    const worker = await startWorker(t, service);
    const head = await startHead(t, worker);
    const order = { function_id: CID, method: 'm', request_id: 'r', config: {} };
    // No head of ours or of Go's has this key: the signature is good, and somebody else's.
    const payload = `{"function_id":"${CID}","method":"m","config":{"runtime":{},"result_aggregation":{}}}`;
    const signature = Buffer.from(signer('inferbase test key 1').sign(Buffer.from(payload))).toString('hex');
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', ...order, signature }));
    await until(() => head.got.length === 1);
    assert.match(head.got[0] ?? '', /the order is signed, and not by the head it came from: its signature is wrong/);
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', ...order }));
    await until(() => head.got.length === 2);
    assert.equal(service.orders.length, 1);
  });

  test('an order ends when its head goes', async (t) => {
    const ended = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    let orders = 0;
    const service = stubService({
      execute: (order, _from, signal) =>
        new Promise((resolve) => {
          orders += 1;
          if (orders === 2) taken.resolve();
          signal.addEventListener('abort', () => {
            ended.resolve();
            resolve({ requestId: order.requestId, code: '500', outcome: null, message: 'gone', attestation: null });
          });
        }),
    });
    const worker = await startWorker(t, service);
    const [head, other] = [await startHead(t, worker), await startHead(t, worker)];
    await head.say(JSON.stringify({ type: 'MsgWorkOrder', request_id: 'r', function_id: CID }));
    await other.say(JSON.stringify({ type: 'MsgWorkOrder', request_id: 'r', function_id: CID }));
    await taken.promise;
    await head.host.stop();
    await ended.promise;
    assert.equal(other.got.length, 0, 'the same request id of another head goes on');
  });

  test('a flood of roll calls that nobody answers stays bounded, and another head is heard', async (t) => {
    let open = 0;
    const service = stubService();
    service.rollCall = async ({ requestId }) => {
      if (requestId === 'good') return { code: '202', load: 0 };
      open++;
      return await new Promise(() => {});
    };
    const worker = await startWorker(t, service);
    const [head, other] = [await startHead(t, worker), await startHead(t, worker)];
    const call = { type: 'MsgRollCall', function_id: CID, consensus: 0 };
    // Not faster than gossip lets through.
    for (let i = 0; i < 1_200; i++) await head.publish(TOPIC, { ...call, request_id: `f${i}` });
    await until(() => worker.lines.some((line) => line.includes('too many are unanswered')));
    assert.equal(open, 1_024);
    await other.publish(TOPIC, { ...call, request_id: 'good' });
    await until(() => other.got.length === 1);
  });
});
