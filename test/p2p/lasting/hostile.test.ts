import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, type TestContext, test } from 'node:test';
import type { Stream } from '@libp2p/interface';
import type { RollCallAnswer } from '../../../runtime/core/work.ts';
import {
  createFrameBudget,
  createFrameReader,
  encodeFrame,
  MAX_FRAME_BYTES,
} from '../../../runtime/p2p/lasting/frames.ts';
import {
  decodeToHead,
  decodeToWorker,
  encodeToHead,
  encodeToWorker,
  type ToHead,
  type ToWorker,
  type Unreadable,
} from '../../../runtime/p2p/lasting/messages.ts';
import { LASTING_PROTOCOL } from '../../../runtime/p2p/swarm.ts';
import { startSwarm, until } from '../support.ts';
import { CALL, NEVER, order, outcome, ran, startHead, startWorker, type TestHead } from './support.ts';

const HELLO_HEAD = encodeToHead({ kind: 'hello', version: 1 });
const HELLO_WORKER = encodeToWorker({ kind: 'hello', version: 1 });

/** Puts lengths before bytes that need not fit them. */
function framed(total: number, header: number, ...rest: Uint8Array[]): Buffer {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(total, 0);
  lengths.writeUInt32BE(header, 4);
  return Buffer.concat([lengths, ...rest]);
}

/** A worker that says exactly this when a head opens a stream, and again whenever it is told something. */
async function liar(
  t: TestContext,
  head: TestHead,
  greeting: readonly Uint8Array[],
  react?: (message: ToWorker | Unreadable, stream: Stream) => void,
) {
  let streams = 0;
  const worker = await startSwarm(t, {
    topics: ['topic'],
    prepare: ({ swarm }) =>
      swarm.accept(LASTING_PROTOCOL, (_head, stream) => {
        streams++;
        const reader = createFrameReader(createFrameBudget(Number.POSITIVE_INFINITY), () => {});
        stream.addEventListener('message', ({ data }) => {
          for (const frame of reader.push(data.subarray())) react?.(decodeToWorker(frame), stream);
        });
        for (const piece of greeting) stream.send(piece);
      }),
  });
  await worker.dial(head);
  return { ...worker, opened: () => streams };
}

const answer = { code: '200', message: '', attestation: null, outcome: outcome(Buffer.from('out')) };

test('where frames under way hold too much, whoever holds most has to go, and others are read', () => {
  const budget = createFrameBudget(1_000_000);
  const evicted: string[] = [];
  const start = (name: string) => {
    const reader = createFrameReader(budget, () => {
      evicted.push(name);
      reader.drop();
    });
    return reader;
  };
  const half = framed(2_000_000, 2, Buffer.alloc(600_000));
  const [first, second, honest] = [start('first'), start('second'), start('honest')];
  first.push(half);
  const frame = encodeFrame('[3,1]', [Buffer.alloc(300_000)]);
  assert.deepEqual(honest.push(frame.subarray(0, 200_000)), []);
  second.push(half);
  assert.deepEqual(evicted, ['first']);
  assert.equal(honest.push(frame.subarray(200_000)).length, 1);
  second.push(Buffer.alloc(500_000));
  assert.deepEqual(evicted, ['first', 'second']);
  assert.equal(budget.held, 0);
});

