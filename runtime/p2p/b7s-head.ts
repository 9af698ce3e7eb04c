import type { Stream } from '@libp2p/interface';
import { LRUCache } from 'lru-cache';
import { InferbaseError, messageOf } from '../core/errors.ts';
import type { InferenceNode } from '../core/node.ts';
import {
  GENERAL_TOPIC,
  type RollCall,
  type RollCallAnswer,
  type WorkAnswer,
  type WorkerNetwork,
  type WorkOrder,
} from '../core/work.ts';
import { createLineBudget } from '../telemetry/line-budget.ts';
import { channelOf, decodeMessage, dialectOf, encodeMessage, type Message } from '../wire/messages/message.ts';
import { type RollCallResponseMessage, rollCallMessage, toRollCallAnswer } from '../wire/messages/roll-call.ts';
import { responseSignatureFlaw, resultSignatureFlaw } from '../wire/messages/signed-messages.ts';
import {
  type ExecuteResponseMessage,
  toWorkAnswer,
  type WorkOrderResponseMessage,
} from '../wire/messages/work-answer.ts';
import { type ExecuteMessage, isClientRequest } from '../wire/messages/work-order.ts';
import { createClientRequests } from './client-requests.ts';
import { createHeadClusters } from './head-clusters.ts';
import { createOpenOrders } from './open-orders.ts';
import { createOrderMessages } from './order-messages.ts';
import { B7S_PROTOCOL, type Swarm } from './swarm.ts';

export interface B7sHeadInit {
  /** Largest message of a worker or a client, in bytes; default 32 MiB. */
  readonly maxMessageBytes?: number;
  /** base58 peer ids of the clients that may send requests, or `none`; empty: any. */
  readonly clients?: readonly string[];
  /** How often others are told that this node is alive, in ms; default a minute, as b7s does. */
  readonly healthMs?: number;
  readonly log: (line: string, fields?: object) => void;
}

/** A head on the b7s wire. */
export interface B7sHead extends WorkerNetwork {
  /** base58 peer ids of the workers known to subscribe to a gossipsub topic. */
  workersOf(topic: string): readonly string[];
  /** Fails what is under way; the host is stopped by its owner. */
  stop(): void;
}

const MAX_MESSAGE_BYTES = 32 * 1_048_576;
const HEALTH_MS = 60_000;
/** Lines of the log that one peer may cause. */
const PEER_LINES = { lines: 10, windowMs: 60_000 } as const;
/** Questions that late answers may still come to. */
const MAX_CLOSED = 256;
/** Other heads that are told from workers. */
const MAX_HEADS = 1_024;

interface OpenCall {
  readonly functionId: string;
  readonly heard: Set<string>;
  readonly onAnswer: (answer: RollCallAnswer) => void;
}

/**
 * The workers of the b7s wire, all three dialects: roll calls go out by gossip, everything else is a message on a stream of
 * its own. What a peer says counts only for itself: who it is, its connection proves, and the id of a request that is not
 * waited for leads nowhere.
 * @param components.node what requests of clients on libp2p are given to
 * @returns once it takes messages
 */
