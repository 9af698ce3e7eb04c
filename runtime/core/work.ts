import type { BlocklessAttributes, BlocklessRequest } from './blockless-request.ts';
import type { Outcome } from './execution.ts';

/** What a head and its workers say to each other, in our own words; `p2p/` translates to and from the b7s wire. */

/** Which workers of a topic can run this function? */
export interface RollCall {
  /** UUID of the execute request. */
  readonly requestId: string;
  readonly functionId: string;
  /** File name inside a package; empty where the wire does not carry it. */
  readonly method: string;
  /** gossipsub topic that it is published to. */
  readonly topic: string;
  /** As the wire numbers them: 0 none, 1 Raft, 2 PBFT. */
  readonly consensus: 0 | 1 | 2;
  /** `null`: any worker. */
  readonly attributes: BlocklessAttributes | null;
}

export interface RollCallAnswer {
  /** base58 peer id of the worker, from its connection and never from the message. */
  readonly peerId: string;
  readonly requestId: string;
  readonly functionId: string;
  /** `202`: it can. */
  readonly code: string;
  /** Executions it has alive or waiting ÷ those it may have alive, 0 and up; `null` from nodes that do not say. */
  readonly load: number | null;
  /** It speaks the protocol of our own nodes, and its answer holds for a second. */
  readonly lasting: boolean;
}

/** The work itself. */
export interface WorkOrder {
  readonly requestId: string;
  /** gossipsub topic of the roll call. */
  readonly topic: string;
  /** With everything the head added, such as the variable TOPIC_ID. */
  readonly request: BlocklessRequest;
  /** base58 peer ids of all that get this order; empty while not all are known. */
  readonly peers: readonly string[];
  /** RFC 3339 with nanoseconds, as Go writes it. */
  readonly timestamp: string;
  /** How long the head waits for the answer, in ms; `null` from nodes that do not say. */
  readonly deadlineMs: number | null;
  /** It is for the members of a cluster: the request names the consensus, and its head has signed it. Missing: none. */
  readonly consensus?: Consensus;
}

/** As the wire numbers them: 1 Raft, 2 PBFT. */
export type Consensus = 1 | 2;

/** The workers that run one request by consensus. */
export interface Cluster {
  /** UUID of the execute request. */
  readonly requestId: string;
  /** base58 peer ids; of PBFT the first is the primary of view 0. */
  readonly peers: readonly string[];
  readonly consensus: Consensus;
}

/** What came of asking a worker into a cluster. */
export interface Joined {
  /** base58 */
  readonly peerId: string;
  /** `200`: it takes part; others, such as `501`, that it does not; empty: it is gone, or gave no answer in time. */
  readonly code: string;
}

/** What one worker made of an order. */
export interface WorkAnswer {
  readonly requestId: string;
  /** `200` it exited 0, `500` it did not; others, such as `404` and `503`, say why it never ran. */
  readonly code: string;
  /** `null` where it never ran. */
  readonly outcome: Outcome | null;
  /** Why it never ran; else empty. */
  readonly message: string;
  /** `null` where the worker did not sign. */
  readonly attestation: Attestation | null;
  /** Of a member of a PBFT cluster, whose b7s signature of the answer holds; missing elsewhere. */
  readonly pbft?: PbftReport;
}

/** What a replica says of its answer, under its signature. */
export interface PbftReport {
  /** View in which the request was committed. */
  readonly view: number;
  /** `timestamp` of the order, RFC 3339 as Go writes it. */
  readonly requestTimestamp: string;
  /** base58 peer id of the replica; empty from nodes that do not say. */
  readonly replica: string;
}

/** A worker's signature of its own answer: it says who answered what, not that the answer is right. */
export interface Attestation {
  /** base58 peer id of the signer; its public key is inside. */
  readonly peerId: string;
  readonly functionId: string;
  /** SHA-256 of the request, hex. */
  readonly requestHash: string;
  /** SHA-256 of the outcome, hex. */
  readonly outcomeHash: string;
  /** RFC 3339. */
  readonly time: string;
  /** Ed25519, hex. */
  readonly signature: string;
}