suite('a head is not harmed by a worker', () => {
  const nonsense: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['that sends no frames', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /a frame said to have/],
    [
      'whose frame is too long',
      framed(MAX_FRAME_BYTES + 1, 2, Buffer.from('[]')),
      /a frame said to have 33554433 bytes/,
    ],
    ['whose header is longer than its frame', framed(6, 3, Buffer.from('[]')), /with a header of 3/],
    ['that sends something else than JSON', encodeFrame('nonsense'), /is no JSON array/],
    ['that nests without end', encodeFrame('['.repeat(50_000)), /is no JSON array|more than/],
    ['that sends 100 000 values', encodeFrame(`[${'0,'.repeat(99_999)}0]`), /more than 20000 values/],
    ['that sends an unknown kind', encodeFrame('[99,1]'), /the kind 99/],
    ['that plays the head', encodeToWorker({ kind: 'cancel', id: 1 }), /the kind 3/],
    ['whose load is negative', encodeFrame('[4,1,"202",-1]'), /no amount at 3/],
    ['whose load is text', encodeFrame('[4,1,"202","1"]'), /no amount at 3/],
    ['that says hello again', HELLO_HEAD, /hello twice/],
    ['whose code is an object', encodeFrame('[5,1,{},"",null]'), /no text of up to 16/],
    ['whose id is no number', encodeFrame('[5,1.5,"200","",null]'), /no number at 1/],
    ['whose cause is unknown', encodeFrame('[5,1,"200","",null,"won",0,"",0,0,0,0,0,0,0,0,0]'), /no one of exited/],
    ['whose figures are missing', encodeFrame('[5,1,"200","",null,"exited",0,"",0,0,1,2]'), /no amount/],
    [
      'whose stdout is longer than what came',
      encodeFrame('[5,1,"200","",null,"exited",0,"",0,9,0,0,0,0,0,0,0]'),
      /stdout of 9/,
    ],
    ['whose signature is half', encodeFrame('[5,1,"200","",["a","b"]]'), /half signed/],
    ['whose signature is a number', encodeFrame('[5,1,"200","",[1,2,3,4,5,6]]'), /no list of texts/],
  ];
  test('that breaks the protocol: the stream ends, the reason is logged, others go on', async (t) => {
    // So many come one after the other that a head of few connections would take them for a flood.
    const head = await startHead(t, { pauseMs: [1, 1], maxConnections: 4_000 });
    const honest = await startWorker(t);
    await honest.dial(head);
    await until(() => head.lasting.has(honest.peerId));
    for (const [what, bytes, why] of nonsense) {
      const worker = await liar(t, head, [HELLO_HEAD, bytes]);
      const reason = (): boolean => head.lines.some((line) => line.includes(worker.peerId) && why.test(line));
      await until(reason).catch(() => assert.fail(`${what}: ${head.lines.at(-1)}`));
      await worker.host.stop();
    }
    const early = await liar(t, head, [encodeToHead({ kind: 'answer', id: 1, answer })]);
    await until(() => head.lines.some((line) => line.includes(early.peerId) && /before hello/.test(line)));
    const old = await liar(t, head, [encodeToHead({ kind: 'hello', version: 0 })]);
    await until(() => head.lines.some((line) => line.includes(old.peerId) && /version 0/.test(line)));
    assert.equal((await head.lasting.order(honest.peerId, order('r1', 'on'), NEVER)).code, '200');
  });

  test('that answers twice, late, or what nobody asked', async (t) => {
    const head = await startHead(t);
    const worker = await liar(t, head, [HELLO_HEAD], (message, stream) => {
      if (message.kind === 'hello') return;
      for (const at of [message.id, message.id, message.id + 1, 4_000_000_000]) {
        stream.send(encodeToHead({ kind: 'rollCallAnswer', id: at, code: '202', load: 0 }));
        stream.send(encodeToHead({ kind: 'answer', id: at, answer }));
      }
    });
    await until(() => head.lasting.has(worker.peerId));
    const answers: RollCallAnswer[] = [];
    head.lasting.rollCall(worker.peerId, CALL, { onAnswer: (one) => answers.push(one), signal: NEVER });
    await until(() => answers.length > 0);
    const got = await head.lasting.order(worker.peerId, order('r1'), NEVER);
    assert.deepEqual([got.requestId, got.code], ['r1', '200']);
    assert.equal((await head.lasting.order(worker.peerId, order('r2'), NEVER)).requestId, 'r2');
    assert.equal(answers.length, 1);
    assert.equal(head.lasting.has(worker.peerId), true);
  });

  test('that begins a frame of 30 MB again and again and never ends one', async (t) => {
    const head = await startHead(t, { pauseMs: [1, 1] });
    const worker = await liar(t, head, [HELLO_HEAD, framed(30_000_000, 10, Buffer.alloc(100_000))]);
    await until(() => head.lasting.has(worker.peerId));
    for (const { streams } of worker.host.getConnections()) {
      for (const stream of streams) if (stream.protocol === LASTING_PROTOCOL) stream.abort(new Error('again'));
    }
    await until(() => worker.opened() >= 2 && head.lasting.has(worker.peerId));
  });

  test('that takes no orders: what waits for it is bounded, then it is busy', async (t) => {
    const head = await startHead(t);
    const worker = await liar(t, head, [HELLO_HEAD]);
    await until(() => head.lasting.has(worker.peerId));
    for (const { streams } of worker.host.getConnections()) {
      for (const stream of streams) if (stream.protocol === LASTING_PROTOCOL) stream.pause();
    }
    const controller = new AbortController();
    const large = order('r1', 'x'.repeat(4_000_000));
    const under = Array.from({ length: 12 }, () => head.lasting.order(worker.peerId, large, controller.signal));
    const first = await Promise.race(under);
    assert.deepEqual([first.code, first.outcome], ['503', null]);
    assert.match(first.message, /does not take more orders/);
    controller.abort();
    const refused = await Promise.allSettled(under);
    const codes = refused.map((each) => (each.status === 'rejected' ? each.reason.code : 'taken'));
    assert.ok(codes.includes('ERR_CANCELLED'), codes.join());
  });

  test('names longer than a worker takes are refused here and the stream goes on', async (t) => {
    const head = await startHead(t);
    const worker = await startWorker(t);
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const long = 'x'.repeat(5_000);
    for (const call of [{ method: long }, { topic: long }, { functionId: long }]) {
      const options = { onAnswer: () => {}, signal: NEVER };
      assert.throws(() => head.lasting.rollCall(worker.peerId, { ...CALL, ...call }, options), /has 5000 characters/);
    }
    await assert.rejects(
      head.lasting.order(worker.peerId, { ...order('r1'), topic: long }, NEVER),
      /has 5000 characters/,
    );
    assert.equal((await head.lasting.order(worker.peerId, order('r2', 'on'), NEVER)).code, '200');
  });

  test('orders larger than a frame are refused here and the stream goes on', async (t) => {
    const head = await startHead(t);
    const worker = await startWorker(t);
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const huge = order('r1', 'x'.repeat(MAX_FRAME_BYTES));
    await assert.rejects(head.lasting.order(worker.peerId, huge, NEVER), /ERR_INVALID_REQUEST|is more than/);
    assert.equal((await head.lasting.order(worker.peerId, order('r2', 'on'), NEVER)).code, '200');
  });
});

