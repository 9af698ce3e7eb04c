import { createHash } from 'node:crypto';
import type { Outcome } from '../core/execution.ts';
import type { WorkAnswer } from '../core/work.ts';
import { encodeTime, toText } from '../wire/go-writer.ts';

/** Counts which answers of a PBFT cluster are the same: what f + 1 replicas say, one of them that is not faulty says. */
export interface Agreement {
  /** How many have to say the same: f + 1 of n = 3f + 1. */
  readonly quorum: number;
  /** Takes the answer of a member, each of them once. @returns why it does not count; `null`: it does */
  take(peerId: string, answer: WorkAnswer): string | null;
  /** base58 peer ids of those that say what enough say; empty: not enough say the same yet. */
  readonly agreed: ReadonlySet<string>;
  /** How many said each of the different things, most first. */
  readonly votes: readonly number[];
}

/**
 * @param init.replicas members of the cluster
 * @param init.timestamp of the order: an answer is to that very request
 */
export function createAgreement(init: { readonly replicas: number; readonly timestamp: string }): Agreement {
  const quorum = Math.floor((init.replicas - 1) / 3) + 1;
  const timestamp = encodeTime(init.timestamp);
  const byResult = new Map<string, Set<string>>();
  let agreed: ReadonlySet<string> = new Set();
  return {
    quorum,
    take(peerId, { outcome, pbft }) {
      if (outcome === null) return 'it says nothing of a result';
      if (pbft === undefined) return 'its answer is not signed, which in a PBFT cluster it has to be';
      if (pbft.requestTimestamp !== timestamp) {
        return `its answer is to a request of ${pbft.requestTimestamp.slice(0, 40)}, and not to that of ${timestamp}`;
      }
      const key = resultKey(outcome);
      const same = byResult.get(key) ?? new Set();
      byResult.set(key, same.add(peerId));
      if (agreed.size === 0 && same.size >= quorum) agreed = same;
      return null;
    },
    get agreed() {
      return agreed;
    },
    get votes() {
      return Array.from(byResult.values(), ({ size }) => size).sort((a, b) => b - a);
    },
  };
}

/** What b7s compares, as text: of bytes that are none, the text is what was signed. */
function resultKey({ stdout, stderr, exitCode }: Outcome): string {
  const [out, err] = [toText(stdout), toText(stderr)];
  return createHash('sha256').update(`${exitCode} ${out.length} ${err.length}\n`).update(out).update(err).digest('hex');
}
