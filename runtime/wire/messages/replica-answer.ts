import type { WorkAnswer } from '../../core/work.ts';
import type { Dialect } from './envelope.ts';
import type { PbftInfo } from './node-result.ts';
import { signResponse, signResult } from './signed-messages.ts';
import {
  type ExecuteResponseMessage,
  executeResponseMessage,
  type WorkOrderResponseMessage,
  workOrderResponseMessage,
} from './work-answer.ts';

/** What a member of a PBFT cluster made of its request. */
export interface ReplicaAnswer {
  readonly answer: WorkAnswer;
  readonly functionId: string;
  /** View in which it was committed, time of the order, and base58 peer id of this node. */
  readonly pbft: Required<PbftInfo>;
}

/** `b` of b7s v0.7.0, the last of them, has the messages of its elders, and results as in `c`. */
export type ReplicaDialect = Dialect | 'b of 0.7.0';

/** The dialect whose bytes these are. */
export function writtenAs(dialect: ReplicaDialect): Dialect {
  return dialect === 'b of 0.7.0' ? 'c' : dialect;
}

/**
 * An answer as a replica of the dialect sends it: the result is signed in `c` and by v0.7.0, the whole message in `b`, and in
 * `a`, where it is for the primary of the cluster. What never ran has no result and no signature: a head that needs some
 * that are the same must not count it among them.
 * @param sign text → Ed25519 by the peer key, hex
 */
export function replicaAnswerMessage(
  { answer, functionId, pbft }: ReplicaAnswer,
  dialect: ReplicaDialect,
  sign: (text: string) => string,
): WorkOrderResponseMessage | ExecuteResponseMessage {
  if (dialect === 'c') {
    const message = workOrderResponseMessage(answer);
    return message.result === undefined
      ? message
      : { ...message, result: signResult({ ...message.result, pbft }, sign) };
  }
  const { from: _from, ...message } = executeResponseMessage(answer, pbft.replica);
  if (dialect === 'b of 0.7.0') {
    const results = Object.entries(message.results ?? {}).map(
      ([peerId, result]) => [peerId, signResult({ ...result, pbft }, sign)] as const,
    );
    return { ...message, results: Object.fromEntries(results) };
  }
  const unsigned: ExecuteResponseMessage =
    dialect === 'a'
      ? { ...message, type: 'MsgExecuteResponseToPrimary', function_id: functionId, pbft }
      : { ...message, pbft };
  return message.results === undefined ? unsigned : signResponse(unsigned, dialect, sign);
}
