import type { BlocklessRequest } from './blockless-request.ts';
import type { Outcome } from './execution.ts';
import type { Limits } from './limits.ts';
import type { Attestation, PeerView } from './work.ts';

/** An execute request after parsing, in our own words; wire formats are translated to and from it in `http/`. */
export interface ExecuteRequest {
  /** CID text as the caller gave it; parsed by the store. */
  readonly functionId: string;
  /** File name inside a package; ignored where the CID is one file. */
  readonly method: string;
  /** argv after `args[0]`. */
  readonly parameters: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly stdin: Uint8Array;
  /** Permission lines of the request; `null` narrows nothing, `[]` allows none but named upstreams. */
  readonly permissions: readonly string[] | null;
  /** Limits the request asks for; only narrower ones count. */
  readonly limits: Partial<Limits>;
  /** −1 and 0: any; n ≥ 1: exactly that many. */
  readonly nodeCount: number;
  /** Name of a consensus algorithm, lower case, or empty. */
  readonly consensus: string;
  /** Topic as the caller gave it, such as `1` or `1/reputer`; empty: none. */
  readonly topic: string;
  /** All of it as it came, with the variable TOPIC_ID added: what a head passes on. */
  readonly body: BlocklessRequest;
}

/** One node's answer to a request. */
export interface PeerResult {
  /** base58 libp2p peer id. */
  readonly peerId: string;
  readonly outcome: Outcome;
  /** The worker's signature of it, checked; missing where it did not sign. */
  readonly attestation?: Attestation;
}

/** One number computed from the results of all peers, where the request asked for it. */
export interface NumericAggregate {
  /** `mean`, `median`, `weighted` or `trimmed`. */
  readonly type: string;
  /** In plain decimal notation; `null` where there was no number to compute it from. */
  readonly value: string | null;
  /** Results that gave a number. */
  readonly count: number;
  /** Results that gave none, and why. */
  readonly excluded: readonly { readonly peerId: string; readonly reason: string }[];
}

/** What an execute request led to, if the function ran anywhere. */
export interface ExecuteReply {
  /** UUIDv4. */
  readonly requestId: string;
  /** `206`: fewer nodes answered than the threshold wants; `204`: none did, and `results` is empty. */
  readonly code: '200' | '204' | '206';
  readonly results: readonly PeerResult[];
  /** base58 peer ids of the nodes that were given the work. */
  readonly cluster: readonly string[];
  /** Remarks for the caller, such as a consensus name that was run as one node. */
  readonly remarks: readonly string[];
  readonly aggregate?: NumericAggregate;
}

/** What adapters (`http/`, `p2p/`) know of the node: its use cases, nothing of how they are built. */
export interface InferenceNode {
  readonly peerId: string;
  /**
   * Runs a function on the nodes asked for.
   * @throws InferbaseError when the function never ran: CID, nodes, busy, closed, cancelled by `signal`
   */
  execute(request: ExecuteRequest, options: { requestId: string; signal: AbortSignal }): Promise<ExecuteReply>;
  /**
   * Fetches, verifies and prepares a function without running it; a head has its workers do that.
   * @param options.topic of the workers, as in a request; means nothing to a solo node
   * @param options.uri of the manifest, for nodes of the older stack; empty: none was named
   */
  install(cid: string, options: { signal: AbortSignal; topic: string; uri: string }): Promise<void>;
  /** Results of one of the last 1 000 requests, or `undefined`. */
  results(requestId: string): Promise<readonly PeerResult[] | undefined>;
  /** base58 peer ids of the workers seen on a gossipsub topic; only a head has this. */
  workers?(topic: string): Promise<readonly string[]>;
  /** Nodes that are connected; only a head has this. */
  peers?(): Promise<readonly PeerView[]>;
}
