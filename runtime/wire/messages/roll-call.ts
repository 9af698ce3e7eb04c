import type { BlocklessAttributes } from '../../core/blockless-request.ts';
import type { RollCall, RollCallAnswer } from '../../core/work.ts';
import { encodeAttributes } from '../blockless-request.ts';
import { ATTRIBUTES } from '../execute-request.ts';
import { BOOL, FLOAT64, map, STRING, struct, UINT } from '../go-json.ts';
import { constant, everyInteger, flag, object, optional, text } from '../go-writer.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec } from './envelope.ts';
import { MAX_CODE, requestIdOf, required, shortened } from './required.ts';

/**
 * Roll call and answer.
 *
 * A head: `encodeMessage(rollCallMessage(call, ownPeerId), 'a')` has everything that each dialect reads; an answer is
 * `toRollCallAnswer(message, from)`. A worker: `toRollCall(message, topic)`, and `rollCallAnswerMessage({…})` goes to the
 * author of the gossip, who is the `origin` where one is named (`a`, `b`).
 */
export interface RollCallMessage extends Envelope {
  readonly type: 'MsgRollCall';
  /** base58 peer id of the head, in `a` and `b`. */
  readonly origin?: string;
  readonly function_id?: string;
  readonly request_id?: string;
  readonly consensus?: number;
  readonly attributes?: BlocklessAttributes;
  /** Ours. */
  readonly inferbase?: { readonly method?: string };
}

export interface RollCallResponseMessage extends Envelope {
  readonly type: 'MsgRollCallResponse';
  readonly code?: string;
  readonly role?: string;
  readonly function_id?: string;
  readonly request_id?: string;
  /** Ours: load as in `RollCallAnswer`, and whether the worker takes orders on a stream that is kept. */
  readonly inferbase?: { readonly load?: number; readonly lasting?: boolean };
}

const CALL_TYPE = constant('type', 'MsgRollCall');
const CALL = [
  text('function_id'),
  text('request_id'),
  everyInteger('consensus'),
  optional('attributes', encodeAttributes),
] as const;
const CALL_EXTRAS = optional('inferbase', object<{ readonly method?: string }>(text('method')));

/** b7s models/request/roll_call.go */
export const ROLL_CALL: MessageCodec<RollCallMessage> = {
  type: struct('request.RollCall', {
    type: STRING,
    from: STRING,
    carrier: map(STRING),
    origin: STRING,
    function_id: STRING,
    request_id: STRING,
    consensus: UINT,
    attributes: ATTRIBUTES,
    inferbase: struct('request.Inferbase', { method: STRING }),
  }),
  write: {
    a: object<RollCallMessage>(FROM, CALL_TYPE, text('origin'), ...CALL, CALL_EXTRAS),
    b: object<RollCallMessage>(text('origin'), ...CALL, CALL_TYPE, CALL_EXTRAS),
    c: object<RollCallMessage>(CARRIER, ...CALL, CALL_TYPE, CALL_EXTRAS),
  },
};

const ANSWER_TYPE = constant('type', 'MsgRollCallResponse');
type AnswerExtras = NonNullable<RollCallResponseMessage['inferbase']>;
const ANSWER_EXTRAS = optional(
  'inferbase',
  object<AnswerExtras>(({ load }) => (Number.isFinite(load) ? `"load":${load}` : ''), flag('lasting')),
);
const ANSWERED = [text('function_id'), text('request_id')] as const;

/** b7s models/response/roll_call.go */
export const ROLL_CALL_RESPONSE: MessageCodec<RollCallResponseMessage> = {
  type: struct('response.RollCall', {
    type: STRING,
    from: STRING,
    carrier: map(STRING),
    code: STRING,
    role: STRING,
    function_id: STRING,
    request_id: STRING,
    inferbase: struct('response.Inferbase', { load: FLOAT64, lasting: BOOL }),
  }),
  write: {
    a: object<RollCallResponseMessage>(ANSWER_TYPE, FROM, text('code'), text('role'), ...ANSWERED, ANSWER_EXTRAS),
    b: object<RollCallResponseMessage>(text('code'), ...ANSWERED, ANSWER_TYPE, ANSWER_EXTRAS),
    c: object<RollCallResponseMessage>(CARRIER, text('code'), ...ANSWERED, ANSWER_TYPE, ANSWER_EXTRAS),
  },
};

/** @param origin base58 peer id of this head, for the workers that answer to it */
export function rollCallMessage(call: RollCall, origin: string): RollCallMessage {
  return {
    type: 'MsgRollCall',
    origin,
    function_id: call.functionId,
    request_id: call.requestId,
    consensus: call.consensus,
    ...(call.attributes !== null && { attributes: call.attributes }),
    ...(call.method !== '' && { inferbase: { method: call.method } }),
  };
}

/**
 * @param topic gossipsub topic that it came by
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it names no function or no request
 */
export function toRollCall(message: RollCallMessage, topic: string): RollCall {
  const { consensus = 0 } = message;
  return {
    requestId: requestIdOf(message),
    functionId: required(message, 'function_id'),
    method: message.inferbase?.method ?? '',
    topic,
    consensus: consensus === 1 || consensus === 2 ? consensus : 0,
    attributes: message.attributes ?? null,
  };
}

/** @param answer without the peer id, which the connection tells */
export function rollCallAnswerMessage(answer: Omit<RollCallAnswer, 'peerId'>): RollCallResponseMessage {
  const { requestId, functionId, code, load, lasting } = answer;
  return {
    type: 'MsgRollCallResponse',
    code,
    function_id: functionId,
    request_id: requestId,
    ...((load !== null || lasting) && { inferbase: { ...(load !== null && { load }), ...(lasting && { lasting }) } }),
  };
}

/**
 * @param from base58 peer id that the connection proves
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it names no request
 */
export function toRollCallAnswer(message: RollCallResponseMessage, from: string): RollCallAnswer {
  const load = message.inferbase?.load ?? null;
  return {
    peerId: from,
    requestId: requestIdOf(message),
    functionId: message.function_id ?? '',
    code: shortened(message.code, MAX_CODE),
    load: load !== null && load >= 0 ? load : null,
    lasting: message.inferbase?.lasting ?? false,
  };
}
