import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { NO_USAGE, type Outcome } from '../../runtime/core/execution.ts';
import type { ExecuteRequest } from '../../runtime/core/node.ts';
import type { RollCall, RollCallAnswer, WorkerService, WorkOrder } from '../../runtime/core/work.ts';
import { createFrontSide, type FrontSide } from '../../runtime/p2p/port/front-side.ts';
import { createLink } from '../../runtime/p2p/port/link.ts';
import { toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { until } from './support.ts';

const CALL: RollCall = {
  ...{ requestId: 'r1', functionId: 'f', method: 'm.wasm', topic: 't' },
  ...{ consensus: 0, attributes: { values: [{ name: 'region', value: 'eu' }] } },
};

function order(requestId: string, stdin = ''): WorkOrder {
  const request = { function_id: 'f', method: 'm.wasm', config: { stdin } };
  return { requestId, topic: 't', request, peers: ['a'], timestamp: '2026-01-01T00:00:00Z', deadlineMs: null };
}

function outcome(stdout: Uint8Array): Outcome {
  const usage = { ...NO_USAGE, wallMs: 1.5, fuel: 7 };
  const ending = { cause: 'trapped', exitCode: 11, message: 'unreachable', stderr: Uint8Array.of(0, 255) } as const;
  return { ...ending, stdout, stdoutTruncated: true, stderrTruncated: false, usage };
}

interface Connected {
  readonly side: FrontSide;
  readonly thread: Worker;
  /** Asks the front thread from the thread; its answer, or its error as text. */
  ask(what: 'rollCall' | 'execute' | 'install' | 'client', ...args: unknown[]): Promise<unknown>;
}

async function connect(
  t: TestContext,
  { asks = false, side, ...uses }: Parameters<typeof createFrontSide>[0] & { asks?: boolean; side?: FrontSide } = {},
): Promise<Connected> {
  const front = side ?? createFrontSide(uses);
  const thread = new Worker(new URL('port-child.ts', import.meta.url));
  t.after(() => {
    front.close();
    return thread.terminate();
  });
  const { port1, port2 } = new MessageChannel();
  thread.postMessage({ port: port2, asks }, [port2]);
  front.connect(port1);
  return {
    side: front,
    thread,
    async ask(what, ...args) {
      thread.postMessage({ ask: what, args });
      const [message] = await once(thread, 'message');
      return message.error ?? message.answer;
    },
  };
}

const never = new AbortController().signal;
const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof InferbaseError && error.code === code && message.test(error.message);

test('a roll call gives its subscribers and then answers until it is taken back', async (t) => {
  const { side } = await connect(t);
  const window = new AbortController();
  const answers: RollCallAnswer[] = [];
  const subscribers = await side.network.rollCall(CALL, (answer) => answers.push(answer), window.signal);
  assert.deepEqual(subscribers, ['early', 'late', 'silent']);
  await until(() => answers.length >= 3);
  assert.deepEqual(answers[0], {
    ...{ peerId: 'early', requestId: 'r1', functionId: 'f', code: '202', load: 0.25, lasting: true },
  });
  window.abort();
  const { length } = answers;
  const told = await side.network.order('cancelled', order('r2'), never);
  assert.equal(Buffer.from(told.outcome?.stdout ?? []).toString(), 'r1', 'the thread knows that the window closed');
  assert.equal(answers.length, length, 'answers after the window');
  await assert.rejects(
    side.network.rollCall({ ...CALL, topic: 'refused' }, () => {}, never),
    isError('ERR_BUSY', /publish/),
  );
  const early = side.network.rollCall(CALL, () => {}, AbortSignal.abort());
  await assert.rejects(early, isError('ERR_CANCELLED', /went away/));
});

test('orders come back with every byte, or with why they never ran', async (t) => {
  const { side } = await connect(t);
  for (const stdin of ['', 'ü\u0000"\\', 'x'.repeat(100_000)]) {
    const { outcome: got, ...rest } = await side.network.order('echo', order('r1', stdin), never);
    assert.deepEqual(rest, { requestId: 'r1', code: '200', message: '', attestation: null });
    assert.equal(Buffer.from(got?.stdout ?? []).toString(), stdin);
    assert.ok((got?.stdout.buffer.byteLength ?? 0) < 110_000, 'the frame came along');
  }
  const busy = await side.network.order('busy', order('r2'), never);
  assert.deepEqual([busy.code, busy.outcome, busy.message], ['503', null, 'full']);
  await assert.rejects(side.network.order('gone', order('r3'), never), (error: InferbaseError) => {
    return isError('ERR_NOT_ENOUGH_NODES', /the worker is gone/)(error) && error.details[0] === 'really';
  });
  await side.network.install({ cid: 'bafy', manifestUrl: '', topic: 't' });
  assert.deepEqual(await side.network.workers('t'), ['t', 'bafy']);
});

test('an order that is taken back ends on the other thread too', async (t) => {
  const { side } = await connect(t);
  const controller = new AbortController();
  const waiting = side.network.order('never', order('taken back'), controller.signal);
  setImmediate(() => controller.abort());
  await assert.rejects(waiting, isError('ERR_CANCELLED', /went away/));
  const told = await side.network.order('cancelled', order('r2'), never);
  assert.equal(Buffer.from(told.outcome?.stdout ?? []).toString(), 'taken back');
});

test('many orders of one turn each get their own answer', async (t) => {
  const { side } = await connect(t);
  const all = Array.from({ length: 500 }, (_, at) => side.network.order('echo', order(`r${at}`, `${at}`), never));
  for (const [at, answer] of (await Promise.all(all)).entries()) {
    assert.equal(answer.requestId, `r${at}`);
    assert.equal(Buffer.from(answer.outcome?.stdout ?? []).toString(), `${at}`);
  }
});

test('what is under way when the thread dies fails, and a new thread answers', async (t) => {
  const { side } = await connect(t);
  const waiting = side.network.order('never', order('r1'), never);
  const window = side.network.rollCall(CALL, () => {}, never);
  await window;
  const restarted = isError('ERR_NOT_ENOUGH_NODES', /libp2p host of this node is being restarted/);
  await Promise.all([
    assert.rejects(side.network.order('dies', order('r2'), never), restarted),
    assert.rejects(waiting, restarted),
  ]);
  await assert.rejects(side.network.order('echo', order('r3'), never), restarted);
  await connect(t, { side });
  assert.equal((await side.network.order('echo', order('r4'), never)).code, '200');
  side.close();
  await assert.rejects(side.network.order('echo', order('r5'), never), isError('ERR_CLOSED', /shutting down/));
});

test('a port that replaces a living one takes over, and the old one is left', async (t) => {
  const first = await connect(t);
  const waiting = first.side.network.order('never', order('r1'), never);
  await connect(t, { side: first.side });
  await assert.rejects(waiting, isError('ERR_NOT_ENOUGH_NODES', /restarted/));
  assert.equal((await first.side.network.order('echo', order('r2'), never)).code, '200');
});

function workerService(seen: unknown[]): WorkerService {
  return {
    async rollCall(call, from) {
      seen.push([call, from]);
      if (from === 'stranger') return null;
      if (from === 'broken') throw new TypeError('of ours');
      return { code: '202', load: 0.5 };
    },
    async execute(given, from, signal) {
      seen.push([given, from]);
      if (from === 'gives up') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        seen.push('taken back');
      }
      if (from === 'broken') throw new TypeError('of ours');
      const attestation = {
        ...{ peerId: 'p', functionId: 'f', requestHash: 'aa', outcomeHash: 'bb', time: 't', signature: 'cc' },
      };
      return {
        requestId: given.requestId,
        code: '500',
        outcome: outcome(Buffer.alloc(9000, 7)),
        message: '',
        attestation,
      };
    },
    install: async (cid) => (cid === 'bad' ? null : { code: '202', message: 'installed' }),
  };
}

