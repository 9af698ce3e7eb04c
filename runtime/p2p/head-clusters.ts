import { LRUCache } from 'lru-cache';
import { InferbaseError, messageOf } from '../core/errors.ts';
import type { Cluster, Joined } from '../core/work.ts';
import type { FormClusterResponseMessage } from '../wire/messages/cluster.ts';
import { MAX_CODE, requestIdOf, shortened } from '../wire/messages/required.ts';
import type { OpenOrder, OpenOrders } from './open-orders.ts';
import type { OrderMessages } from './order-messages.ts';
import { B7S_PROTOCOL, type Swarm } from './swarm.ts';

/** The consensus clusters that a head has formed on the b7s wire and has not disbanded. */
export interface HeadClusters {
  /** As `WorkerNetwork.formCluster`. */
  form(
    cluster: Cluster,
    options: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<readonly Joined[]>;
  /** As `WorkerNetwork.disbandCluster`. */
  disband(cluster: Pick<Cluster, 'requestId' | 'peers'>): Promise<void>;
  /** A worker said whether it takes part. @returns whether it was asked and had not answered */
  hear(message: FormClusterResponseMessage, from: string): boolean;
  /** What waits for the answer of a member, once; `null`: there is none. */
  order(requestId: string, peerId: string): OpenOrder | null;
  /** Whether a message that nobody waits for is no fault: a member may be late, and Go replicas answer again when asked again. */
  excuses(requestId: string, peerId: string): boolean;
  /** A worker went, or all. */
  lose(peerId?: string): void;
}

interface Components {
  readonly swarm: Pick<Swarm, 'peerId' | 'send' | 'addresses'>;
  readonly orders: OpenOrders;
  readonly messages: Pick<OrderMessages, 'encodeForMembers'>;
  /** Told of a message that did not get to a worker. */
  readonly drop: (peerId: string, error: unknown) => void;
}

interface Formed {
  /** Those that have not answered yet. */
  readonly asked: Map<string, (code: string) => void>;
  /**
   * A member may have what its neighbours agreed on before it has the head's order, and answers it: that answer is waited
   * for from the beginning. It comes once with a signature that holds; v0.6.2 of b7s does not sign it again.
   */
  readonly orders: Map<string, OpenOrder>;
}

/** How long one message to a member may take, in ms; b7s's consensusClusterSendTimeout. */
const SEND_MS = 10_000;
const NO_ANSWER = '';
/** Messages without use that each member may send of one cluster, and of how many clusters that is remembered. */
const EXCUSED = 3;
const MAX_EXCUSED = 256;

/** None yet. */
export function createHeadClusters({ swarm, orders, messages, drop }: Components): HeadClusters {
  const formed = new Map<string, Formed>();
  /** Request id → what is left of that, by member. */
  const excused = new LRUCache<string, Map<string, number>>({ max: MAX_EXCUSED });

  async function ask(peerId: string, message: Buffer, signal: AbortSignal, answered: Promise<string>): Promise<Joined> {
    try {
      await swarm.send(peerId, B7S_PROTOCOL, message, signal);
    } catch (error) {
      if (!signal.aborted) drop(peerId, error);
      return { peerId, code: NO_ANSWER };
    }
    return { peerId, code: await answered };
  }

  return {
    async form({ requestId, peers, consensus }, { waitMs, signal }) {
      signal.throwIfAborted();
      if (formed.has(requestId)) throw new InferbaseError('ERR_INVALID_REQUEST', `${requestId} has a cluster already.`);
      const cluster: Formed = { asked: new Map(), orders: new Map() };
      formed.set(requestId, cluster);
      excused.set(requestId, new Map(peers.map((peerId) => [peerId, EXCUSED])));
      for (const peerId of peers) cluster.orders.set(peerId, orders.open(peerId, requestId));
      const connection_info = await Promise.all(
        peers.map(async (id) => ({ id, addrs: await swarm.addresses(id).catch(() => []) })),
      );
      // Disbanded by now: whom this still reached would be in a cluster that nobody ends.
      signal.throwIfAborted();
      const message = { type: 'MsgFormCluster', request_id: requestId, peers, consensus, connection_info } as const;
      const encode = messages.encodeForMembers(message);
      const over = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
      const giveUp = (): void => {
        for (const answer of cluster.asked.values()) answer(NO_ANSWER);
      };
      over.addEventListener('abort', giveUp, { once: true });
      try {
        const answers = peers.map((peerId) => {
          const { promise, resolve } = Promise.withResolvers<string>();
          cluster.asked.set(peerId, resolve);
          return ask(peerId, encode(peerId), over, promise);
        });
        if (over.aborted) giveUp();
        return await Promise.all(answers);
      } finally {
        over.removeEventListener('abort', giveUp);
        cluster.asked.clear();
        signal.throwIfAborted();
      }
    },

    async disband({ requestId, peers }) {
      const cluster = formed.get(requestId);
      formed.delete(requestId);
      for (const order of cluster?.orders.values() ?? []) order.close();
      const encode = messages.encodeForMembers({ type: 'MsgDisbandCluster', request_id: requestId });
      const over = AbortSignal.timeout(SEND_MS);
      await Promise.all(
        peers.map(async (peerId) => {
          try {
            await swarm.send(peerId, B7S_PROTOCOL, encode(peerId), over);
          } catch (error) {
            drop(peerId, new Error(`the disbanding of a cluster: ${messageOf(error)}`));
          }
        }),
      );
    },

    hear(message, from) {
      const asked = formed.get(requestIdOf(message))?.asked;
      const answer = asked?.get(from);
      if (asked === undefined || answer === undefined) return false;
      asked.delete(from);
      // Whoever answers has a code: an empty one would read as silence.
      answer(shortened(message.code, MAX_CODE) || '500');
      return true;
    },

    order(requestId, peerId) {
      const waiting = formed.get(requestId)?.orders;
      const order = waiting?.get(peerId) ?? null;
      waiting?.delete(peerId);
      return order;
    },

    excuses(requestId, peerId) {
      const members = excused.get(requestId);
      const left = members?.get(peerId) ?? 0;
      if (left > 0) members?.set(peerId, left - 1);
      return left > 0;
    },

    lose(peerId) {
      for (const { asked } of formed.values()) {
        for (const [id, answer] of asked) {
          if (peerId !== undefined && id !== peerId) continue;
          asked.delete(id);
          answer(NO_ANSWER);
        }
      }
    },
  };
}
