import type { RollCallAnswer, WorkerNetwork } from '../core/work.ts';
import type { Swarm } from './swarm.ts';

/** The network of a head that knows whom a roll call waits for. */
export interface AwaitedWorkers extends WorkerNetwork {
  stop(): void;
}

export interface AwaitedWorkersInit {
  /** A roll call that was open for less says nothing of those that did not answer it, in ms; default 500. */
  readonly fairMs?: number;
}

const FAIR_MS = 500;
/** Roll calls in a row, each answered by others, after which one that answered none is not waited for. */
const MAX_SILENCES = 3;
/** Subscribers that are remembered as silent. */
const MAX_SILENT = 4_096;

interface OpenCall {
  readonly topic: string;
  /** Subscribers that are here, whether they have answered or not. */
  readonly here: Set<string>;
  readonly onGone: (peerId: string) => void;
}

interface Silence {
  readonly calls: number;
  /** When the last of them ended, in ms since 1970. */
  readonly at: number;
}

/**
 * Tells of each subscriber that leaves during a roll call, and names none to wait for that never answers: a head of the
 * older stack subscribes as workers do, a worker may take no work from this head, and neither says so. It is asked all the
 * same; a word of it about work, and it is waited for again. So is one that left and came back.
 */
export function createAwaitedWorkers(
  {
    network,
    swarm,
  }: { readonly network: WorkerNetwork; readonly swarm: Pick<Swarm, 'subscribers' | 'onPeers' | 'heardAt'> },
  { fairMs = FAIR_MS }: AwaitedWorkersInit = {},
): AwaitedWorkers {
  const calls = new Set<OpenCall>();
  const silences = new Map<string, Silence>();

  const hasSpoken = (peerId: string, since: number): boolean => (swarm.heardAt(peerId) ?? 0) >= since;

  /** How many roll calls it has let pass without a word since. */
  function silencesOf(peerId: string): number {
    const silence = silences.get(peerId);
    return silence === undefined || hasSpoken(peerId, silence.at) ? 0 : silence.calls;
  }

  /** @param began when the roll call that it did not answer went out: of those open at once, one counts */
  function noteSilence(peerId: string, began: number): void {
    if (hasSpoken(peerId, began) || (silences.get(peerId)?.at ?? 0) > began) return;
    const calls = silencesOf(peerId) + 1;
    silences.delete(peerId);
    silences.set(peerId, { calls, at: Date.now() });
    if (silences.size > MAX_SILENT) silences.delete(silences.keys().next().value ?? '');
  }

  const stopPeers = swarm.onPeers((peerId, connected) => {
    if (!connected) silences.delete(peerId);
    for (const { topic, here, onGone } of calls) {
      if (!here.has(peerId) || (connected && swarm.subscribers(topic).includes(peerId))) continue;
      here.delete(peerId);
      onGone(peerId);
    }
  });

  return {
    async rollCall(call, onAnswer, signal, onGone = () => {}) {
      const answered = new Set<string>();
      const hear = (answer: RollCallAnswer): void => {
        answered.add(answer.peerId);
        silences.delete(answer.peerId);
        onAnswer(answer);
      };
      const asked = await network.rollCall(call, hear, signal);
      if (signal.aborted) return asked;
      const here = new Set(asked);
      const open = { topic: call.topic, here, onGone };
      const began = Date.now();
      calls.add(open);
      signal.addEventListener(
        'abort',
        () => {
          calls.delete(open);
          // A worker is silent where its attributes do not match, and one of the older stack where it is in a cluster.
          const tells = answered.size > 0 && call.attributes === null && call.consensus === 0;
          if (!tells || Date.now() - began < fairMs) return;
          for (const peerId of here) if (!answered.has(peerId)) noteSilence(peerId, began);
        },
        { once: true },
      );
      const awaited = asked.filter((peerId) => silencesOf(peerId) < MAX_SILENCES);
      return awaited.length === 0 ? asked : awaited;
    },
    order: (peerId, order, signal) => network.order(peerId, order, signal),
    formCluster: (cluster, options) => network.formCluster(cluster, options),
    disbandCluster: (cluster) => network.disbandCluster(cluster),
    install: (order) => network.install(order),
    workers: (topic) => network.workers(topic),
    stop: stopPeers,
  };
}
