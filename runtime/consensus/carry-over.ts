import type { PbftRequest, Prepared, ViewChange } from '../wire/pbft.ts';
import type { Cluster } from './cluster.ts';
import { NULL_DIGEST } from './requests.ts';

/** What a new view begins with at one sequence number. */
export interface CarriedOver {
  /** What its primary may propose: the request that was prepared in the highest view. */
  readonly allowed: ReadonlySet<string>;
  /** The one of them with a full quorum of prepares; `undefined` where there is none, and so none was committed. */
  readonly safe: string | undefined;
  readonly digest: string;
  readonly request: PbftRequest;
}

/** What a view is built upon. */
export interface Foundation {
  readonly carried: readonly CarriedOver[];
  /** It has view changes of a full quorum, so that what was committed is carried over for sure. */
  readonly full: boolean;
}

/**
 * What follows from view changes: for each sequence number up to the highest prepared one a request, or the null request
 * where none was prepared.
 *
 * b7s takes 2f prepares for a proof. Where n is not 3f+1 those are fewer than a quorum, and two proofs of one view may be of
 * different requests: then either is allowed, and the safe one is preferred.
 */
export function carryOver(viewChanges: readonly ViewChange[], cluster: Cluster): CarriedOver[] {
  const proofs = viewChanges.flatMap(({ prepares = [] }) => prepares);
  const last = proofs.reduce((most, { sequence_number = 0 }) => Math.max(most, sequence_number), 0);
  return Array.from({ length: last }, (_, index) => {
    const here = proofs.filter(({ sequence_number }) => sequence_number === index + 1);
    const full = here.filter(({ prepares = {} }) => Object.keys(prepares).length >= cluster.quorum - 1);
    const chosen = highest(full)[0] ?? highest(here)[0];
    const safe = highest(full)[0]?.digest;
    const allowed = new Set(highest(here).map(({ digest = '' }) => digest));
    if (safe !== undefined) allowed.add(safe);
    if (allowed.size === 0) allowed.add(NULL_DIGEST);
    return {
      allowed,
      safe,
      digest: chosen?.digest ?? NULL_DIGEST,
      request: chosen?.preprepare?.data?.request?.data ?? {},
    };
  });
}

function highest(proofs: readonly Prepared[]): readonly Prepared[] {
  const top = proofs.reduce((most, { view = 0 }) => Math.max(most, view), 0);
  return proofs.filter(({ view = 0 }) => view === top);
}
