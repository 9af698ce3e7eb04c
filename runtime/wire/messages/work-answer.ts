import type { WorkAnswer } from '../../core/work.ts';
import { encodeString, list, map, STRING, struct } from '../go-json.ts';
import { constant, encodeTime, nested, object, optional, sorted, text, list as writeList } from '../go-writer.ts';
import {
  ANSWER_EXTRAS,
  type AnswerExtras,
  attestationOf,
  encodeAnswerExtras,
  extrasOf,
  toOutcome,
} from './answer-extras.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec } from './envelope.ts';
import {
  type Cluster,
  encodeForkResult,
  encodeNodeResult,
  NODE_RESULT,
  type NodeResult,
  PBFT,
  PBFT_INFO,
  type PbftInfo,
} from './node-result.ts';
import { MAX_CODE, MAX_TEXT, requestIdOf, shortened } from './required.ts';

/**
 * Answers to work: `MsgExecuteResponse` (`a` and `b`, and what a head of `c` answers a client), `MsgWorkOrderResponse` (`c`),
 * `MsgExecuteResponseToPrimary` (`a`, between the members of a PBFT cluster).
 *
 * A worker: `encodeMessage(executeResponseMessage(answer, ownPeerId), 'a')` where it got a `MsgExecute`,
 * `encodeMessage(workOrderResponseMessage(answer), 'c')` where it got a `MsgWorkOrder`. A head: `toWorkAnswer(message,
 * from)` of either. Between our own nodes nothing is lost: what Go has no field for is in `inferbase`.
 */
export interface ExecuteResponseMessage extends Envelope {
  readonly type: 'MsgExecuteResponse' | 'MsgExecuteResponseToPrimary';
  readonly request_id?: string;
  readonly function_id?: string;
  readonly code?: string;
  /** By base58 peer id. */
  readonly results?: Readonly<Record<string, NodeResult>>;
  readonly cluster?: Cluster;
  readonly pbft?: PbftInfo;
  /** hex */
  readonly signature?: string;
  readonly message?: string;
  readonly inferbase?: AnswerExtras;
}

export interface WorkOrderResponseMessage extends Envelope {
  readonly type: 'MsgWorkOrderResponse';
  readonly request_id?: string;
  readonly code?: string;
  readonly result?: NodeResult;
  readonly error_message?: string;
  readonly inferbase?: AnswerExtras;
}

/** Longest peer id that is taken of another node, in characters; those of Ed25519 keys have 52. */
const MAX_PEER_ID = 128;
const ENVELOPE = { type: STRING, from: STRING, carrier: map(STRING) };
const EXTRAS = optional('inferbase', encodeAnswerExtras);
const CLUSTER = nested('cluster', object<Cluster>(text('main'), writeList('peers', encodeString)));
const FORK_RESULTS = sorted('results', encodeForkResult);
const RESPONSE_TYPE = constant('type', 'MsgExecuteResponse');
const PRIMARY_TYPE = constant('type', 'MsgExecuteResponseToPrimary');
const WORK_ORDER_TYPE = constant('type', 'MsgWorkOrderResponse');
const ANSWERED = [text('code'), FORK_RESULTS, CLUSTER, PBFT, text('signature'), text('message')] as const;

const EXECUTE_RESPONSE_TYPE = struct('response.Execute', {
  ...ENVELOPE,
  request_id: STRING,
  function_id: STRING,
  code: STRING,
  results: map(NODE_RESULT),
  cluster: struct('execute.Cluster', { main: STRING, peers: list(STRING) }),
  pbft: PBFT_INFO,
  signature: STRING,
  message: STRING,
  inferbase: ANSWER_EXTRAS,
});

/** b7s models/response/execute.go */
export const EXECUTE_RESPONSE: MessageCodec<ExecuteResponseMessage> = {
  type: EXECUTE_RESPONSE_TYPE,
  write: {
    a: object<ExecuteResponseMessage>(
      ...[RESPONSE_TYPE, text('request_id'), text('function_id'), FROM, ...ANSWERED, EXTRAS],
    ),
    b: object<ExecuteResponseMessage>(text('request_id'), ...ANSWERED, RESPONSE_TYPE, EXTRAS),
    c: object<ExecuteResponseMessage>(
      ...[CARRIER, text('request_id'), text('code'), sorted('results', encodeNodeResult), CLUSTER, text('message')],
      ...[RESPONSE_TYPE, EXTRAS],
    ),
  },
};

