import { InferbaseError, messageOf } from '../core/errors.ts';
import { neverRan } from '../core/wire-code.ts';
import { GENERAL_TOPIC, gossipTopic, type WorkAnswer, type WorkerService, type WorkOrder } from '../core/work.ts';
import { createLineBudget } from '../telemetry/line-budget.ts';
import type { Dialect } from '../wire/messages/envelope.ts';
import type { InstallMessage } from '../wire/messages/install.ts';
import { channelOf, decodeMessage, dialectOf, encodeMessage, type Message } from '../wire/messages/message.ts';
import { requestIdOf } from '../wire/messages/required.ts';
import { type RollCallMessage, rollCallAnswerMessage, toRollCall } from '../wire/messages/roll-call.ts';
import { requestSignatureFlaw } from '../wire/messages/signed-messages.ts';
import {
  type ExecuteResponseMessage,
  executeResponseMessage,
  workOrderResponseMessage,
} from '../wire/messages/work-answer.ts';
import {
  type ExecuteMessage,
  isClientRequest,
  toWorkOrder,
  type WorkOrderMessage,
} from '../wire/messages/work-order.ts';
import { type ClustersInit, createClusters } from './cluster/clusters.ts';
import { createHeadAccounts } from './head-accounts.ts';
import { B7S_PROTOCOL, type Swarm } from './swarm.ts';

export interface B7sWorkerInit
  extends Pick<
    ClustersInit,
    | 'consensus'
    | 'heads'
    | 'trusted'
    | 'deadlineMs'
    | 'patienceMs'
    | 'reachMs'
    | 'idleMs'
    | 'maxClusters'
    | 'maxHeldBytes'
  > {
  /** Topics beside the general one, as in `work.topics`. */
  readonly topics: readonly string[];
  /** This node also takes orders on streams that are kept; heads of our own are told so. */
  readonly lasting: boolean;
  /** Largest message of a head; default 32 MiB: a request with the longest standard input, escaped. */
  readonly maxMessageBytes?: number;
  readonly log: (line: string, fields?: object) => void;
}

const MAX_MESSAGE_BYTES = 32 * 1_048_576;
/** Lines of the log that one peer may cause. */
const PEER_LINES = { lines: 10, windowMs: 60_000 } as const;

/**
 * A worker on the b7s wire: it hears roll calls and install orders by gossip, takes work on streams, and answers each in the
 * dialect it was asked in.
 *
 * Answers go to the author of a gossip or the sender of a stream, and nowhere else: both are proven by signature or
 * handshake. A roll call that names another peer as its `origin` is dropped, or anybody could have a thousand workers
 * write to a third party; the Go heads always name themselves. A head that goes ends what it ordered. What is run by PBFT
 * is answered by the cluster that it has formed.
 * @returns once it takes messages
 */