suite('a worker is not harmed by a head', () => {
  const request = Buffer.from('{"function_id":"f"}');
  const nonsense: readonly (readonly [Uint8Array, RegExp])[] = [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), /a frame said to have/],
    [encodeFrame('[2,1,"r","t","p","time",null]', [request]), /no list of texts/],
    [encodeFrame('[2,1,"r","t",["p"],"time",-5]', [request]), /no amount/],
    [encodeFrame(`[2,1,"${'r'.repeat(600)}","t",["p"],"time",null]`, [request]), /no text of up to 512/],
    [encodeFrame('[1,1,"r","f","m","t",3]'), /no one of 0, 1, 2/],
    [encodeToHead({ kind: 'answer', id: 1, answer }), /the kind 5/],
    [HELLO_WORKER, /hello twice/],
  ];
  test('that breaks the protocol: the stream ends, the reason is logged, others go on', async (t) => {
    const worker = await startWorker(t);
    const honest = await startHead(t);
    await worker.dial(honest);
    for (const [bytes, why] of nonsense) {
      const head = await startSwarm(t);
      await head.dial(worker);
      const stream = await head.swarm.open(worker.peerId, LASTING_PROTOCOL);
      stream.send(HELLO_WORKER);
      stream.send(bytes);
      await until(() => worker.lines.some((line) => line.includes(head.peerId) && why.test(line))).catch(() =>
        assert.fail(`${why}: ${worker.lines.at(-1)}`),
      );
      await head.host.stop();
    }
    await until(() => honest.lasting.has(worker.peerId));
    assert.equal((await honest.lasting.order(worker.peerId, order('r1', 'on'), NEVER)).code, '200');
  });

  test('that gives two orders one number, or goes while they run: they are cancelled', async (t) => {
    let [begun, cancelled] = [0, 0];
    const worker = await startWorker(t, {
      async execute({ requestId }, _from, signal) {
        begun++;
        if (!signal.aborted) await once(signal, 'abort');
        cancelled++;
        return ran(requestId, '');
      },
    });
    const head = await startSwarm(t);
    await head.dial(worker);
    const stream = await head.swarm.open(worker.peerId, LASTING_PROTOCOL);
    stream.send(HELLO_WORKER);
    const twice = encodeToWorker({ kind: 'order', id: 7, order: order('r1') });
    stream.send(twice);
    stream.send(twice);
    await until(() => begun === 1 && cancelled === 1);
    assert.match(worker.lines.join(), /two orders the number 7/);
    const next = await head.swarm.open(worker.peerId, LASTING_PROTOCOL);
    next.send(HELLO_WORKER);
    next.send(twice);
    await until(() => begun === 2);
    await head.host.stop();
    await until(() => cancelled === 2);
  });

  test('that opens one stream after the other: the last one is kept', async (t) => {
    const worker = await startWorker(t);
    const head = await startSwarm(t);
    await head.dial(worker);
    const streams: Stream[] = [];
    for (let at = 0; at < 5; at++) {
      const stream = await head.swarm.open(worker.peerId, LASTING_PROTOCOL);
      stream.send(HELLO_WORKER);
      streams.push(stream);
      await until(() => streams.filter(({ status }) => status === 'open').length === 1);
    }
    assert.equal(streams.at(-1)?.status, 'open');
  });

  test('whose client wrote nonsense: that order is refused and the stream goes on', async (t) => {
    const worker = await startWorker(t);
    const head = await startSwarm(t);
    await head.dial(worker);
    const stream = await head.swarm.open(worker.peerId, LASTING_PROTOCOL);
    const reader = createFrameReader(createFrameBudget(Number.POSITIVE_INFINITY), () => {});
    const heard: ToHead[] = [];
    stream.addEventListener('message', ({ data }) => heard.push(...reader.push(data.subarray()).map(decodeToHead)));
    stream.send(HELLO_WORKER);
    stream.send(encodeFrame('[1,1,"r","f","m","t",0]', [Buffer.from('[]')]));
    for (const [at, json] of ['{"function_id":', '{"function_id":7}', '{"function_id":"f"}'].entries()) {
      stream.send(encodeFrame(`[2,${at},"r","t",["p"],"time",null]`, [Buffer.from(json)]));
    }
    await until(() => heard.length === 4);
    const codes = heard.flatMap((message) => (message.kind === 'answer' ? [[message.id, message.answer.code]] : []));
    assert.deepEqual(codes.toSorted(), [
      [0, '400'],
      [1, '400'],
      [2, '200'],
    ]);
    assert.equal(stream.status, 'open');
  });

  test('an answer larger than a frame says so instead', async (t) => {
    const worker = await startWorker(t, {
      execute: async ({ requestId }) => ({
        ...ran(requestId, ''),
        outcome: outcome(Buffer.alloc(MAX_FRAME_BYTES)),
      }),
    });
    const head = await startHead(t);
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const got = await head.lasting.order(worker.peerId, order('r1'), NEVER);
    assert.deepEqual([got.code, got.outcome], ['500', null]);
    assert.match(got.message, /more than the 33554432/);
  });
});
