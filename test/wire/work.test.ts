import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import type { RollCall, WorkAnswer, WorkOrder } from '../../runtime/core/work.ts';
import { decodeMessage, encodeMessage, type Message } from '../../runtime/wire/messages/message.ts';
import {
  rollCallAnswerMessage,
  rollCallMessage,
  toRollCall,
  toRollCallAnswer,
} from '../../runtime/wire/messages/roll-call.ts';
import {
  executeResponseMessage,
  toWorkAnswer,
  workOrderResponseMessage,
} from '../../runtime/wire/messages/work-answer.ts';
import {
  executeMessage,
  isClientRequest,
  toWorkOrder,
  workOrderMessage,
} from '../../runtime/wire/messages/work-order.ts';

const HEAD = '12D3KooWBGQ98L4Qmp1YXXGQwUoN4xZh29tLAR338rLj8KZbpfYL';
const WORKER = '12D3KooWRBDHjGAyM5fraYr1B6kAeY363zNo35yJ9coeDbR3LTZs';
const REQUEST_ID = '3f1c1a52-6d4e-4b39-9f0e-7a8c1d2e3f40';
const FUNCTION_ID = 'bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm';

const DIALECTS = ['a', 'b', 'c'] as const;

function over<M extends Message>(message: M, dialect: 'a' | 'b' | 'c'): M {
  const received = decodeMessage(encodeMessage(message, dialect));
  assert.equal(received.type, message.type);
  return received as M;
}

const call: RollCall = {
  requestId: REQUEST_ID,
  functionId: FUNCTION_ID,
  method: 'a.wasm',
  topic: 'allora-topic-1-worker',
  consensus: 2,
  attributes: { values: [{ name: 'REGION', value: 'eu' }], attestation_required: true, attestors: {} },
};

const order: WorkOrder = {
  requestId: REQUEST_ID,
  topic: 'allora-topic-1-worker',
  request: {
    function_id: FUNCTION_ID,
    method: 'a.wasm',
    parameters: [{ value: '<x>' }],
    config: {
      runtime: {},
      env_vars: [{ name: 'TOPIC_ID', value: '1' }],
      stdin: '',
      result_aggregation: {},
      threshold: 0.6,
      inferbase: { limits: { fuel: 1_000_000 } },
    },
  },
  peers: [WORKER],
  timestamp: '2025-01-01T00:00:00.5Z',
  deadlineMs: 20_000,
};

const outcome: Outcome = {
  cause: 'fuel',
  exitCode: 1,
  message: 'out of fuel',
  stdout: new Uint8Array([0x61, 0xff, 0xfe, 0x00]),
  stderr: new TextEncoder().encode('real \ufffd'),
  stdoutTruncated: true,
  stderrTruncated: false,
  usage: {
    wallMs: 41.123456,
    cpuMs: 35,
    fuel: 123_456,
    peakMemoryBytes: 65_537,
    hostCalls: 3,
    bytesIn: 10,
    bytesOut: 4,
  },
};

const answer: WorkAnswer = {
  requestId: REQUEST_ID,
  code: '500',
  outcome,
  message: '',
  attestation: {
    peerId: WORKER,
    functionId: FUNCTION_ID,
    requestHash: 'ab'.repeat(32),
    outcomeHash: 'cd'.repeat(32),
    time: '2025-01-01T00:00:00Z',
    signature: 'ef'.repeat(64),
  },
};

suite('between our own nodes the b7s wire loses nothing of', () => {
  for (const dialect of DIALECTS) {
    test(`a roll call, dialect ${dialect}`, () => {
      const received = over(rollCallMessage(call, HEAD), dialect);
      assert.deepEqual(toRollCall(received, call.topic), call);
      assert.equal(received.origin, dialect === 'c' ? undefined : HEAD);
    });

    test(`its answer, dialect ${dialect}`, () => {
      const given = { requestId: REQUEST_ID, functionId: FUNCTION_ID, code: '202', load: 0.25, lasting: true };
      const received = over(rollCallAnswerMessage(given), dialect);
      assert.deepEqual(toRollCallAnswer(received, WORKER), { peerId: WORKER, ...given });
    });
  }

  test('an order, as MsgExecute and as MsgWorkOrder', () => {
    assert.deepEqual(toWorkOrder(over(executeMessage(order), 'a')), order);
    assert.deepEqual(toWorkOrder(over(workOrderMessage(order), 'c')), order);
    assert.deepEqual(toWorkOrder(over(executeMessage(order), 'b')), { ...order, peers: [] });
  });

  test('an answer, as MsgExecuteResponse and as MsgWorkOrderResponse', () => {
    assert.deepEqual(toWorkAnswer(over(executeResponseMessage(answer, WORKER), 'a'), WORKER), answer);
    assert.deepEqual(toWorkAnswer(over(executeResponseMessage(answer, WORKER), 'b'), WORKER), answer);
    assert.deepEqual(toWorkAnswer(over(workOrderResponseMessage(answer), 'c'), WORKER), answer);
  });

  test('an answer of a worker that did not run it', () => {
    const refusal: WorkAnswer = {
      requestId: REQUEST_ID,
      code: '503',
      outcome: null,
      message: 'busy: 4 executions are alive',
      attestation: null,
    };
    assert.deepEqual(toWorkAnswer(over(executeResponseMessage(refusal, WORKER), 'a'), WORKER), refusal);
    assert.deepEqual(toWorkAnswer(over(workOrderResponseMessage(refusal), 'c'), WORKER), refusal);
  });
});

