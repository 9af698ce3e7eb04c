import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { InferbaseError } from '../../../runtime/core/errors.ts';
import { NO_USAGE } from '../../../runtime/core/execution.ts';
import type { RollCall, RollCallAnswer, WorkAnswer, WorkOrder } from '../../../runtime/core/work.ts';
import { until } from '../support.ts';
import { CALL, NEVER, order, outcome, ran, startHead, startWorker } from './support.ts';

const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof InferbaseError && error.code === code && message.test(error.message);
const text = (answer: WorkAnswer): string => Buffer.from(answer.outcome?.stdout ?? []).toString();

suite('the stream that a head keeps to a worker', () => {
  test('carries roll calls and their answers with the load', async (t) => {
    const heard: unknown[] = [];
    const head = await startHead(t);
    const worker = await startWorker(t, {
      async rollCall(call, from) {
        heard.push([call, from]);
        return call.topic === 'other' ? null : { code: '202', load: 1.5 };
      },
    });
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const attributes = {
      values: [{ name: 'region', value: 'eu' }],
      attestation_required: true,
      attestors: { each: ['x'], one_of: ['y', 'z'] },
    };
    const answers: RollCallAnswer[] = [];
    const calls: RollCall[] = [
      { ...CALL, topic: 'other', requestId: 'r0' },
      CALL,
      { ...CALL, requestId: 'r2', attributes },
    ];
    for (const call of calls) {
      head.lasting.rollCall(worker.peerId, call, { onAnswer: (answer) => answers.push(answer), signal: NEVER });
    }
    await until(() => answers.length === 2);
    assert.deepEqual(
      heard,
      calls.map((call) => [call, head.peerId]),
    );
    const answer = { peerId: worker.peerId, functionId: 'bafy', code: '202', load: 1.5, lasting: true };
    assert.deepEqual(answers, [
      { ...answer, requestId: 'r1' },
      { ...answer, requestId: 'r2' },
    ]);
  });

  test('carries orders as they are and answers with every byte, signature and figure', async (t) => {
    const orders: [WorkOrder, string][] = [];
    const attestation = {
      ...{ peerId: 'p', functionId: 'bafy', requestHash: 'aa', outcomeHash: 'bb', time: '2026', signature: 'cc' },
    };
    const every = Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at));
    const large = Buffer.alloc(3_000_000, 'large');
    const usage = { ...NO_USAGE, wallMs: 0.1 + 0.2, fuel: Number.MAX_SAFE_INTEGER, bytesOut: 3_000_256 };
    const full = outcome(every, {
      ...{ cause: 'trapped', exitCode: -1, message: 'unreachable "ü"', stderr: large, usage },
      ...{ stdoutTruncated: true, stderrTruncated: true },
    });
    const answers: WorkAnswer[] = [
      { requestId: 'r1', code: '500', outcome: full, message: 'a', attestation },
      { requestId: 'r2', code: '503', outcome: null, message: 'busy', attestation: null },
    ];
    const head = await startHead(t);
    const worker = await startWorker(t, {
      async execute(given, from) {
        orders.push([given, from]);
        return answers[orders.length - 1] ?? ran(given.requestId, '');
      },
    });
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const given = [order('r1', 'ü\u0000"\\'), { ...order('r2', 'x'.repeat(2_000_000)), deadlineMs: null, peers: [] }];
    for (const [at, one] of given.entries()) {
      assert.deepEqual(await head.lasting.order(worker.peerId, one, NEVER), answers[at]);
    }
    assert.deepEqual(
      orders,
      given.map((one) => [one, head.peerId]),
    );
  });

  test('500 orders at once to three workers each come back with their own', async (t) => {
    const head = await startHead(t);
    const workers = await Promise.all([startWorker(t), startWorker(t), startWorker(t)]);
    for (const worker of workers) await worker.dial(head);
    await until(() => workers.every(({ peerId }) => head.lasting.has(peerId)));
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, at) => {
        const peerId = workers[at % 3]?.peerId ?? '';
        return head.lasting.order(peerId, order(`r${at}`, `in ${at}`), NEVER);
      }),
    );
    for (const [at, answer] of answers.entries())
      assert.deepEqual([answer.requestId, text(answer)], [`r${at}`, `in ${at}`]);
  });

  test('an order that is taken back ends on the worker, and its answer is dropped', async (t) => {
    let [begun, ended] = [false, false];
    const head = await startHead(t);
    const worker = await startWorker(t, {
      async execute({ requestId, request }, _from, signal) {
        if (request.config?.stdin === 'quick') return ran(requestId, 'quick');
        begun = true;
        if (!signal.aborted) await once(signal, 'abort');
        ended = true;
        return ran(requestId, 'late');
      },
    });
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const controller = new AbortController();
    const waiting = head.lasting.order(worker.peerId, order('r1'), controller.signal);
    await until(() => begun);
    controller.abort();
    await assert.rejects(waiting, isError('ERR_CANCELLED', /went away/));
    await until(() => ended);
    assert.equal(text(await head.lasting.order(worker.peerId, order('r2', 'quick'), NEVER)), 'quick');
  });

  test('a worker that dies fails its orders at once', async (t) => {
    const head = await startHead(t, { pauseMs: [10, 20] });
    let begun = false;
    const worker = await startWorker(t, {
      execute() {
        begun = true;
        return new Promise(() => {});
      },
    });
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const waiting = head.lasting.order(worker.peerId, order('r1'), NEVER);
    await until(() => begun);
    void worker.host.stop();
    await assert.rejects(waiting, isError('ERR_NOT_ENOUGH_NODES', new RegExp(`worker ${worker.peerId} went away`)));
    assert.equal(head.lasting.has(worker.peerId), false);
    await assert.rejects(
      head.lasting.order(worker.peerId, order('r2'), NEVER),
      isError('ERR_NOT_ENOUGH_NODES', /gone/),
    );
  });

  test('a stream that breaks on a living connection is opened again', async (t) => {
    const head = await startHead(t, { pauseMs: [10, 20] });
    const worker = await startWorker(t);
    await worker.dial(head);
    await until(() => head.lasting.has(worker.peerId));
    const waiting = head.lasting.order(worker.peerId, order('r1'), NEVER);
    for (const { streams } of worker.host.getConnections()) {
      for (const stream of streams) if (stream.protocol.startsWith('/inferbase/')) stream.abort(new Error('broken'));
    }
    await assert.rejects(waiting, isError('ERR_NOT_ENOUGH_NODES', /went away/));
    await until(() => head.lasting.has(worker.peerId));
    assert.equal(text(await head.lasting.order(worker.peerId, order('r2', 'again'), NEVER)), 'again');
    assert.match(head.lines.join('\n'), /stream to a worker broke and is opened again/);
  });
});
