import type { PbftMessage, PrePrepare, Prepared, ViewChange } from '../wire/pbft.ts';
import { bounds } from './bounds.ts';
import { type Cluster, isSequence, isView } from './cluster.ts';
import { NULL_DIGEST, type Requests } from './requests.ts';
import type { Signatures } from './signatures.ts';

export interface ProofsComponents {
  readonly cluster: Cluster;
  readonly signatures: Signatures;
  readonly requests: Requests;
}

/** What is wrong with what replicas claim to have received; `null`: nothing. */
export interface Proofs {
  /** Of a pre-prepare: its signature, digest and request. @param gaps whether it may be of the null request */
  prePrepareFlaw(data: PrePrepare, gaps: boolean): string | null;
  /** Of a view change: the proofs in it, and its signature unless what it came in is signed. */
  viewChangeFlaw(data: ViewChange, from: string, signed: boolean): string | null;
}

export function createProofs({ cluster, signatures, requests }: ProofsComponents): Proofs {
  function prePrepareFlaw(data: PrePrepare, gaps: boolean): string | null {
    const { view = 0, digest = '' } = data;
    if (!signatures.areRight({ type: 2, data }, cluster.primaryOf(view))) return 'a pre-prepare with a wrong signature';
    const request = data.request?.data ?? {};
    if (requests.digestOf(request) !== digest) return 'a pre-prepare whose digest is not that of its request';
    if (digest === NULL_DIGEST) return gaps ? null : 'a pre-prepare without a request';
    const flaw = requests.flaw(request, digest);
    return flaw === null ? null : `a pre-prepare of a request that cannot be: ${flaw}`;
  }

  /** That a request was prepared: its pre-prepare and 2f prepares (b7s asks for no more) of other replicas. */
  function preparedFlaw(prepared: Prepared, before: number): string | null {
    const { view = 0, sequence_number: sequence = 0, digest = '', preprepare, prepares = {} } = prepared;
    const proposed = preprepare?.data ?? {};
    if (!isView(view) || view >= before || !isSequence(sequence)) return 'a proof of a wrong view or sequence number';
    const primary = cluster.primaryOf(view);
    const same = { view, sequence, digest };
    if (!isOf(proposed, same)) return 'a proof with another pre-prepare';
    const votes = Object.entries(prepares);
    if (votes.length < cluster.leastQuorum - 1) return 'a proof with too few prepares';
    for (const [replica, { data = {} }] of votes) {
      if (!cluster.has(replica) || replica === primary) return 'a proof with a prepare of no backup';
      if (!isOf(data, same)) return 'a proof with a prepare of another request';
    }
    const flaw = prePrepareFlaw(proposed, true);
    if (flaw !== null) return flaw;
    const forged = votes.some(([replica, { data = {} }]) => !signatures.areRight({ type: 3, data }, replica));
    return forged ? 'a proof with a prepare with a wrong signature' : null;
  }

  return {
    prePrepareFlaw,
    viewChangeFlaw(data, from, signed) {
      const { view = 0, prepares = [] } = data;
      const message: PbftMessage = { type: 5, data };
      if (prepares.length > bounds.sequences) return 'a view change with too many proofs';
      if (signed && !signatures.areRight(message, from)) return 'a view change with a wrong signature';
      for (const prepared of prepares) {
        const flaw = preparedFlaw(prepared, view);
        if (flaw !== null) return `a view change with ${flaw}`;
      }
      return null;
    },
  };
}

function isOf(
  vote: { readonly view?: number; readonly sequence_number?: number; readonly digest?: string },
  { view, sequence, digest }: { view: number; sequence: number; digest: string },
): boolean {
  return (vote.view ?? 0) === view && vote.sequence_number === sequence && (vote.digest ?? '') === digest;
}
