import type { RollCallAnswer, WorkerNetwork, WorkerService } from '../core/work.ts';
import type { LastingHead } from './lasting/head.ts';

/**
 * A head's network of workers: those of our own kind by the streams kept to them, all others by the b7s wire. A roll call
 * is published only where a subscriber of the topic has no such stream. What is run by consensus goes by the wire alone, as
 * the members of a cluster do among themselves.
 */
export function createNodeNetwork({
  lasting,
  b7s,
  subscribers,
}: {
  readonly lasting: LastingHead;
  readonly b7s: WorkerNetwork;
  /** base58 peer ids of the workers of a gossipsub topic: of its subscribers, those that are no heads. */
  readonly subscribers: (topic: string) => readonly string[];
}): WorkerNetwork {
  return {
    async rollCall(call, onAnswer, signal) {
      if (call.consensus !== 0) return await b7s.rollCall(call, onAnswer, signal);
      const workers = subscribers(call.topic);
      const heard = new Set<string>();
      const hear = (answer: RollCallAnswer): void => {
        if (heard.has(answer.peerId)) return;
        heard.add(answer.peerId);
        // It may have heard the published one first.
        onAnswer(answer.lasting === lasting.has(answer.peerId) ? answer : { ...answer, lasting: !answer.lasting });
      };
      const ours = workers.filter((peerId) => lasting.has(peerId));
      for (const peerId of ours) lasting.rollCall(peerId, call, { onAnswer: hear, signal });
      return ours.length > 0 && ours.length === workers.length ? workers : await b7s.rollCall(call, hear, signal);
    },
    order: (peerId, order, signal) =>
      order.consensus === undefined && lasting.has(peerId)
        ? lasting.order(peerId, order, signal)
        : b7s.order(peerId, order, signal),
    formCluster: (cluster, options) => b7s.formCluster(cluster, options),
    disbandCluster: (cluster) => b7s.disbandCluster(cluster),
    install: (order) => b7s.install(order),
    workers: (topic) => b7s.workers(topic),
  };
}

/** Roll calls that are remembered, to answer none of them twice. */
const MAX_HEARD = 8_192;

/** A worker that answers a roll call once, though it may hear it both by a kept stream and by gossip. */
export function answerOnce(service: WorkerService): WorkerService {
  const heard = new Set<string>();
  return {
    ...service,
    async rollCall(call, from) {
      const key = `${from} ${call.requestId}`;
      if (heard.has(key)) return null;
      heard.add(key);
      if (heard.size > MAX_HEARD) heard.delete(heard.values().next().value ?? '');
      return await service.rollCall(call, from);
    },
  };
}
