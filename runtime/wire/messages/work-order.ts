import type { BlocklessRequest } from '../../core/blockless-request.ts';
import type { WorkOrder } from '../../core/work.ts';
import { REQUEST_FIELDS } from '../blockless-request.ts';
import { REQUEST_TYPES } from '../execute-request.ts';
import { encodeString, list, map, STRING, struct, TIME, UINT64 } from '../go-json.ts';
import { constant, encodeTime, integer, object, optional, text, time, list as writeList } from '../go-writer.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec } from './envelope.ts';
import { requestIdOf, required } from './required.ts';

/**
 * The work, as `MsgExecute` (`a` and `b`, head to worker; in `c` a client's request to a head) and as `MsgWorkOrder` (`c`).
 *
 * A head: `encodeMessage(executeMessage(order), 'a')` for workers of `a` and `b`, `encodeMessage(workOrderMessage(order),
 * 'c')` for those of `c`; both may be sent, since Go nodes only log a type that they do not know. A worker:
 * `toWorkOrder(message)` of either. `isClientRequest(message)` tells the request of a client from an order.
 */
export interface ExecuteMessage extends Envelope, BlocklessRequest {
  readonly type: 'MsgExecute';
  readonly code?: string;
  readonly request_id?: string;
  /** base58 peer ids of all that get the order, in `a`. */
  readonly reporting_peers?: readonly string[];
  readonly timestamp?: string;
  readonly inferbase?: OrderExtras;
}

export interface WorkOrderMessage extends Envelope, Omit<BlocklessRequest, 'topic'> {
  readonly type: 'MsgWorkOrder';
  readonly request_id?: string;
  readonly timestamp?: string;
  readonly inferbase?: OrderExtras;
}

/** Ours: what an order has and the dialect does not. */
interface OrderExtras {
  readonly deadline_ms?: number;
  readonly topic?: string;
  readonly peers?: readonly string[];
}

const EXTRA_TYPES = struct('request.Inferbase', { deadline_ms: UINT64, topic: STRING, peers: list(STRING) });
const EXTRAS = optional(
  'inferbase',
  object<OrderExtras>(integer('deadline_ms'), text('topic'), writeList('peers', encodeString)),
);
const ENVELOPE = { type: STRING, from: STRING, carrier: map(STRING) };
const EXECUTE_TYPE = constant('type', 'MsgExecute');
const WORK_ORDER_TYPE = constant('type', 'MsgWorkOrder');

/** b7s models/request/execute.go */
export const EXECUTE: MessageCodec<ExecuteMessage> = {
  type: struct('request.Execute', {
    ...ENVELOPE,
    ...REQUEST_TYPES,
    code: STRING,
    topic: STRING,
    request_id: STRING,
    reporting_peers: list(STRING),
    timestamp: TIME,
    inferbase: EXTRA_TYPES,
  }),
  write: {
    a: object<ExecuteMessage>(
      ...[EXECUTE_TYPE, FROM, text('code'), text('topic'), ...REQUEST_FIELDS, text('request_id')],
      ...[writeList('reporting_peers', encodeString), time('timestamp'), EXTRAS],
    ),
    b: object<ExecuteMessage>(
      ...[...REQUEST_FIELDS, text('topic'), text('request_id'), time('timestamp'), EXECUTE_TYPE, EXTRAS],
    ),
    c: object<ExecuteMessage>(CARRIER, ...REQUEST_FIELDS, text('topic'), EXECUTE_TYPE, EXTRAS),
  },
};

const writeWorkOrder = object<WorkOrderMessage>(
  ...[CARRIER, ...REQUEST_FIELDS, text('request_id'), time('timestamp'), WORK_ORDER_TYPE, EXTRAS],
);

/** b7s models/request/work_order.go */
export const WORK_ORDER: MessageCodec<WorkOrderMessage> = {
  type: struct('request.WorkOrder', {
    ...ENVELOPE,
    ...REQUEST_TYPES,
    request_id: STRING,
    timestamp: TIME,
    inferbase: EXTRA_TYPES,
  }),
  write: { a: writeWorkOrder, b: writeWorkOrder, c: writeWorkOrder },
};

/** An order for workers of `a` and `b`. */
export function executeMessage(order: WorkOrder): ExecuteMessage {
  const { request, requestId, topic, peers, timestamp, deadlineMs } = order;
  return {
    type: 'MsgExecute',
    ...bare(request),
    topic,
    request_id: requestId,
    reporting_peers: peers,
    timestamp,
    ...(deadlineMs !== null && { inferbase: { deadline_ms: Math.ceil(deadlineMs) } }),
  };
}

/** The same for workers of `c`. */
export function workOrderMessage(order: WorkOrder): WorkOrderMessage {
  const { request, requestId, topic, peers, timestamp, deadlineMs } = order;
  return {
    type: 'MsgWorkOrder',
    ...bare(request),
    request_id: requestId,
    timestamp,
    inferbase: { ...(deadlineMs !== null && { deadline_ms: Math.ceil(deadlineMs) }), topic, peers },
  };
}

/** A request of a client to a head, which has no id yet. */
export function isClientRequest(message: ExecuteMessage): boolean {
  return (message.request_id ?? '') === '';
}

/**
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it names no function or no request; more parameters and variables
 *   than are taken are told by `toExecuteRequest`
 */
export function toWorkOrder(message: ExecuteMessage | WorkOrderMessage): WorkOrder {
  const { inferbase: extras = {}, timestamp = '' } = message;
  const execute = message.type === 'MsgExecute' ? message : undefined;
  required(message, 'function_id');
  const deadlineMs = extras.deadline_ms ?? 0;
  return {
    requestId: requestIdOf(message),
    topic: execute?.topic ?? extras.topic ?? '',
    request: bare(message),
    peers: execute?.reporting_peers ?? extras.peers ?? [],
    timestamp: encodeTime(timestamp),
    deadlineMs: deadlineMs > 0 ? deadlineMs : null,
  };
}

/** The request alone: of a message, what is not part of it; `topic` stands in the order. */
function bare(request: BlocklessRequest): BlocklessRequest {
  const { function_id, method, parameters, config, signature } = request;
  return {
    ...(function_id !== undefined && { function_id }),
    ...(method !== undefined && { method }),
    ...(parameters !== undefined && { parameters }),
    ...(config !== undefined && { config }),
    ...(signature !== undefined && { signature }),
  };
}
