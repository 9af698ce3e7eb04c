import { InferbaseError } from '../core/errors.ts';
import { createAgreement } from './agreement.ts';
import { type GatherComponents, type Gathered, type GatherInit, gather } from './gather.ts';
import { remarksOn } from './remarks.ts';

/** b7s's code of those whose result goes to the primary of the cluster and not to the head. */
const TELLS_PRIMARY = '204';

export interface GatheredByCluster extends Gathered {
  /** Too few of the members tell the head what came of it: whether they agree, only the primary knows. */
  readonly isUnknown: boolean;
}

/**
 * Hands an order to all members of a PBFT cluster and waits until f + 1 say the same, or the time is over. Nobody steps in
 * for a member.
 * @returns only the results that agree, late ones too; none where nobody gave one
 * @throws InferbaseError `ERR_NO_CONSENSUS` when there are results and not enough of them are the same
 */
export async function gatherAgreed(
  components: GatherComponents,
  init: Omit<GatherInit, 'agreement'>,
): Promise<GatheredByCluster> {
  const { order, waitMs } = init;
  const replicas = init.workers.length;
  const agreement = createAgreement({ replicas, timestamp: order.timestamp });
  const gathered = await gather(components, {
    ...init,
    agreement,
    onLate: (result) => {
      if (agreement.agreed.has(result.peerId)) init.onLate(result);
    },
  });
  const { agreed, quorum, votes } = agreement;
  const silent = Array.from(gathered.failures.values()).filter(({ code }) => code === TELLS_PRIMARY).length;
  const isUnknown = replicas - silent < quorum;
  // What the others said is no result of the cluster: nobody can tell.
  if (isUnknown) return { ...gathered, results: [], isSettled: true, isUnknown };
  if (agreed.size === 0 && gathered.results.length > 0) {
    const why = `${quorum} of the ${replicas} workers of a PBFT cluster have to give the same result`;
    const found = `${gathered.results.length} did give one, at most ${votes[0]} of them the same`;
    const others = remarksOn({ consensus: '' }, gathered, order.deadlineMs ?? waitMs).map((remark) => `; ${remark}`);
    throw new InferbaseError('ERR_NO_CONSENSUS', `${why}, and ${found}${others.join('')}`);
  }
  const failures = new Map(gathered.failures);
  for (const { peerId } of gathered.results) {
    if (!agreed.has(peerId)) failures.set(peerId, { code: '', reason: 'its result is another one' });
  }
  return { ...gathered, failures, results: gathered.results.filter(({ peerId }) => agreed.has(peerId)), isUnknown };
}
