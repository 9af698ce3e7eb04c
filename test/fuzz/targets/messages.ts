import assert from 'node:assert/strict';
import type { WorkAnswer } from '../../../runtime/core/work.ts';
import { requestHash } from '../../../runtime/wire/attestation.ts';
import { toOrderedRequest } from '../../../runtime/wire/execute-request.ts';
import { decodeMessage, dialectOf, encodeMessage, type Message } from '../../../runtime/wire/messages/message.ts';
import { toRollCall, toRollCallAnswer } from '../../../runtime/wire/messages/roll-call.ts';
import {
  requestSignatureFlaw,
  responseSignatureFlaw,
  resultSignatureFlaw,
} from '../../../runtime/wire/messages/signed-messages.ts';
import {
  executeResponseMessage,
  toWorkAnswer,
  workOrderResponseMessage,
} from '../../../runtime/wire/messages/work-answer.ts';
import { executeMessage, toWorkOrder, workOrderMessage } from '../../../runtime/wire/messages/work-order.ts';
import { decodePbft, encodePbft, pbftSignatureFlaw } from '../../../runtime/wire/pbft.ts';
import { readGolden, textOf } from '../../wire/golden.ts';
import { json, mutate, type Random } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const DIALECTS = ['a', 'b', 'c'] as const;
const WORKER = '12D3KooWRBDHjGAyM5fraYr1B6kAeY363zNo35yJ9coeDbR3LTZs';
/** A case that takes longer holds up a thread that others wait for. */
const MAX_MS = 5_000;

const seeds = ([...DIALECTS, 'b-0.7.0'] as const).map(readGolden);
const MESSAGES = seeds.flatMap(({ messages }) => messages.map(textOf)).filter((text) => text.includes('"type":"Msg'));
const PBFT = seeds.flatMap(({ pbft }) => pbft.map(textOf));
const KEYS = [
  ...new Set([...MESSAGES, ...PBFT].flatMap((text) => [...text.matchAll(/"(\w+)":/g)].map(([, key = '']) => key))),
  ...['inferbase', 'load', 'lasting', 'deadline_ms', 'cause', 'stdout_truncated', 'attestation', WORKER, 'TYPE'],
  ...['__proto__', 'constructor', 'MsgRollCall', 'MsgExecute', 'MsgWorkOrder', 'MsgExecuteResponse'],
];

function some(random: Random, good: readonly string[]): Uint8Array {
  const source = random.once(4)
    ? JSON.stringify({ type: /"type":("\w+"|\d)/.exec(random.pick(good))?.[1], ...(json(random, KEYS) as object) })
    : random.pick(good);
  const bytes = Buffer.from(source);
  return random.once(6) ? bytes : mutate(bytes, random, Buffer.from(random.pick(good)));
}

/** What was written by us is never refused. */
function readAgain(bytes: Buffer): Message {
  try {
    return decodeMessage(bytes);
  } catch (cause) {
    throw new Error(`cannot be read again: ${bytes}`, { cause });
  }
}

/** An answer that was translated is the same after the wire; what it says of a consensus only replicas write, signed. */
function requireStableAnswer({ pbft: _ofReplica, ...answer }: WorkAnswer): void {
  const there = readAgain(encodeMessage(workOrderResponseMessage(answer), 'c'));
  assert.ok(there.type === 'MsgWorkOrderResponse');
  assert.deepEqual(toWorkAnswer(there, WORKER), answer);
  const response = readAgain(encodeMessage(executeResponseMessage(answer, WORKER), 'a'));
  assert.ok(response.type === 'MsgExecuteResponse');
  assert.deepEqual(toWorkAnswer(response, WORKER), answer);
}

function translate(message: Message): void {
  switch (message.type) {
    case 'MsgRollCall':
      toRollCall(message, 't');
      break;
    case 'MsgRollCallResponse':
      toRollCallAnswer(message, WORKER);
      break;
    case 'MsgExecute':
    case 'MsgWorkOrder': {
      const order = toWorkOrder(message);
      toOrderedRequest(order.request);
      requestSignatureFlaw(order.request, WORKER);
      const hash = requestHash(order.request);
      for (const [written, dialect] of [
        [executeMessage(order), 'a'],
        [executeMessage(order), 'b'],
        [workOrderMessage(order), 'c'],
      ] as const) {
        const received = readAgain(encodeMessage(written, dialect));
        assert.ok(
          received.type === written.type && (received.type === 'MsgExecute' || received.type === 'MsgWorkOrder'),
        );
        require(requestHash(toWorkOrder(received).request) === hash, `another request after dialect ${dialect}`);
      }
      break;
    }
    case 'MsgExecuteResponse':
    case 'MsgExecuteResponseToPrimary':
      responseSignatureFlaw(message, WORKER, 'a');
      requireStableAnswer(toWorkAnswer(message, WORKER));
      break;
    case 'MsgWorkOrderResponse':
      resultSignatureFlaw(message.result ?? {}, WORKER);
      requireStableAnswer(toWorkAnswer(message, WORKER));
      break;
  }
}

/** Messages of the b7s wire: refused, or the same however often they are written and read, in every dialect. */
export const messages: FuzzTarget = {
  name: 'messages',
  async open() {
    return {
      try(random) {
        const startedAt = performance.now();
        const bytes = some(random, MESSAGES);
        const message = refusable(['ERR_INVALID_REQUEST'], () => decodeMessage(bytes));
        if (message === undefined) return;
        dialectOf(message);
        for (const dialect of DIALECTS) {
          const written = encodeMessage(message, dialect);
          const again = encodeMessage(readAgain(written), dialect);
          require(written.equals(again), `${written} becomes ${again}`);
        }
        refusable(['ERR_INVALID_REQUEST'], () => translate(message));
        require(performance.now() - startedAt < MAX_MS, 'too long');
      },
    };
  },
};

/** Those of PBFT. */
export const pbft: FuzzTarget = {
  name: 'pbft',
  async open() {
    return {
      try(random) {
        const bytes = some(random, PBFT);
        const message = refusable(['ERR_INVALID_REQUEST'], () => decodePbft(bytes));
        if (message === undefined) return;
        for (const traceField of ['carrier', 'Carrier'] as const) {
          pbftSignatureFlaw(message, WORKER, traceField);
          const written = encodePbft(message, traceField);
          const again = encodePbft(decodePbft(Buffer.from(written)), traceField);
          require(written === again, `${written} becomes ${again}`);
        }
      },
    };
  },
};
