import { LRUCache } from 'lru-cache';
import { InferbaseError } from '../core/errors.ts';
import type { WorkAnswer } from '../core/work.ts';

/** Orders that workers have and have not answered. */
export interface OpenOrders {
  /**
   * Waits for an answer; from here on one is taken.
   * @throws InferbaseError `ERR_INVALID_REQUEST` when the worker has this order already
   */
  open(peerId: string, requestId: string): OpenOrder;
  /** Takes an answer. @returns whether it was waited for, if only until the order was given up */
  answer(peerId: string, answer: WorkAnswer): boolean;
  /** The worker went: its orders fail. Without a worker: all fail. */
  lose(peerId?: string): void;
}

export interface OpenOrder {
  readonly answered: Promise<WorkAnswer>;
  settle(answer: WorkAnswer): void;
  fail(error: unknown): void;
  /** Nobody waits any longer. */
  close(): void;
}

type Settle = PromiseWithResolvers<WorkAnswer>;

/** Orders that were given up and may still be answered, which is no fault of the worker: a client may have gone. */
const MAX_GIVEN_UP = 16_384;

/** None yet. An order is of one worker and one request: the answer of another worker is not for it. */
export function createOpenOrders(): OpenOrders {
  const byPeer = new Map<string, Map<string, Settle>>();
  const givenUp = new LRUCache<string, true>({ max: MAX_GIVEN_UP });

  function forget(peerId: string, requestId: string): void {
    const orders = byPeer.get(peerId);
    orders?.delete(requestId);
    if (orders?.size === 0) byPeer.delete(peerId);
  }

  return {
    open(peerId, requestId) {
      const orders = byPeer.get(peerId) ?? new Map<string, Settle>();
      if (orders.has(requestId)) {
        throw new InferbaseError('ERR_INVALID_REQUEST', `Worker ${peerId} has the order ${requestId} already.`);
      }
      const settle = Promise.withResolvers<WorkAnswer>();
      // It may fail before anybody waits.
      settle.promise.catch(() => {});
      orders.set(requestId, settle);
      byPeer.set(peerId, orders);
      return {
        answered: settle.promise,
        settle: settle.resolve,
        fail: settle.reject,
        close() {
          if (byPeer.get(peerId)?.get(requestId) !== settle) return;
          forget(peerId, requestId);
          givenUp.set(`${peerId} ${requestId}`, true);
        },
      };
    },
    answer(peerId, answer) {
      const settle = byPeer.get(peerId)?.get(answer.requestId);
      if (settle === undefined) return givenUp.delete(`${peerId} ${answer.requestId}`);
      forget(peerId, answer.requestId);
      settle.resolve(answer);
      return true;
    },
    lose(peerId) {
      const lost = peerId === undefined ? [...byPeer.keys()] : [peerId];
      for (const id of lost) {
        const orders = byPeer.get(id);
        byPeer.delete(id);
        for (const { reject } of orders?.values() ?? []) {
          reject(new InferbaseError('ERR_NOT_ENOUGH_NODES', 'it went away before it answered'));
        }
      }
    },
  };
}