suite('what others send', () => {
  test('a roll call answer of a node that says nothing of its load', () => {
    const received = over({ type: 'MsgRollCallResponse', code: '202', function_id: 'f', request_id: 'r' }, 'b');
    assert.deepEqual(toRollCallAnswer(received, WORKER), {
      ...{ peerId: WORKER, requestId: 'r', functionId: 'f', code: '202', load: null, lasting: false },
    });
  });

  test('exit codes of Go nodes tell the cause where they can', () => {
    const causes = [0, 1, 3, 11, 12, 15, 16, 42, 101, -1].map((exitCode) => {
      const code = exitCode === 0 ? '200' : '500';
      const result = { code, result: { stdout: 'x\n', stderr: '', exit_code: exitCode } };
      const message = over({ type: 'MsgWorkOrderResponse', request_id: 'r', code, result }, 'c');
      const received = toWorkAnswer(message, WORKER).outcome;
      assert.equal(received?.exitCode, exitCode);
      return received?.cause;
    });
    assert.deepEqual(causes, [
      ...['exited', 'exited', 'trapped', 'trapped', 'interrupted', 'deadline', 'memory', 'exited', 'trapped'],
      'interrupted',
    ]);
  });

  test('usage in nanoseconds, user and system time together', () => {
    const usage = { wall_clock_time: 41_123_456, cpu_user_time: 30_000_000, cpu_sys_time: 5_000_000, memory_max_kb: 2 };
    const results = { [WORKER]: { code: '200', result: { stdout: '' }, usage } };
    const message = over({ type: 'MsgExecuteResponse', request_id: 'r', code: '200', results }, 'a');
    const received = toWorkAnswer(message, WORKER).outcome?.usage;
    assert.equal(received?.wallMs, 41.123456);
    assert.equal(received?.cpuMs, 35);
    assert.equal(received?.peakMemoryBytes, 2048);
  });

  test('usage beyond all measure is bounded, and can be handed on', () => {
    const most = 9_223_372_036_854_775_807n;
    const usage = `{"wall_clock_time":${most},"cpu_user_time":${most},"cpu_sys_time":${most},"memory_max_kb":${most}}`;
    const text = `{"type":"MsgWorkOrderResponse","request_id":"r","code":"200","result":{"code":"200","usage":${usage}},
      "inferbase":{"fuel":1e300,"bytes_in":18446744073709551615}}`;
    const message = decodeMessage(Buffer.from(text));
    assert.ok(message.type === 'MsgWorkOrderResponse');
    const told = toWorkAnswer(message, WORKER);
    assert.ok(Object.values(told.outcome?.usage ?? {}).every((value) => value <= Number.MAX_SAFE_INTEGER));
    assert.deepEqual(toWorkAnswer(over(executeResponseMessage(told, WORKER), 'a'), WORKER), told);
  });

  test('codes and texts of megabytes are taken as far as anybody shows them', () => {
    const long = 'x'.repeat(1_000_000);
    const from = 'w';
    const call = { type: 'MsgRollCallResponse', request_id: 'r', code: long } as const;
    assert.equal(toRollCallAnswer(call, from).code, 'x'.repeat(16));
    const result = { code: '200', result: { stdout: 'out', stderr: '', exit_code: 1 } };
    const answer = { type: 'MsgWorkOrderResponse', request_id: 'r', code: long, error_message: long } as const;
    const taken = toWorkAnswer({ ...answer, result, inferbase: { detail: long } }, from);
    assert.deepEqual(
      [taken.code.length, taken.message.length, taken.outcome?.message.length, taken.outcome?.stdout.length],
      [16, 65_536, 65_536, 3],
    );
  });

  test('a load that is no number is not told', () => {
    const given = { requestId: 'r', functionId: 'f', code: '202', load: Number.NaN, lasting: false };
    assert.equal(toRollCallAnswer(over(rollCallAnswerMessage(given), 'c'), WORKER).load, null);
  });

  test('a result in the name of another node is not taken', () => {
    const results = { [HEAD]: { code: '200', result: { stdout: 'forged' } } };
    const message = over({ type: 'MsgExecuteResponse', request_id: 'r', code: '200', results }, 'a');
    assert.equal(toWorkAnswer(message, WORKER).outcome, null);
  });

  test('the empty result of a Go node that lacks the function is no result', () => {
    const result = { code: '', result: { stdout: '', stderr: '', exit_code: 0 } };
    const message = over({ type: 'MsgWorkOrderResponse', request_id: 'r', code: '404', result }, 'c');
    assert.deepEqual(toWorkAnswer(message, WORKER), {
      ...{ requestId: 'r', code: '404', outcome: null, message: '', attestation: null },
    });
  });

  test('bytes that contradict the text beside them are not taken', () => {
    const text = `{"request_id":"r","code":"200","result":{"code":"200","result":{"stdout":"shown"}},"type":"MsgWorkOrderResponse",
      "inferbase":{"cause":"no cause","stdout":"${Buffer.from('hidden').toString('base64')}"}}`;
    const message = decodeMessage(Buffer.from(text));
    assert.equal(message.type, 'MsgWorkOrderResponse');
    const received = toWorkAnswer(message, WORKER).outcome;
    assert.equal(Buffer.from(received?.stdout ?? []).toString(), 'shown');
    assert.equal(received?.cause, 'exited');
  });

  test("a client's request has no id yet, an order has", () => {
    assert.equal(isClientRequest(over({ type: 'MsgExecute', function_id: 'f', method: 'm' }, 'c')), true);
    assert.equal(isClientRequest(over(executeMessage(order), 'a')), false);
  });
});
