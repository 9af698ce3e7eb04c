import { InferbaseError } from '../core/errors.ts';

export interface TooFew {
  /** gossipsub topic that was asked. */
  readonly topic: string;
  /** Workers that the request wants; 0: as many as can. */
  readonly wanted: number;
  readonly windowMs: number;
  /** Workers known to serve the topic; `null`: the question did not get out in time. */
  readonly known: number | null;
  /** How many of them said that they can, and how many of those were given the work before. */
  readonly able: number;
  readonly taken: number;
  /** b7s's codes of those that said that they cannot. */
  readonly unable: readonly string[];
  /** They are asked for a cluster. */
  readonly isClustered: boolean;
}

/** What a worker means by a code that is not 202 (models/codes/code.go of b7s). */
const SAID: Readonly<Record<string, string>> = {
  '404': 'do not have the function yet',
  '500': 'cannot fetch the function',
  '501': 'take no part in a consensus',
  '503': 'have no room',
};

/** What the caller of a head is told when fewer workers can than the request wants: `ERR_NOT_ENOUGH_NODES`. */
export function tooFew(found: TooFew): InferbaseError {
  const { topic, wanted, windowMs, known, able, taken, unable } = found;
  if (known === 0) {
    return new InferbaseError(
      'ERR_NOT_ENOUGH_NODES',
      `no worker of topic ${topic} is connected with this head; start one (work.topics), or name a topic that has some: GET /api/v1/peers tells which`,
    );
  }
  const nodes = wanted === 1 ? '1 node was' : wanted === 0 ? 'any number of nodes was' : `${wanted} nodes were`;
  const codes = Map.groupBy(unable, (code) => code);
  const others = Array.from(codes, ([code, all]) => `, ${all.length} that they ${said(code)}`).join('');
  const already = taken === 0 ? '' : ` ${taken} of them had it already;`;
  return new InferbaseError(
    'ERR_NOT_ENOUGH_NODES',
    `${nodes} asked for, and within ${Math.round(windowMs)} ms ${able} of the ${known ?? 0} known of topic ${topic} said that ` +
      `they can${others};${already} ${remedies(found).join(', or ')}`,
  );
}

function said(code: string): string {
  return `${SAID[code] ?? 'cannot now'} (code ${code.slice(0, 8)})`;
}

function remedies({ wanted, known, able, unable, isClustered }: TooFew): string[] {
  const lacking = unable.some((code) => code === '404' || code === '500');
  const told = [
    ...(lacking ? ['see that a worker has the function: its log says why it cannot fetch it'] : []),
    ...(unable.includes('503') ? ['retry later'] : []),
    ...(wanted > 0
      ? ['start workers of that topic', isClustered ? 'name no consensus_algorithm' : 'ask for fewer']
      : []),
    ...(known === null || able + unable.length < known ? ['raise timeout'] : []),
  ];
  return told.length > 0 ? told : ['start workers of that topic'];
}