const writeToPrimary = object<ExecuteResponseMessage>(
  ...[PRIMARY_TYPE, text('request_id'), text('function_id'), FROM, ...ANSWERED],
);

export const EXECUTE_RESPONSE_TO_PRIMARY: MessageCodec<ExecuteResponseMessage> = {
  type: EXECUTE_RESPONSE_TYPE,
  write: { a: writeToPrimary, b: writeToPrimary, c: writeToPrimary },
};

const writeWorkOrderResponse = object<WorkOrderResponseMessage>(
  ...[CARRIER, text('request_id'), text('code'), nested('result', encodeNodeResult), text('error_message')],
  ...[WORK_ORDER_TYPE, EXTRAS],
);

/** b7s models/response/work_order.go */
export const WORK_ORDER_RESPONSE: MessageCodec<WorkOrderResponseMessage> = {
  type: struct('response.WorkOrder', {
    ...ENVELOPE,
    request_id: STRING,
    code: STRING,
    result: NODE_RESULT,
    error_message: STRING,
    inferbase: ANSWER_EXTRAS,
  }),
  write: { a: writeWorkOrderResponse, b: writeWorkOrderResponse, c: writeWorkOrderResponse },
};

/** @param from base58 peer id of this worker, the key of its result */
export function executeResponseMessage(answer: WorkAnswer, from: string): ExecuteResponseMessage {
  const { extras, result } = extrasOf(answer);
  return {
    type: 'MsgExecuteResponse',
    request_id: answer.requestId,
    from,
    code: answer.code,
    ...(result !== null && { results: { [from]: { ...result, request_id: answer.requestId } } }),
    message: answer.message,
    ...(extras !== null && { inferbase: extras }),
  };
}

/** The answer to a `MsgWorkOrder`. */
export function workOrderResponseMessage(answer: WorkAnswer): WorkOrderResponseMessage {
  const { extras, result } = extrasOf(answer);
  return {
    type: 'MsgWorkOrderResponse',
    request_id: answer.requestId,
    code: answer.code,
    ...(result !== null && { result }),
    error_message: answer.message,
    ...(extras !== null && { inferbase: extras }),
  };
}

/**
 * What the sender itself made of the work; results of others in the same message are not taken.
 * @param from base58 peer id that the connection proves
 * @returns with `pbft` where it is signed; whether the signature holds is not checked
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it names no request
 */
export function toWorkAnswer(message: ExecuteResponseMessage | WorkOrderResponseMessage, from: string): WorkAnswer {
  const requestId = requestIdOf(message);
  const extras = message.inferbase ?? {};
  const ordered = message.type === 'MsgWorkOrderResponse';
  const result = ordered ? message.result : own(message.results, from);
  const outcome = toOutcome(result, extras);
  return {
    requestId,
    code: shortened(message.code, MAX_CODE),
    outcome,
    message: shortened(ordered ? message.error_message : message.message, MAX_TEXT),
    attestation: outcome === null ? null : attestationOf(extras),
    // v0.7.0 of b7s signs results as `c` does, in the messages of `b`.
    ...reportOf(ordered || (message.signature ?? '') === '' ? result : message),
  };
}

/** Only what is signed is a report of a replica. */
function reportOf(signed: Pick<NodeResult, 'pbft' | 'signature'> = {}): Pick<WorkAnswer, 'pbft'> {
  const { pbft, signature = '' } = signed;
  if (signature === '') return {};
  const { view = 0, request_timestamp: requestTimestamp = '', replica = '' } = pbft ?? {};
  return { pbft: { view, requestTimestamp: encodeTime(requestTimestamp), replica: shortened(replica, MAX_PEER_ID) } };
}

function own(results: Readonly<Record<string, NodeResult>> = {}, from: string): NodeResult | undefined {
  return Object.hasOwn(results, from) ? results[from] : undefined;
}