/** The workers, as a head sees them; `p2p/` implements it. */
export interface WorkerNetwork {
  /**
   * Asks the workers of a topic. Answers come until `signal` aborts; of each peer the first one only.
   * @param onGone told the base58 peer id of each of those returned that leaves before that; whoever subscribes only
   *   now may answer, and is not waited for
   * @returns once it is published: base58 peer ids of all that subscribe to the topic and may be waited for
   * @throws InferbaseError when it cannot be published
   */
  rollCall(
    call: RollCall,
    onAnswer: (answer: RollCallAnswer) => void,
    signal: AbortSignal,
    onGone?: (peerId: string) => void,
  ): Promise<readonly string[]>;
  /**
   * Hands the order to one worker.
   * @returns its answer, the first one only
   * @throws InferbaseError `ERR_NOT_ENOUGH_NODES` when the worker is gone or goes, `ERR_CANCELLED` when `signal` aborts
   */
  order(peerId: string, order: WorkOrder, signal: AbortSignal): Promise<WorkAnswer>;
  /**
   * Asks workers to be a cluster; until it is disbanded, orders of that request id are for its members. Who formed one
   * disbands it, whatever came of it.
   * @param options.waitMs how long they have to say that they are, in ms
   * @returns what each said, in the order of the cluster
   * @throws InferbaseError `ERR_INVALID_REQUEST` where there is one of that id, `ERR_CANCELLED` when `signal` aborts
   */
  formCluster(
    cluster: Cluster,
    options: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<readonly Joined[]>;
  /** Lets the members go, once they have done what they were told. @returns when all have been told that can be */
  disbandCluster(cluster: Pick<Cluster, 'requestId' | 'peers'>): Promise<void>;
  /**
   * Tells the workers of a topic to install a function; no answer is awaited.
   * @param manifestUrl where the nodes of the older stack find the manifest
   */
  install(order: { readonly cid: string; readonly manifestUrl: string; readonly topic: string }): Promise<void>;
  /** base58 peer ids of all that are known to subscribe to a gossipsub topic. */
  workers(topic: string): Promise<readonly string[]>;
}

/** A node that is connected, as an operator is shown it. */
export interface PeerView {
  /** base58. */
  readonly peerId: string;
  /** What it says that it is, such as `inferbase`; empty: nothing yet. */
  readonly agent: string;
  /** gossipsub topics that it subscribes to. */
  readonly topics: readonly string[];
  /** Of the protocols for work, those that it speaks. */
  readonly protocols: readonly string[];
  /** Whether it dialled this node. */
  readonly inbound: boolean;
  /** When it came, and when it last said something about work, in ms since 1970; `null`: never. */
  readonly connectedAt: number;
  readonly heardAt: number | null;
}

/** A worker's use cases; `p2p/` calls them. `from` is the base58 peer id of the head. */
export interface WorkerService {
  /** @returns the code to answer with and the load, or `null` to stay silent */
  rollCall(call: RollCall, from: string): Promise<{ readonly code: string; readonly load: number } | null>;
  /** Never throws: a failure is an answer. An order that was taken already gets the same answer again. */
  execute(order: WorkOrder, from: string, signal: AbortSignal): Promise<WorkAnswer>;
  /** @returns code and message of the install response; `null` to stay silent */
  install(cid: string, from: string): Promise<{ readonly code: string; readonly message: string } | null>;
}

/** The topic that every node of the b7s wire subscribes to. */
export const GENERAL_TOPIC = 'blockless/b7s/general';

/**
 * gossipsub topic of the workers that serve an Allora topic, as the inference base image maps it: `1` →
 * `allora-topic-1-worker`, `1/reputer` → `allora-topic-1-reputer`. Names that are mapped already and those with another
 * slash are taken as they are, an empty one is the general topic.
 */
export function gossipTopic(topic: string): string {
  if (topic === '') return GENERAL_TOPIC;
  if (topic.startsWith('allora-topic-')) return topic;
  const reputer = /^([^/]+)\/reputer$/.exec(topic)?.[1];
  if (reputer !== undefined) return `allora-topic-${reputer}-reputer`;
  return topic.includes('/') ? topic : `allora-topic-${topic}-worker`;
}