test('the worker on the front thread answers orders of heads', async (t) => {
  const seen: unknown[] = [];
  const { ask } = await connect(t, { asks: true, worker: workerService(seen) });
  assert.deepEqual(await ask('rollCall', CALL, 'head'), { code: '202', load: 0.5 });
  assert.deepEqual(seen[0], [CALL, 'head']);
  assert.equal(await ask('rollCall', CALL, 'stranger'), null);
  const got = (await ask('execute', order('r1'), 'head')) as Awaited<ReturnType<WorkerService['execute']>>;
  assert.deepEqual(got.outcome, outcome(new Uint8Array(9000).fill(7)));
  assert.equal(got.attestation?.signature, 'cc');
  assert.deepEqual(await ask('install', 'good', 'head'), { code: '202', message: 'installed' });
  assert.equal(await ask('install', 'bad', 'head'), null);
});

test('a worker that fails or is not there is a code for the head, and its words stay here', async (t) => {
  const { ask } = await connect(t, { asks: true, worker: workerService([]) });
  const failed = { requestId: 'r1', code: '500', outcome: null, message: 'internal error', attestation: null };
  assert.deepEqual(await ask('execute', order('r1'), 'broken'), failed);
  const head = await connect(t, { asks: true });
  const refused = { ...failed, code: '400', message: 'this node is no worker' };
  assert.deepEqual(await head.ask('execute', order('r1'), 'head'), refused);
});

test('an order that a head takes back is cancelled on the front thread', async (t) => {
  const seen: unknown[] = [];
  const { ask } = await connect(t, { asks: true, worker: workerService(seen) });
  const got = (await ask('execute', order('r1'), 'gives up')) as { code: string; message: string };
  assert.deepEqual([got.code, got.message], ['500', 'the caller went away']);
  await until(() => seen.includes('taken back'));
});

