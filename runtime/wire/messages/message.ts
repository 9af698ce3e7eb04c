import { InferbaseError } from '../../core/errors.ts';
import { bindJson, parseJson } from '../go-json.ts';
import { fold } from '../go-type-error.ts';
import { JsonProblem } from '../json-scan.ts';
import {
  DISBAND_CLUSTER,
  type DisbandClusterMessage,
  FORM_CLUSTER,
  FORM_CLUSTER_RESPONSE,
  type FormClusterMessage,
  type FormClusterResponseMessage,
} from './cluster.ts';
import type { Dialect, MessageCodec } from './envelope.ts';
import { HEALTH, type HealthMessage } from './health.ts';
import { INSTALL, INSTALL_RESPONSE, type InstallMessage, type InstallResponseMessage } from './install.ts';
import { ROLL_CALL, ROLL_CALL_RESPONSE, type RollCallMessage, type RollCallResponseMessage } from './roll-call.ts';
import {
  EXECUTE_RESPONSE,
  EXECUTE_RESPONSE_TO_PRIMARY,
  type ExecuteResponseMessage,
  WORK_ORDER_RESPONSE,
  type WorkOrderResponseMessage,
} from './work-answer.ts';
import { EXECUTE, type ExecuteMessage, WORK_ORDER, type WorkOrderMessage } from './work-order.ts';

/**
 * All messages of the b7s wire: one JSON object each, on a stream of its own or in a gossip.
 *
 * `decodeMessage(bytes)` → `switch (message.type)` → `toRollCall(message, …)` and its like in the file of that message, which
 * give our own words (`core/work.ts`); `rollCallMessage(…)` and its like → `encodeMessage(message, dialect)`. Field names
 * are those of the wire, so that a message can be written again as it was read.
 */
export type Message =
  | HealthMessage
  | RollCallMessage
  | RollCallResponseMessage
  | InstallMessage
  | InstallResponseMessage
  | ExecuteMessage
  | ExecuteResponseMessage
  | WorkOrderMessage
  | WorkOrderResponseMessage
  | FormClusterMessage
  | FormClusterResponseMessage
  | DisbandClusterMessage;

type MessageType = Message['type'];

/** Where b7s lets a message come from (node/pipeline.go of b7s); a message that comes another way is dropped. */
type Channel = 'gossip' | 'direct' | 'both';

interface Row<M> {
  readonly codec: MessageCodec<M>;
  readonly channel: Channel;
}

const MESSAGES: { readonly [T in MessageType]: Row<Extract<Message, { type: T }>> } = {
  MsgHealthCheck: { codec: HEALTH, channel: 'gossip' },
  MsgRollCall: { codec: ROLL_CALL, channel: 'gossip' },
  MsgRollCallResponse: { codec: ROLL_CALL_RESPONSE, channel: 'direct' },
  MsgInstallFunction: { codec: INSTALL, channel: 'both' },
  MsgInstallFunctionResponse: { codec: INSTALL_RESPONSE, channel: 'direct' },
  MsgExecute: { codec: EXECUTE, channel: 'direct' },
  MsgExecuteResponse: { codec: EXECUTE_RESPONSE, channel: 'direct' },
  MsgExecuteResponseToPrimary: { codec: EXECUTE_RESPONSE_TO_PRIMARY, channel: 'direct' },
  MsgWorkOrder: { codec: WORK_ORDER, channel: 'direct' },
  MsgWorkOrderResponse: { codec: WORK_ORDER_RESPONSE, channel: 'direct' },
  MsgFormCluster: { codec: FORM_CLUSTER, channel: 'direct' },
  MsgFormClusterResponse: { codec: FORM_CLUSTER_RESPONSE, channel: 'direct' },
  MsgDisbandCluster: { codec: DISBAND_CLUSTER, channel: 'direct' },
};

/**
 * Reads a message of any dialect; keys match in any case, unknown ones are ignored.
 * @param bytes from a stranger; how many is bounded by who received them
 * @throws InferbaseError `ERR_INVALID_REQUEST` that says what is wrong: no JSON, an unknown type, a field of a wrong type
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const parsed = parseJson(text);
    const type = typeOf(parsed);
    // Keys are read in any case, and empty ones like missing ones: afterwards it is not to be seen any more.
    const spelt = type === 'MsgFormCluster' && Object.hasOwn(parsed as object, 'Carrier');
    const message = bindJson(parsed, MESSAGES[type].codec.type, text) as Message;
    if (spelt) return { ...message, type, traceField: 'Carrier' };
    return message.type === type ? message : ({ ...message, type } as Message);
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw new InferbaseError('ERR_INVALID_REQUEST', `A message of a peer cannot be read: ${error.message}`);
  }
}

/** Most characters of a foreign text that an error shows. */
const SHOWN = 64;

function typeOf(parsed: unknown): MessageType {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw unreadable('it is no JSON object');
  let type: unknown = (parsed as Record<string, unknown>).type;
  if (type === undefined) {
    for (const [key, value] of Object.entries(parsed)) if (fold(key) === 'type') type = value;
  }
  if (typeof type !== 'string') throw unreadable('it has no type');
  if (Object.hasOwn(MESSAGES, type)) return type as MessageType;
  throw unreadable(`its type ${JSON.stringify(type.slice(0, SHOWN))} is unknown`);
}

function unreadable(why: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `A message of a peer cannot be read: ${why}`);
}

/**
 * Writes a message byte for byte as a Go node of the dialect does; what the dialect has no field for is left out, our own
 * field `inferbase` comes last.
 */
export function encodeMessage(message: Message, dialect: Dialect): Buffer {
  const { codec } = MESSAGES[message.type] as Row<Message>;
  return Buffer.from(codec.write[dialect](message));
}

/** Whether a message may come by gossip, on a stream, or both ways. */
export function channelOf(type: MessageType): Channel {
  return MESSAGES[type].channel;
}

/**
 * The dialect of the node that wrote a message, as far as it shows: `a` writes the type first, only `c` has work orders,
 * and its roll calls have no `origin`. What cannot be told apart is `b`.
 */
export function dialectOf(message: Message): Dialect {
  if (message.type === 'MsgWorkOrder' || message.type === 'MsgWorkOrderResponse') return 'c';
  if (message.type === 'MsgExecuteResponseToPrimary' || message.from !== undefined) return 'a';
  for (const key in message) {
    if (key === 'type') return 'a';
    break;
  }
  if (message.carrier !== undefined) return 'c';
  return message.type === 'MsgRollCall' && message.origin === undefined ? 'c' : 'b';
}
