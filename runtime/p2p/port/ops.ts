import type { ExecuteReply, ExecuteRequest, PeerResult } from '../../core/node.ts';
import { type OutcomeRow, packOutcome, unpackOutcome } from '../../core/packed-messages.ts';
import type {
  Cluster,
  Joined,
  PeerView,
  RollCall,
  RollCallAnswer,
  WorkAnswer,
  WorkerNetwork,
  WorkerService,
  WorkOrder,
} from '../../core/work.ts';
import type { Codec, Codecs } from './link.ts';
import { createOrderCodec } from './order-codec.ts';

/** Everything that the front thread and the thread of the libp2p host ask of each other. */

/** What the front thread asks: a head's view of its workers. */
export type NetworkOps = {
  /** Under way until it is taken back; the subscribers, and who of them leaves, come as notes between the answers. */
  readonly rollCall: {
    readonly payload: RollCall;
    readonly answer: null;
    readonly note: RollCallAnswer | { readonly subscribers: readonly string[] } | { readonly gone: string };
  };
  readonly order: {
    readonly payload: { readonly peerId: string; readonly order: WorkOrder };
    readonly answer: WorkAnswer;
  };
  readonly formCluster: {
    readonly payload: { readonly cluster: Cluster; readonly waitMs: number };
    readonly answer: readonly Joined[];
  };
  readonly disbandCluster: {
    readonly payload: Parameters<WorkerNetwork['disbandCluster']>[0];
    readonly answer: null;
  };
  readonly install: { readonly payload: Parameters<WorkerNetwork['install']>[0]; readonly answer: null };
  readonly workers: { readonly payload: { readonly topic: string }; readonly answer: readonly string[] };
  readonly peers: { readonly payload: null; readonly answer: readonly PeerView[] };
};

/** What the thread of the host asks: a worker's use cases, and those of a head that p2p clients may call. */
export type NodeOps = {
  readonly answerRollCall: {
    readonly payload: { readonly call: RollCall; readonly from: string };
    readonly answer: Awaited<ReturnType<WorkerService['rollCall']>>;
  };
  readonly execute: {
    readonly payload: { readonly order: WorkOrder; readonly from: string };
    readonly answer: WorkAnswer;
  };
  readonly installHere: {
    readonly payload: { readonly cid: string; readonly from: string };
    readonly answer: Awaited<ReturnType<WorkerService['install']>>;
  };
  readonly clientRequest: {
    readonly payload: { readonly request: ExecuteRequest; readonly requestId: string };
    readonly answer: ExecuteReply;
  };
};

type Buffers = readonly Uint8Array[];

const workAnswer: Codec = {
  pack(value, buffers) {
    const answer = value as WorkAnswer;
    return answer.outcome === null ? answer : { ...answer, outcome: packOutcome(0, answer.outcome, buffers) };
  },
  unpack(packed, buffers) {
    const { outcome, ...rest } = packed as Omit<WorkAnswer, 'outcome'> & { outcome: OutcomeRow | null };
    return { ...rest, outcome: outcome === null ? null : unpackOutcome(outcome, buffers) };
  },
};

/** Standard input by its index, if there is any. */
const clientRequest: Codec = {
  pack(value, buffers) {
    const { requestId, request } = value as NodeOps['clientRequest']['payload'];
    const stdin = request.stdin.length === 0 ? null : buffers.push(request.stdin) - 1;
    return { requestId, request: { ...request, stdin } };
  },
  unpack(packed, buffers) {
    const { requestId, request } = packed as { requestId: string; request: { stdin: number | null } };
    return { requestId, request: { ...request, stdin: bufferAt(buffers, request.stdin) } };
  },
};

const executeReply: Codec = {
  pack(value, buffers) {
    const reply = value as ExecuteReply;
    const results = reply.results.map((result) => ({ ...result, outcome: packOutcome(0, result.outcome, buffers) }));
    return { ...reply, results };
  },
  unpack(packed, buffers) {
    const reply = packed as { results: readonly (Omit<PeerResult, 'outcome'> & { outcome: OutcomeRow })[] };
    const results = reply.results.map((result) => ({ ...result, outcome: unpackOutcome(result.outcome, buffers) }));
    return { ...reply, results };
  },
};

const NO_BYTES = new Uint8Array(0);

function bufferAt(buffers: Buffers, index: number | null): Uint8Array {
  return (index === null ? undefined : buffers[index]) ?? NO_BYTES;
}

/** Those of both sides. */
export const CODECS: Codecs = {
  order: { payload: createOrderCodec(), answer: workAnswer },
  execute: { answer: workAnswer },
  clientRequest: { payload: clientRequest, answer: executeReply },
};
