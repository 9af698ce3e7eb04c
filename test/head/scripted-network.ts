import { hash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { ExecuteReply, ExecuteRequest, PeerResult } from '../../runtime/core/node.ts';
import type {
  Cluster,
  RollCall,
  RollCallAnswer,
  WorkAnswer,
  WorkerNetwork,
  WorkOrder,
} from '../../runtime/core/work.ts';
import { createHead, type Head, type HeadComponents, type HeadInit } from '../../runtime/head/head.ts';
import { createKeptResults } from '../../runtime/services/kept-results/kept-results.ts';
import { toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { outcome } from '../http/stub-node.ts';

export const FUNCTION = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e';

/** What one worker does; by default it can, is idle, and answers with its own name. */
export interface Script {
  /** To a roll call; several: one after the other. `null`: silence. */
  answer?(call: RollCall, times: number): Partial<RollCallAnswer> | readonly Partial<RollCallAnswer>[] | null;
  /** How long it thinks about a roll call, in ms. */
  readonly answerMs?: number;
  /** How long after a roll call it leaves, in ms; it never does by default. */
  readonly leavesAfterMs?: number;
  /** Code with which it answers when it is asked into a cluster; `''`: no answer. Default `200`. */
  readonly joins?: string;
  /** What it makes of an order. */
  work?(order: WorkOrder, signal: AbortSignal): Promise<Partial<WorkAnswer>> | Partial<WorkAnswer>;
}

export interface ScriptedNetwork extends WorkerNetwork {
  readonly calls: RollCall[];
  readonly orders: { readonly peerId: string; readonly order: WorkOrder }[];
  readonly installs: Parameters<WorkerNetwork['install']>[0][];
  readonly clusters: Cluster[];
  /** Request ids of clusters that were disbanded. */
  readonly disbanded: string[];
  /** Orders whose signals aborted. */
  readonly aborted: string[];
}

/** Workers that do what a test says; all of them subscribe to every topic, unless `subscribers` says otherwise. */
export function scriptedNetwork(
  workers: Readonly<Record<string, Script>>,
  subscribers: () => readonly string[] = () => Object.keys(workers),
): ScriptedNetwork {
  const network: ScriptedNetwork = {
    calls: [],
    orders: [],
    installs: [],
    clusters: [],
    disbanded: [],
    aborted: [],
    async rollCall(call, onAnswer, signal, onGone = () => {}) {
      network.calls.push(call);
      const times = network.calls.length;
      /** Of those that think equally long, one timer: a busy machine may put any time between two. */
      const thought = new Map<number, Promise<void>>();
      const think = (ms: number): Promise<void> => {
        const known = thought.get(ms) ?? setTimeout(ms);
        thought.set(ms, known);
        return known;
      };
      for (const [peerId, script] of Object.entries(workers)) {
        const given = script.answer === undefined ? {} : script.answer(call, times);
        const answers = given === null ? [] : Array.isArray(given) ? given : [given];
        if (script.leavesAfterMs !== undefined) {
          void setTimeout(script.leavesAfterMs).then(() => signal.aborted || onGone(peerId));
        }
        void (async () => {
          await think(script.answerMs ?? 0);
          const { requestId, functionId } = call;
          for (const answer of answers) {
            if (signal.aborted) return;
            onAnswer({ peerId, requestId, functionId, code: '202', load: 0, lasting: false, ...answer });
          }
        })();
      }
      return subscribers();
    },
    async order(peerId, order, signal) {
      network.orders.push({ peerId, order });
      signal.addEventListener('abort', () => network.aborted.push(peerId));
      const work = workers[peerId]?.work;
      const ran = { requestId: order.requestId, code: '200', message: '', attestation: null };
      if (work === undefined) return { ...ran, outcome: printed(peerId) };
      return { ...ran, outcome: null, ...(await work(order, signal)) };
    },
    async formCluster(cluster, { signal }) {
      network.clusters.push(cluster);
      await setTimeout(0);
      signal.throwIfAborted();
      return cluster.peers.map((peerId) => ({ peerId, code: workers[peerId]?.joins ?? '200' }));
    },
    async disbandCluster({ requestId }) {
      network.disbanded.push(requestId);
    },
    async install(order) {
      network.installs.push(order);
    },
    workers: async () => subscribers(),
  };
  return network;
}

export function printed(text: string): PeerResult['outcome'] {
  return outcome({ stdout: Buffer.from(text) });
}

/** Never answers; ends when it is told to. */
export function silent(_order: WorkOrder, signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new InferbaseError('ERR_CANCELLED', 'told to end')));
  });
}

/** Is lost while it works. */
export function lost(): never {
  throw new InferbaseError('ERR_NOT_ENOUGH_NODES', 'it went away before it answered');
}

/** A head over these workers. */
export function scriptedHead(
  network: WorkerNetwork,
  init: Partial<HeadInit> = {},
  components: Partial<HeadComponents> = {},
): Head {
  const results = createKeptResults({ folder: null, log: () => {} });
  return createHead(
    { peerId: 'head', network, results, sign: (text) => `signed ${hash('sha256', text)}`, ...components },
    { rollCallMs: 300, executionMs: 300, workers: [], ...init },
  );
}

/** The request of a body, as `http/` would read it. */
export function requestOf(body: Parameters<typeof toExecuteRequest>[0] = {}): ExecuteRequest {
  return toExecuteRequest({ function_id: FUNCTION, method: 'x.wasm', topic: '1', ...body });
}

let requests = 0;

export async function execute(
  head: Pick<Head, 'execute'>,
  config: NonNullable<Parameters<typeof toExecuteRequest>[0]['config']> = {},
  options: { readonly signal?: AbortSignal; readonly requestId?: string } = {},
): Promise<ExecuteReply> {
  const { signal = new AbortController().signal, requestId = `request-${++requests}` } = options;
  return await head.execute(requestOf({ config }), { requestId, signal });
}

/** Who printed what, sorted. */
export function texts({ results }: Pick<ExecuteReply, 'results'>): string[] {
  return results.map(({ peerId, outcome: { stdout } }) => `${peerId}: ${Buffer.from(stdout)}`).sort();
}
