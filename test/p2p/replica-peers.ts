import type { TestContext } from 'node:test';
import { encodeMessage } from '../../runtime/wire/messages/message.ts';
import type { NodeResult } from '../../runtime/wire/messages/node-result.ts';
import { signResponse, signResult } from '../../runtime/wire/messages/signed-messages.ts';
import { type HeadSwarm, type Json, type PeerSwarm, startPeer } from './b7s-peers.ts';

/** Ed25519 of a node over a text, hex. */
type Sign = (text: string) => string;

/** What a worker says that is asked into clusters; by default what an honest one of dialect `c` does that prints `42`. */
export interface ReplicaScript {
  /** To being asked into a cluster. */
  readonly joins?: (asked: Json) => readonly string[];
  /** To an order. */
  readonly answers?: (order: Json, self: ReplicaSelf) => readonly string[];
}

export interface ReplicaSelf {
  readonly peerId: string;
  readonly sign: Sign;
}

export function joined({ request_id, consensus }: Json, code = '200'): string {
  return JSON.stringify({ request_id, code, consensus, type: 'MsgFormClusterResponse' });
}

/** Result of a replica, unsigned. */
export function resultOf({ timestamp }: Json, peerId: string, stdout = '42'): NodeResult {
  return {
    ...{ code: '200', result: { stdout, stderr: '', exit_code: 0 }, usage: { wall_clock_time: 1_000 } },
    pbft: { view: 0, request_timestamp: String(timestamp), replica: peerId },
  };
}

/** An answer in the words of `c`. */
export function answerOf({ request_id }: Json, result: NodeResult): string {
  const message = { type: 'MsgWorkOrderResponse', request_id: String(request_id), code: '200', result } as const;
  return encodeMessage(message, 'c').toString();
}

/** What an honest replica of `c` answers. */
export function signedAnswer(order: Json, { peerId, sign }: ReplicaSelf, stdout?: string): string {
  return answerOf(order, signResult(resultOf(order, peerId, stdout), sign));
}

/** What an honest replica of `b` answers: all of the message is signed. */
export function signedResponse(order: Json, { peerId, sign }: ReplicaSelf): string {
  const { pbft = {}, ...result } = resultOf(order, peerId);
  const message = {
    type: 'MsgExecuteResponse',
    ...{ request_id: String(order.request_id), code: '200', pbft },
    results: { [peerId]: { ...result, request_id: String(order.request_id) } },
  } as const;
  return encodeMessage(signResponse(message, 'b', sign), 'b').toString();
}

/** What an honest replica of v0.7.0 answers, the last version of `b`: the result is signed, as in `c`. */
export function signedResultOf(order: Json, { peerId, sign }: ReplicaSelf): string {
  const results = { [peerId]: signResult(resultOf(order, peerId), sign) };
  return JSON.stringify({
    request_id: order.request_id,
    code: '200',
    results,
    cluster: {},
    type: 'MsgExecuteResponse',
  });
}

/** A bare host that says it can run whatever it is asked about, and follows the script. */
export async function startReplica(t: TestContext, head: HeadSwarm, script: ReplicaScript = {}): Promise<PeerSwarm> {
  const { joins = (asked) => [joined(asked)], answers = (order, self) => [signedAnswer(order, self)] } = script;
  const made: { peer?: PeerSwarm } = {};
  const sign: Sign = (text) => made.peer?.swarm.sign(text) ?? '';
  made.peer = await startPeer(t, head, {
    onRollCall: ({ request_id, function_id }) => [
      JSON.stringify({ code: '202', function_id, request_id, type: 'MsgRollCallResponse' }),
    ],
    onDirect(message, peerId) {
      if (message.type === 'MsgFormCluster') return joins(message);
      return message.type === 'MsgWorkOrder' ? answers(message, { peerId, sign }) : [];
    },
  });
  return made.peer;
}
