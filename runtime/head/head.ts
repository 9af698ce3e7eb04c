import { setTimeout as delay } from 'node:timers/promises';
import { aggregate, parseAggregation } from '../core/aggregation/aggregation.ts';
import { parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { ExecuteReply, ExecuteRequest, InferenceNode, PeerResult } from '../core/node.ts';
import { gossipTopic, type RollCall, type WorkerNetwork, type WorkOrder } from '../core/work.ts';
import type { KeptResults } from '../services/kept-results/kept-results.ts';
import { signRequest } from '../wire/messages/signed-messages.ts';
import { checkAsked, checkTopic, rollCallOf, windowOf } from './asked.ts';
import { checkReplicas, LEAST_REPLICAS, replicasOf, withCluster } from './cluster.ts';
import { createCrews } from './crew.ts';
import { type GatherComponents, type Gathered, type GatherInit, startGathering } from './gather.ts';
import { type GatheredByCluster, gatherAgreed } from './gather-agreed.ts';
import { createLoads } from './loads.ts';
import { createOutputRoom } from './output-room.ts';
import { commonRefusal, remarksOn } from './remarks.ts';
import { shareRollCalls } from './shared-roll-calls.ts';

export interface HeadComponents {
  /** base58 peer id of this node. */
  readonly peerId: string;
  readonly network: WorkerNetwork;
  /** Ed25519 of this node over a text, hex. */
  readonly sign: (text: string) => string;
  /** Results of the last requests. */
  readonly results: KeptResults;
}

export interface HeadInit {
  /** How long workers have to say that they can, where a request does not say, in ms. */
  readonly rollCallMs: number;
  /** How long to wait for results, in ms. */
  readonly executionMs: number;
  /** base58 peer ids of the workers that get work; none: any. */
  readonly workers: readonly string[];
  /** Whether requests that name PBFT are run by it; default `none`: they are run without, which they are told. */
  readonly consensus?: 'pbft' | 'none';
  /** How long workers have to say that they are in a cluster, in ms; default 10 000. */
  readonly joinMs?: number;
  /** How long answers to roll calls hold of workers whose answers do, in ms; default 1 000. */
  readonly keepMs?: number;
  /** Requests at once; default 16 384. */
  readonly maxRequests?: number;
  /** Bytes of the results of one request, and a quarter of those of all under way; default 64 MiB. */
  readonly outputBytes?: number;
}

export interface Head extends InferenceNode {
  /** Ends requests under way with `ERR_CLOSED`; resolves once their clusters are told to disband, or soon. */
  close(): Promise<void>;
}

const KEEP_MS = 1_000;
const MAX_REQUESTS = 16_384;
const OUTPUT_BYTES = 64 * 1_048_576;
/** An execution that ends at the deadline it was given still has to arrive: this much of the wait, and at most so many ms. */
const GRACE = 0.25;
const MAX_GRACE_MS = 500;
/** b7s's, for a threshold that is none. */
const DEFAULT_THRESHOLD = 0.6;
/** How long results are added that come after the reply, in ms, and of how many requests at once. */
const LATE_MS = 60_000;
const MAX_LATE = 1_024;
/** How long closing waits for clusters to be told that they are disbanded, in ms. */
const DISBAND_MS = 1_000;

/** The use cases of a head: it asks workers by roll call, hands out the work, and puts the answers together. */
export function createHead(components: HeadComponents, init: HeadInit): Head {
  const { peerId, network, results, sign } = components;
  const { rollCallMs, executionMs, joinMs, maxRequests = MAX_REQUESTS } = init;
  const allowed = new Set(init.workers);
  const loads = createLoads();
  const { outputBytes = OUTPUT_BYTES } = init;
  const rooms = createOutputRoom({ ofOne: outputBytes, ofAll: 4 * outputBytes });
  const crews = createCrews(
    { network: shareRollCalls(network), loads },
    { keepMs: init.keepMs ?? KEEP_MS, isAllowed: (id) => allowed.size === 0 || allowed.has(id) },
  );
  /** Requests under way, and those that are answered and still have orders out. */
  const underWay = new Set<AbortController>();
  const late = new Map<AbortController, NodeJS.Timeout>();
  /** Clusters, and the word to their members that they are none any more. */
  const clustered = new Set<Promise<unknown>>();
  let isClosed = false;

  async function run(request: ExecuteRequest, requestId: string, controller: AbortController): Promise<ExecuteReply> {
    const { signal } = controller;
    const aggregation = parseAggregation(request.body.config?.result_aggregation);
    const windowMs = windowOf(request, rollCallMs);
    const wanted = Math.max(0, request.nodeCount);
    const isPbft = init.consensus === 'pbft' && request.consensus === 'pbft';
    if (isPbft) checkReplicas(wanted);
    const call = rollCallOf(request, { requestId, consensus: isPbft ? 2 : 0 });
    const crew = crews.assemble(call, { windowMs, signal });
    const room = rooms.open();
    const options = {
      waitMs: executionMs + Math.min(MAX_GRACE_MS, GRACE * executionMs),
      signal,
      // Where all were asked for, nobody is left to step in, and a cluster takes nobody in.
      replace: async (id: string) => {
        if (wanted > 0 && !isPbft) return await crew.replace(id);
        crew.drop(id);
        return null;
      },
      onLate: (result: PeerResult) => results.add(requestId, result),
      onEnd: () => forget(controller),
    };
    const orderFor = (workers: readonly string[]): WorkOrder =>
      orderOf(request, { call, workers, deadlineMs: executionMs });

    async function gatherPlainly(): Promise<Gathered> {
      const gathering = startGathering({ network, loads, room }, { ...options, order: orderFor([]) });
      // Who gets it is not chosen where all do, so that none waits for the word of the others.
      const workers = await crew.take(wanted, wanted === 0 ? { onAble: gathering.give } : {});
      return await gathering.finish(workers, orderFor(workers));
    }

    async function gatherByCluster(): Promise<GatheredByCluster> {
      const workers = replicasOf(await crew.take(wanted, { least: LEAST_REPLICAS }), { isChosen: wanted > 0 });
      const order = forReplicas(orderFor(workers), sign);
      return await gatherInCluster({ network, loads, room }, { ...options, order, workers });
    }

    try {
      const gathered: Gathered & Partial<GatheredByCluster> = await (isPbft ? gatherByCluster() : gatherPlainly());
      const refusal = commonRefusal(gathered);
      if (refusal !== null) throw refusal;
      if (gathered.results.length > 0) results.set(requestId, gathered.results);
      if (gathered.isOpen) lingers(controller);
      return {
        requestId,
        code: isPbft ? clusterCode(gathered) : codeOf(request, gathered),
        results: gathered.results,
        cluster: gathered.workers,
        remarks: remarksOn(isPbft ? { consensus: '' } : request, gathered, executionMs),
        ...(aggregation !== null && { aggregate: aggregate(aggregation, gathered.results) }),
      };
    } catch (error) {
      // Orders that are out are for nobody any more.
      controller.abort(error);
      throw error;
    } finally {
      room.close();
      crew.close();
    }
  }

  async function gatherInCluster(components: GatherComponents, init: GatherInit): Promise<GatheredByCluster> {
    const { order, workers, signal } = init;
    const cluster = { requestId: order.requestId, peers: workers, consensus: 2 } as const;
    const options = { signal, joinMs, onAbsent, onDisbanding: keepTrack };
    const gathering = withCluster(network, cluster, options, () => gatherAgreed(components, init));
    keepTrack(gathering);
    return await gathering;
  }

  /** A word that is broken, as if the worker had refused an order. */
  function onAbsent(peerId: string): void {
    const given = loads.begin(peerId);
    given.broken();
    given.end();
  }

  async function allDisbanded(): Promise<void> {
    while (clustered.size > 0) await Promise.all(clustered);
  }

  /** Closing waits for it. */
  function keepTrack(promise: Promise<unknown>): void {
    const settled = promise.catch(() => {}).finally(() => clustered.delete(settled));
    clustered.add(settled);
  }

  /** Orders that are out may still be answered, for a while. */
  function lingers(controller: AbortController): void {
    late.set(controller, setTimeout(() => giveUp(controller), LATE_MS).unref());
    const [oldest] = late.keys();
    if (late.size > MAX_LATE && oldest !== undefined) giveUp(oldest);
  }

  function forget(controller: AbortController): void {
    clearTimeout(late.get(controller));
    late.delete(controller);
  }

  function giveUp(controller: AbortController): void {
    forget(controller);
    controller.abort(new InferbaseError('ERR_CANCELLED', 'the results came too late'));
  }

  return {
    peerId,
    async execute(request, { requestId, signal }) {
      if (isClosed) throw closed();
      checkAsked(request);
      if (underWay.size >= maxRequests) {
        throw new InferbaseError('ERR_BUSY', `busy: ${underWay.size} requests are under way; retry later`);
      }
      const controller = new AbortController();
      const onAbort = (): void => controller.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      underWay.add(controller);
      try {
        return await run(request, requestId, controller);
      } finally {
        underWay.delete(controller);
        signal.removeEventListener('abort', onAbort);
      }
    },
    async install(cid, { topic, uri }) {
      if (isClosed) throw closed();
      parseCid(cid);
      checkTopic(topic);
      const manifestUrl = uri === '' ? `https://${cid}.ipfs.w3s.link/manifest.json` : uri;
      await network.install({ cid, manifestUrl, topic: gossipTopic(topic) });
    },
    results: async (requestId) => await results.get(requestId),
    workers: async (topic) => await network.workers(topic),
    async close() {
      isClosed = true;
      for (const controller of [...underWay, ...late.keys()]) {
        forget(controller);
        controller.abort(closed());
      }
      await Promise.race([allDisbanded(), delay(DISBAND_MS, undefined, { ref: false })]);
    },
  };
}

function closed(): InferbaseError {
  return new InferbaseError('ERR_CLOSED', 'the node is closing; send the request again later');
}

interface OrderInit {
  readonly call: RollCall;
  readonly workers: readonly string[];
  readonly deadlineMs: number;
}

/** Without the name of a consensus, for which workers would wait, and without a signature of somebody else. */
function orderOf({ body }: ExecuteRequest, { call, workers, deadlineMs }: OrderInit): WorkOrder {
  const { signature: _signature, config: { consensus_algorithm: _consensus, ...config } = {}, ...rest } = body;
  return {
    requestId: call.requestId,
    topic: call.topic,
    request: { ...rest, config },
    peers: workers,
    timestamp: new Date().toISOString(),
    deadlineMs,
  };
}

/** The same order for the replicas of a PBFT cluster, which take only what its head has signed. */
function forReplicas(order: WorkOrder, sign: (text: string) => string): WorkOrder {
  const { config } = order.request;
  const request = signRequest({ ...order.request, config: { ...config, consensus_algorithm: 'PBFT' } }, sign);
  return { ...order, request, consensus: 2 };
}

/** `200` as well where only the primary knows the results: the inference base image answers so. */
function clusterCode({ results, isUnknown = false }: Gathered & Partial<GatheredByCluster>): ExecuteReply['code'] {
  return results.length > 0 || isUnknown ? '200' : '204';
}

function codeOf({ body }: ExecuteRequest, { results, workers }: Gathered): ExecuteReply['code'] {
  const [responded, asked] = [results.length, workers.length];
  if (responded === 0) return '204';
  const { threshold = DEFAULT_THRESHOLD } = body.config ?? {};
  const wanted = threshold > 0 && threshold <= 1 ? threshold : DEFAULT_THRESHOLD;
  return responded / asked < wanted ? '206' : '200';
}
