import { randomInt } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { Cluster, WorkerNetwork } from '../core/work.ts';
import { named } from './remarks.ts';

/** Fewest replicas of PBFT: with f faulty ones there are 3f + 1, and b7s wants f to be 1 (consensus/pbft/params.go). */
export const LEAST_REPLICAS = 4;
/** Each of n replicas tells each other of each step, which is 2n² messages. */
const MOST_REPLICAS = 100;
/** How long workers have to say that they take part, in ms. */
const JOIN_MS = 10_000;
/** b7s's code of a worker that takes part. */
const TAKES_PART = '200';

/**
 * Refuses what can be no PBFT cluster, before anybody is asked.
 * @param wanted nodes that the request asks for; 0: all there are
 * @throws InferbaseError `ERR_NO_CONSENSUS`
 */
export function checkReplicas(wanted: number): void {
  if (wanted > 0 && wanted < LEAST_REPLICAS) throw few(`number_of_nodes is ${wanted}`, `ask for ${LEAST_REPLICAS}`);
  if (wanted > MOST_REPLICAS) throw many(wanted);
}

/**
 * The workers that answered, as the members of a cluster.
 * @param isChosen they were chosen by load: the least loaded one is the primary. Else, chance says who is
 * @throws InferbaseError `ERR_NO_CONSENSUS` when they are too few or too many
 */
export function replicasOf(workers: readonly string[], { isChosen }: { readonly isChosen: boolean }): string[] {
  const count = workers.length;
  if (count < LEAST_REPLICAS) throw few(`${count} said that they can`, 'start more workers of the topic');
  if (count > MOST_REPLICAS) throw many(count);
  const replicas = [...workers];
  for (let i = count - 1; !isChosen && i > 0; i--) {
    const j = randomInt(i + 1);
    [replicas[i], replicas[j]] = [replicas[j] ?? '', replicas[i] ?? ''];
  }
  return replicas;
}

function few(found: string, remedy: string): InferbaseError {
  return new InferbaseError(
    'ERR_NO_CONSENSUS',
    `PBFT takes at least ${LEAST_REPLICAS} workers, and ${found}; ${remedy}, name no consensus_algorithm, ` +
      'or set work.consensus of this head to none, which runs the function without it',
  );
}

function many(count: number): InferbaseError {
  return new InferbaseError(
    'ERR_NO_CONSENSUS',
    `PBFT among ${count} workers would take ${2 * count * count} messages; ask for at most ${MOST_REPLICAS} nodes`,
  );
}

/**
 * Does something with a cluster that is formed, and disbands it whatever comes of that.
 * @param options.onDisbanding told of what ends when all members are told, which nothing waits for
 * @throws InferbaseError `ERR_NO_CONSENSUS` when somebody does not take part; what `work` throws; the signal's reason
 */
export async function withCluster<T>(
  network: Pick<WorkerNetwork, 'formCluster' | 'disbandCluster'>,
  cluster: Cluster,
  options: {
    readonly signal: AbortSignal;
    readonly joinMs?: number | undefined;
    /** Told of who said that it can, and does not take part. */
    readonly onAbsent: (peerId: string) => void;
    readonly onDisbanding: (disbanding: Promise<void>) => void;
  },
  work: () => Promise<T>,
): Promise<T> {
  const { signal, joinMs = JOIN_MS, onAbsent, onDisbanding } = options;
  try {
    const joined = await network.formCluster(cluster, { waitMs: joinMs, signal });
    const others = joined.filter(({ code }) => code !== TAKES_PART);
    for (const { peerId } of others) onAbsent(peerId);
    if (others.length > 0) throw notFormed(others, joined.length, joinMs);
    return await work();
  } finally {
    onDisbanding(network.disbandCluster(cluster));
  }
}

function notFormed(
  others: readonly { readonly peerId: string; readonly code: string }[],
  asked: number,
  waitMs: number,
): InferbaseError {
  const byCode = Map.groupBy(others, ({ code }) => code);
  const texts = Array.from(byCode, ([code, all]) => {
    const who = named(all.map(({ peerId }) => peerId));
    return code === '' ? `no answer within ${waitMs} ms from ${who}` : `code ${code} from ${who}`;
  });
  return new InferbaseError(
    'ERR_NO_CONSENSUS',
    `some peers failed to join the PBFT cluster (have: ${asked - others.length}, want: ${asked}): ${texts.join(', ')}; ` +
      'send the request again, or see what their logs say',
  );
}