export async function createB7sHead(
  { swarm, node }: { readonly swarm: Swarm; readonly node: Pick<InferenceNode, 'execute'> },
  init: B7sHeadInit,
): Promise<B7sHead> {
  const tell = createLineBudget((line, fields: object) => init.log(line, fields), PEER_LINES);
  const calls = new Map<string, OpenCall>();
  const orders = createOpenOrders();
  const orderMessages = createOrderMessages(swarm.peerId);
  const clusters = createHeadClusters({ swarm, orders, messages: orderMessages, drop });
  const clients = createClientRequests({ node }, { allowed: init.clients ?? [] });
  /** Peers that published roll calls: they subscribe to the general topic and answer nobody's. */
  const heads = new LRUCache<string, true>({ max: MAX_HEADS });
  /** Of the last questions that nobody waits for any longer: who has answered. */
  const closed = new LRUCache<string, Set<string>>({ max: MAX_CLOSED });
  let stopped = false;

  /** Each may answer each question once. */
  function isFirst(heard: Set<string> | undefined, from: string): boolean {
    if (heard !== undefined && !heard.has(from)) return true;
    swarm.blame(from);
    return false;
  }

  function onRollCallAnswer(message: RollCallResponseMessage, from: string): void {
    const answer = toRollCallAnswer(message, from);
    const call = calls.get(answer.requestId);
    if (call === undefined) {
      const late = closed.get(answer.requestId);
      if (isFirst(late, from)) late?.add(from);
      return;
    }
    if (!isFirst(call.heard, from)) return;
    if (answer.functionId !== call.functionId) throw unexpected('it is about another function');
    call.heard.add(from);
    heads.delete(from);
    // Answers hold for a while only where orders go by the kept stream.
    call.onAnswer({ ...answer, lasting: false });
  }

  async function onClientRequest(message: ExecuteMessage, from: string, size: number): Promise<void> {
    if (!isClientRequest(message)) throw unexpected('an order came to a head');
    const answer = await clients.answer(message, { peerId: from, size });
    if (answer === null) return;
    await swarm.send(from, B7S_PROTOCOL, encodeMessage({ ...answer.message, from: swarm.peerId }, answer.dialect));
  }

  function onDirect(bytes: Uint8Array, from: string): Promise<void> | undefined {
    const message = decodeMessage(bytes);
    if (channelOf(message.type) === 'gossip') throw unexpected(`${message.type} came on a stream`);
    switch (message.type) {
      case 'MsgRollCallResponse':
        orderMessages.learn(from, message);
        onRollCallAnswer(message, from);
        return;
      case 'MsgExecuteResponse':
      case 'MsgWorkOrderResponse':
        orderMessages.learn(from, message);
        if (orders.answer(from, checked(message, from)) || clusters.excuses(message.request_id ?? '', from)) return;
        throw unexpected('no order of that id waits for an answer of this worker');
      case 'MsgExecute':
        return onClientRequest(message, from, bytes.length);
      case 'MsgFormClusterResponse':
        if (clusters.hear(message, from) || clusters.excuses(message.request_id ?? '', from)) return;
        throw unexpected('no cluster of that id waits for an answer of this worker');
      case 'MsgInstallFunctionResponse': {
        // Nobody waits for it: installs are not confirmed.
        const told = closed.get(installed(message.cid));
        if (isFirst(told, from)) told?.add(from);
        return;
      }
      case 'MsgDisbandCluster':
        // A head is in no cluster.
        swarm.blame(from);
        return;
      default:
        throw unexpected(`${message.type} came to a head`);
    }
  }

  function onGossip(bytes: Uint8Array, author: string): void {
    const message = decodeMessage(bytes);
    if (channelOf(message.type) === 'direct') throw unexpected(`${message.type} came by gossip`);
    if (message.type === 'MsgRollCall') heads.set(author, true);
  }

  function drop(from: string, error: unknown): void {
    tell(from, `a message was dropped: ${messageOf(error)}`, { peer: from });
  }

  function hear(from: string, take: () => Promise<void> | undefined): void {
    if (stopped) return;
    const fail = (error: unknown): void => {
      swarm.blame(from);
      drop(from, error);
    };
    try {
      take()?.catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  /** Every worker of a topic, other heads left out. */
  const workersOf = (topic: string): readonly string[] => swarm.subscribers(topic).filter((id) => !heads.has(id));

  const publish = (topic: string, message: Message): Promise<void> =>
    // The order of `a`, which all three read, as each reads a field that it does not know.
    swarm.publish(topic, encodeMessage({ ...message, from: swarm.peerId }, 'a'));

  const stopGossip = swarm.onGossip(({ bytes, author }) => hear(author, () => void onGossip(bytes, author)));
  const stopPeers = swarm.onPeers((peerId, connected) => {
    if (connected) return;
    orderMessages.forget(peerId);
    orders.lose(peerId);
    clusters.lose(peerId);
    clients.gone(peerId);
  });
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = init;
  await swarm.handle(B7S_PROTOCOL, maxMessageBytes, ({ bytes, from }) => hear(from, () => onDirect(bytes, from)));
  swarm.subscribe(GENERAL_TOPIC);
  const health = setInterval(() => {
    publish(GENERAL_TOPIC, { type: 'MsgHealthCheck', code: 200 }).catch((error: unknown) => drop(swarm.peerId, error));
  }, init.healthMs ?? HEALTH_MS).unref();

  return {
    async rollCall(call: RollCall, onAnswer, signal) {
      signal.throwIfAborted();
      const { requestId, functionId } = call;
      if (calls.has(requestId)) throw new InferbaseError('ERR_INVALID_REQUEST', `${requestId} is under way already.`);
      calls.set(requestId, { functionId, heard: new Set(), onAnswer });
      const close = (): void => {
        const call = calls.get(requestId);
        if (call === undefined) return;
        calls.delete(requestId);
        closed.set(requestId, call.heard);
      };
      signal.addEventListener('abort', close, { once: true });
      try {
        await publish(call.topic, rollCallMessage(call, swarm.peerId));
      } catch (error) {
        calls.delete(requestId);
        throw error;
      }
      return workersOf(call.topic);
    },

    async order(peerId, order, signal) {
      signal.throwIfAborted();
      const isMember = order.consensus !== undefined;
      const waiting = clusters.order(order.requestId, peerId) ?? orders.open(peerId, order.requestId);
      const streams: Stream[] = [];
      const onAbort = (): void => {
        waiting.fail(cancelled(signal));
        // A worker of the older stack leaves its half open for as long as it works.
        for (const stream of streams) stream.abort(new Error('the order was taken back'));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        const unread = isMember && !orderMessages.isOurs(peerId) ? unreadBy(order) : null;
        if (unread !== null) return unread;
        const onRefused = (): void => waiting.settle(neverSent(order.requestId, 'it did not take the order'));
        const messages = orderMessages.encode(peerId, order);
        deliver(swarm, peerId, { messages, streams, signal, onRefused }).then(
          (problem) => {
            if (problem !== null) waiting.settle(neverSent(order.requestId, problem));
            else if (isMember && orderMessages.tellsPrimary(peerId)) waiting.settle(toldPrimary(order.requestId));
          },
          (error: unknown) => waiting.fail(error),
        );
        return await waiting.answered;
      } finally {
        waiting.close();
        signal.removeEventListener('abort', onAbort);
      }
    },

    formCluster: (cluster, options) => clusters.form(cluster, options),
    disbandCluster: (cluster) => clusters.disband(cluster),

    async install({ cid, manifestUrl, topic }) {
      closed.set(installed(cid), new Set());
      await publish(topic, { type: 'MsgInstallFunction', manifest_url: manifestUrl, cid });
    },

    workersOf,
    workers: async (topic) => workersOf(topic),

    stop() {
      stopped = true;
      clearInterval(health);
      stopGossip();
      stopPeers();
      calls.clear();
      clients.gone();
      orders.lose();
      clusters.lose();
    },
  };
}

/** The answer, unless it is signed and its signature does not hold. */
function checked(message: ExecuteResponseMessage | WorkOrderResponseMessage, from: string): WorkAnswer {
  const answer = toWorkAnswer(message, from);
  const flaw = flawIn(message, from);
  if (flaw === null) return answer;
  const { pbft: _unproven, ...rest } = answer;
  return { ...rest, code: '401', outcome: null, message: `its signature does not hold: ${flaw}` };
}

function flawIn(message: ExecuteResponseMessage | WorkOrderResponseMessage, from: string): string | null {
  if (message.type === 'MsgWorkOrderResponse') return resultSignatureFlaw(message.result ?? {}, from);
  const { results = {}, signature = '' } = message;
  // As v0.7.0 of b7s has it.
  if (signature === '')
    return resultSignatureFlaw((Object.hasOwn(results, from) ? results[from] : undefined) ?? {}, from);
  const dialect = dialectOf(message);
  return responseSignatureFlaw(message, from, dialect === 'c' ? 'b' : dialect);
}

interface Delivery {
  /** In each dialect that the worker may speak. */
  readonly messages: readonly Buffer[];
  /** Gets those in use, for whoever takes the order back. */
  readonly streams: Stream[];
  readonly signal: AbortSignal;
  /** The worker ended the stream and has read nothing. */
  readonly onRefused: () => void;
}

/**
 * Sends each message on a stream of its own.
 * @returns why nothing of it can have arrived; `null`: it has, or `onRefused` tells
 * @throws when it is not known whether it has
 */
async function deliver(swarm: Swarm, peerId: string, delivery: Delivery): Promise<string | null> {
  const { messages, streams, signal, onRefused } = delivery;
  const [message] = messages;
  if (message !== undefined && messages.length === 1) {
    const onStream = (stream: Stream): void => {
      streams.push(stream);
      watchRefusal(stream, onRefused);
    };
    try {
      await swarm.send(peerId, B7S_PROTOCOL, message, signal, onStream);
    } catch (error) {
      if (streams.length === 0) return messageOf(error);
      throw error;
    }
    return null;
  }
  try {
    for (const _message of messages) streams.push(await swarm.open(peerId, B7S_PROTOCOL, signal));
  } catch (error) {
    for (const stream of streams) stream.abort(new Error('another stream was not taken'));
    return messageOf(error);
  }
  await Promise.all(streams.map((stream, i) => write(stream, messages[i] ?? Buffer.alloc(0), signal)));
  return null;
}

/** Characters of it. */
const MAX_AGREEMENT = 128;

/** A stream that is reset before its protocol was agreed was read by nobody. */
function watchRefusal(stream: Stream, onRefused: () => void): void {
  if (stream.protocol !== '') return;
  // Agreeing is saying its name; nothing longer is read.
  let said = '';
  stream.addEventListener('message', ({ data }) => {
    if (said.length < MAX_AGREEMENT) said += Buffer.from(data.subarray()).toString('latin1', 0, MAX_AGREEMENT);
  });
  stream.addEventListener('close', ({ error, local }) => {
    if (error !== undefined && local !== true && !said.includes(B7S_PROTOCOL)) onRefused();
  });
}

/** Writes all and half-closes; the worker closes its half once it has worked. */
async function write(stream: Stream, bytes: Buffer, signal: AbortSignal): Promise<void> {
  try {
    stream.send(bytes);
    await stream.close({ signal });
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw new InferbaseError('ERR_NOT_ENOUGH_NODES', 'it went away while it was sent the order', { cause: error });
  }
}

function neverSent(requestId: string, message: string): WorkAnswer {
  return { requestId, code: '503', outcome: null, message, attestation: null };
}

/** b7s's code of nothing to say, in place of an answer that never comes here. */
function toldPrimary(requestId: string): WorkAnswer {
  const message =
    'a worker of the inference base image gives its result to the primary of the cluster, not to the head';
  return { requestId, code: '204', outcome: null, message, attestation: null };
}

/** A Go node signs and compares what it has fields for: of an order with more it would take the signature for a wrong one. */
function unreadBy({ requestId, request: { config } }: WorkOrder): WorkAnswer | null {
  const { permissions, inferbase } = config ?? {};
  if (inferbase === undefined && permissions?.length !== 0) return null;
  const what = inferbase === undefined ? 'an empty list config.permissions' : 'config.inferbase';
  const message = `the request has ${what}, which nodes of b7s cannot check in a cluster; leave it out, or name our workers in work.workers`;
  return { requestId, code: '400', outcome: null, message, attestation: null };
}

function cancelled({ reason }: AbortSignal): InferbaseError {
  return reason instanceof InferbaseError ? reason : new InferbaseError('ERR_CANCELLED', 'the order was taken back');
}

/** Not the id of any request. */
function installed(cid = ''): string {
  return `install ${cid}`;
}

function unexpected(what: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', what);
}