test('requests of p2p clients reach the head and its results come back', async (t) => {
  const requests: ExecuteRequest[] = [];
  const node = {
    async execute(request: ExecuteRequest, { requestId }: { requestId: string }) {
      requests.push(request);
      if (request.functionId === 'none') throw new InferbaseError('ERR_INVALID_CID', 'not a CID');
      const results = [{ peerId: 'w', outcome: outcome(request.stdin) }];
      return { requestId, code: '200' as const, results, cluster: ['w'], remarks: ['one'] };
    },
  };
  const { ask } = await connect(t, { asks: true, node });
  const request = toExecuteRequest({
    function_id: 'f',
    parameters: [{ value: 'a' }],
    config: { stdin: 'in', threshold: 0.5 },
  });
  const reply = await ask('client', request);
  assert.deepEqual(requests[0], request);
  const results = [{ peerId: 'w', outcome: outcome(new Uint8Array(Buffer.from('in'))) }];
  assert.deepEqual(reply, { requestId: 'c1', code: '200', results, cluster: ['w'], remarks: ['one'] });
  assert.match(String(await ask('client', { ...request, functionId: 'none' })), /not a CID/);
});

test('whoever holds half of what all may leaves the rest to others, and questions are asked even then', async (t) => {
  type Ops = { wait: { payload: string; answer: null } };
  const lost = (): InferbaseError => new InferbaseError('ERR_CLOSED', 'closed');
  const { port1, port2 } = new MessageChannel();
  const release = Promise.withResolvers<void>();
  const handlers = { wait: () => release.promise.then(() => null) };
  const far = createLink<Ops, Ops>({ handlers, codecs: {}, lost });
  const near = createLink<Ops, Ops>({ handlers, codecs: {}, lost, maxChars: 1000 });
  far.connect(port1);
  near.connect(port2);
  t.after(() => {
    far.close();
    near.close();
  });
  const wait = (chars: number, options: object): Promise<null> => near.call('wait', 'x'.repeat(chars), options);
  const taken = [wait(600, { owner: 'greedy' })];
  await assert.rejects(wait(1, { owner: 'greedy' }), isError('ERR_BUSY', /of this node .* hold 6\d\d bytes/));
  taken.push(wait(400, { owner: 'other' }));
  await assert.rejects(wait(1, { owner: 'third' }), isError('ERR_BUSY', /hold 1\d\d\d bytes/));
  taken.push(wait(1, { isSmall: true }));
  release.resolve();
  await Promise.all(taken);
  await wait(600, { owner: 'greedy' });
});

test('more than is allowed at once is busy, one alone is taken whatever its size', async (t) => {
  type Ops = { wait: { payload: string; answer: null } };
  const lost = (): InferbaseError => new InferbaseError('ERR_CLOSED', 'closed');
  const { port1, port2 } = new MessageChannel();
  const release = Promise.withResolvers<void>();
  const handlers = {
    async wait() {
      await release.promise;
      return null;
    },
  };
  const far = createLink<Ops, Ops>({ handlers, codecs: {}, lost });
  const near = createLink<Ops, Ops>({ handlers, codecs: {}, lost, maxCalls: 3, maxChars: 1000 });
  far.connect(port1);
  near.connect(port2);
  t.after(() => {
    far.close();
    near.close();
  });
  const large = near.call('wait', 'x'.repeat(5000));
  await assert.rejects(near.call('wait', 'y'), isError('ERR_BUSY', /hold 5\d\d\d bytes/));
  release.resolve();
  await large;
  const three = ['a', 'b', 'c'].map((text) => near.call('wait', text));
  await assert.rejects(near.call('wait', 'd'), isError('ERR_BUSY', /3 orders/));
  await Promise.all(three);
});

test('a cluster is formed through the port, taken back by its signal, and disbanded', async (t) => {
  const { side } = await connect(t);
  const cluster = { requestId: 'c1', peers: ['a', 'b'], consensus: 2 } as const;
  assert.deepEqual(await side.network.formCluster(cluster, { waitMs: 7, signal: never }), [
    { peerId: 'a', code: '27' },
    { peerId: 'b', code: '27' },
  ]);
  const gaveUp = new AbortController();
  const formed = side.network.formCluster({ ...cluster, requestId: 'c2' }, { waitMs: 60_000, signal: gaveUp.signal });
  gaveUp.abort();
  await assert.rejects(formed, isError('ERR_CANCELLED', /./));
  await side.network.disbandCluster(cluster);
  assert.deepEqual(await side.network.workers('t'), ['t', 'disbanded c1']);
  const told = await side.network.order('cancelled', order('r2'), never);
  assert.equal(Buffer.from(told.outcome?.stdout ?? []).toString(), 'c2', 'the thread knows that nobody waits');
});