export async function createB7sWorker(
  { swarm, service }: { readonly swarm: Swarm; readonly service: WorkerService },
  init: B7sWorkerInit,
): Promise<{ stop(): void }> {
  const tell = createLineBudget((line, fields: object) => init.log(line, fields), PEER_LINES);
  const accounts = createHeadAccounts();
  const maxMessageBytes = init.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const clusters = createClusters(
    { swarm, service, send },
    {
      ...init,
      maxMessageBytes,
      log(line, fields = {}) {
        const { peer } = fields as { readonly peer?: unknown };
        if (typeof peer === 'string') tell(peer, line, fields);
        else init.log(line, fields);
      },
    },
  );
  let stopped = false;

  async function send(peer: string, message: Message, dialect: Dialect): Promise<void> {
    const { type } = message;
    const bytes = encodeMessage(message, dialect);
    const sent = accounts.send(peer, bytes.length);
    if (sent === null) {
      tell(peer, 'an answer was dropped: its head takes them too slowly', { peer, type });
      return;
    }
    try {
      await swarm.send(peer, B7S_PROTOCOL, bytes);
    } catch (error) {
      tell(peer, `an answer was not delivered: ${messageOf(error)}`, { peer, type });
    } finally {
      sent();
    }
  }

  /** Answers a question of a head, unless it has too many open. */
  async function answer(from: string, asked: Message, work: () => Promise<Message | null>): Promise<void> {
    const over = accounts.hear(from);
    if (over === null) {
      tell(from, 'messages of a head were dropped: too many are unanswered', { peer: from, type: asked.type });
      return;
    }
    try {
      const said = await work();
      if (said !== null) await send(from, said, dialectOf(asked));
    } finally {
      over();
    }
  }

  async function onRollCall(message: RollCallMessage, author: string, topic: string): Promise<void> {
    if (message.origin !== undefined && message.origin !== author) {
      throw new InferbaseError('ERR_INVALID_REQUEST', 'A roll call names another peer as its origin');
    }
    const call = toRollCall(message, topic);
    clusters.called(call.requestId, author);
    await answer(author, message, async () => {
      const said = await service.rollCall(call, author);
      if (said === null) return null;
      const { requestId, functionId } = call;
      return rollCallAnswerMessage({ requestId, functionId, ...said, lasting: init.lasting });
    });
  }

  async function onInstall(message: InstallMessage, from: string): Promise<void> {
    const { cid = '' } = message;
    if (cid === '')
      throw new InferbaseError('ERR_INVALID_REQUEST', 'An install order has no CID to check bytes against');
    await answer(from, message, async () => {
      const said = await service.install(cid, from);
      return said === null ? null : { type: 'MsgInstallFunctionResponse', ...said, cid };
    });
  }

  async function onOrder(message: ExecuteMessage | WorkOrderMessage, from: string): Promise<void> {
    if (message.type === 'MsgExecute' && isClientRequest(message)) {
      throw new InferbaseError('ERR_INVALID_REQUEST', 'A request without an id came to a worker; heads take those');
    }
    const done = await execute(message, from);
    if (done === null) return;
    if (message.type === 'MsgWorkOrder') await send(from, workOrderResponseMessage(done), 'c');
    else await send(from, executeResponseMessage(done, swarm.peerId), dialectOf(message));
  }

  /** `null`: its head is gone, or it is answered by its cluster. */
  async function execute(message: ExecuteMessage | WorkOrderMessage, from: string): Promise<WorkAnswer | null> {
    const requestId = requestIdOf(message);
    const taken = accounts.order(from);
    if (taken === null) {
      const busy = 'busy: this head has too many orders in work; retry later, or ask another worker';
      return neverRan(requestId, new InferbaseError('ERR_BUSY', busy));
    }
    try {
      const order: WorkOrder = toWorkOrder(message);
      const flaw = requestSignatureFlaw(order.request, from);
      if (flaw !== null) {
        throw new InferbaseError(
          'ERR_PERMISSION_DENIED',
          `the order is signed, and not by the head it came from: ${flaw}`,
        );
      }
      const heard = await clusters.order(order, message.type, from);
      if (heard === 'inside') return null;
      const done = await service.execute(order, from, taken.signal);
      heard(done);
      return taken.signal.aborted ? null : done;
    } catch (error) {
      return neverRan(requestId, error);
    } finally {
      taken.over();
    }
  }

  function onReport(message: ExecuteResponseMessage, from: string): void {
    if (message.type === 'MsgExecuteResponseToPrimary') clusters.report(message, from);
    else throw new InferbaseError('ERR_INVALID_REQUEST', `${message.type} came to a worker; only heads take it`);
  }

  /** @param topic of the gossip; `null`: it came on a stream */
  async function receive(bytes: Uint8Array, from: string, topic: string | null): Promise<void> {
    const message = decodeMessage(bytes);
    const channel = channelOf(message.type);
    if (channel !== 'both' && (channel === 'gossip') !== (topic !== null)) {
      throw new InferbaseError(
        'ERR_INVALID_REQUEST',
        `${message.type} came ${topic === null ? 'on a stream' : 'by gossip'}, where it has no place`,
      );
    }
    switch (message.type) {
      case 'MsgRollCall':
        return await onRollCall(message, from, topic ?? '');
      case 'MsgInstallFunction':
        return await onInstall(message, from);
      case 'MsgExecute':
      case 'MsgWorkOrder':
        return await onOrder(message, from);
      case 'MsgFormCluster':
        return await answer(from, message, () => clusters.form(message, from));
      case 'MsgDisbandCluster':
        return clusters.disband(message, from);
      case 'MsgExecuteResponse':
      case 'MsgExecuteResponseToPrimary':
        return onReport(message, from);
      case 'MsgHealthCheck':
        // A head is alive.
        return;
      default:
        throw new InferbaseError('ERR_INVALID_REQUEST', `${message.type} came to a worker; only heads take it`);
    }
  }

  function hear(bytes: Uint8Array, from: string, topic: string | null): void {
    if (stopped) return;
    receive(bytes, from, topic).catch((error: unknown) => {
      swarm.blame(from);
      tell(from, `a message was dropped: ${messageOf(error)}`, { peer: from, ...(topic !== null && { topic }) });
    });
  }

  const stopGossip = swarm.onGossip(({ bytes, author, topic }) => hear(bytes, author, topic));
  const stopPeers = swarm.onPeers((peer, connected) => {
    if (connected) return;
    accounts.gone(peer);
    clusters.gone(peer);
  });
  await swarm.handle(B7S_PROTOCOL, maxMessageBytes, ({ bytes, from }) => hear(bytes, from, null));
  for (const topic of new Set([GENERAL_TOPIC, ...init.topics.map(gossipTopic)])) swarm.subscribe(topic);

  return {
    stop() {
      stopped = true;
      stopGossip();
      stopPeers();
      accounts.gone();
      clusters.stop();
    },
  };
}
