import type { Outcome } from './execution.ts';
import type { Limits } from './limits.ts';

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
}

/** One node's answer to a request. */
export interface PeerResult {
  /** base58 libp2p peer id. */
  readonly peerId: string;
  readonly outcome: Outcome;
}

/** What an execute request led to, if the function ran anywhere. */
export interface ExecuteReply {
  /** UUIDv4. */
  readonly requestId: string;
  readonly results: readonly PeerResult[];
  /** Remarks for the caller, such as a consensus name that was run as one node. */
  readonly remarks: readonly string[];
}

/** What adapters (`http/`, `p2p/`) know of the node: its use cases, nothing of how they are built. */
export interface InferenceNode {
  readonly peerId: string;
  /**
   * Runs a function on the nodes asked for.
   * @throws InferbaseError when the function never ran: CID, nodes, busy, closed, cancelled by `signal`
   */
  execute(request: ExecuteRequest, options: { requestId: string; signal: AbortSignal }): Promise<ExecuteReply>;
  /** Fetches, verifies and prepares a function without running it. */
  install(cid: string, options: { signal: AbortSignal }): Promise<void>;
  /** Results of one of the last 1 000 requests, or `undefined`. */
  results(requestId: string): readonly PeerResult[] | undefined;
}
