import { createHash } from 'node:crypto';
import { type PbftMessage, type PbftRequest, type PrePrepare, pbftDigest } from '../../runtime/wire/pbft.ts';
import type { Random } from '../fuzz/random.ts';
import { type Node, type Simulation, signAs, simulate } from './simulated-cluster.ts';

/** What a faulty replica does with a message that a correct one would send, knowing all that was ever sent. */
type Fault = (message: PbftMessage, context: FaultContext) => readonly PbftMessage[];

interface FaultContext {
  readonly from: Node;
  readonly to: Node;
  readonly random: Random;
  readonly heard: readonly { readonly from: Node; readonly message: PbftMessage }[];
  /** The same request of the head with another time, which its signature does not cover. */
  readonly variant: (request: PbftRequest) => PbftRequest;
}

const OTHER_DIGEST = createHash('sha256').update('nothing').digest('hex');

const FAULTS: Readonly<Record<string, Fault>> = {
  silent: () => [],
  forgetful: (message, { random }) => (random.once(2) ? [] : [message]),
  partial: (message, { to }) => (to.index % 2 === 0 ? [message] : []),
  /** Tells half of the others something else, well signed. */
  equivocating(message, { from, to, random, variant }) {
    if (to.index % 2 === 0 && !random.once(4)) return [message];
    if (message.type === 2) {
      const request = variant(message.data.request?.data ?? {});
      const digest = pbftDigest({ type: 1, data: request });
      const data: PrePrepare = { ...message.data, digest, request: { data: request } };
      return [signAs(from, { type: 2, data })];
    }
    if (message.type === 3 || message.type === 4) {
      return [signAs(from, { ...message, data: { ...message.data, digest: OTHER_DIGEST } })];
    }
    return [message];
  },
  /** Other numbers, signed or not. */
  lying(message, { from, random }) {
    const data: Record<string, unknown> = { ...message.data };
    const change = random.pick([
      'view',
      'sequence_number',
      'digest',
      'signature',
      'prepares',
      'preprepares',
      'messages',
    ]);
    if (change === 'view' || change === 'sequence_number') {
      data[change] = random.pick([0, 1, 2, 3, 17, 2 ** 41, ((data[change] as number | undefined) ?? 0) + 1]);
    } else if (change === 'digest') data.digest = random.pick(['', 'x', OTHER_DIGEST]);
    else if (change === 'signature') data.signature = random.pick(['', '00', 'f'.repeat(128)]);
    else if (change in data) data[change] = change === 'messages' ? {} : [];
    const lie = { ...message, data } as PbftMessage;
    return random.once(3) ? [lie, message] : [random.once(2) ? lie : signAs(from, lie)];
  },
  /** Says what others said, and what it said before. */
  replaying(message, { random, heard }) {
    return [message, ...random.times(2, () => random.pick(heard).message)];
  },
  /** Votes for all it hears of, at once and in each view, and wants another view all the time. */
  eager(message, { from, random, heard }) {
    const data = { ...(random.pick(heard).message.data as PrePrepare) };
    const vote = { view: data.view ?? 0, sequence_number: data.sequence_number ?? 1, digest: data.digest ?? '' };
    return [
      ...[message, signAs(from, { type: 3, data: vote }), signAs(from, { type: 4, data: vote })],
      ...(random.once(5) ? [signAs(from, { type: 5, data: { view: 1 + random.below(6) } })] : []),
    ];
  },
  /** Begins views with what does not follow from their view changes. */
  usurping(message, { from, random, variant }) {
    if (message.type !== 6) return [message];
    const { preprepares = [], view = 0, messages = {} } = message.data;
    const changed = random.pick<() => PbftMessage>([
      () => ({ type: 6, data: { ...message.data, preprepares: [] } }),
      () => ({ type: 6, data: { ...message.data, messages: Object.fromEntries(Object.entries(messages).slice(1)) } }),
      () => {
        const request = variant(preprepares[0]?.data?.request?.data ?? {});
        const digest = pbftDigest({ type: 1, data: request });
        const lie = signAs(from, { type: 2, data: { view, sequence_number: 1, digest, request: { data: request } } });
        return { type: 6, data: { ...message.data, preprepares: [{ data: lie.data }, ...preprepares.slice(1)] } };
      },
    ]);
    return [signAs(from, changed())];
  },
};

export interface RandomRun {
  /** What was chosen, for a find. */
  readonly story: string;
  /** What is wrong with what came of it; `null`: nothing. */
  readonly flaw: string | null;
}

const BAD_MS = 60_000;
/** Virtual; a view may have been given 64 times its time by then. */
const GOOD_MS = 4_000_000;

/** A cluster with as many faulty replicas as it can bear, at first on a bad network, then on a good one. */
export async function runRandomCluster(random: Random): Promise<RandomRun> {
  const n = 1 + random.below(7);
  const faulty = new Map<number, Fault>();
  const names: string[] = [];
  for (let left = Math.floor((n - 1) / 3); left > 0; left--) {
    const name = random.pick(Object.keys(FAULTS));
    const index = random.once(2) ? names.length : random.below(n);
    faulty.set(index, FAULTS[name] as Fault);
    names.push(`${index} ${name}`);
  }
  let variants = 0;
  const variant = (request: PbftRequest): PbftRequest => {
    const timestamp = `2026-01-01T11:00:${String(variants++ % 60).padStart(2, '0')}Z`;
    return { ...request, timestamp };
  };
  const one = random.once(2);
  const cluster: Simulation = simulate({
    ...{ n, random, executionMs: random.pick([1, 50, 30_000]) },
    ...(one ? { requestId: 'r0' } : {}),
    tamper(from, to, message) {
      const fault = faulty.get(from.index);
      return fault === undefined ? [message] : fault(message, { from, to, random, heard: cluster.sent, variant });
    },
  });
  const { weather } = cluster;
  weather.delayMs = random.pick([5, 100, 4_000]);
  weather.lostOneIn = random.pick([0, 0, 2, 5, 20]);
  weather.twiceOneIn = random.pick([0, 3]);
  const ids = one ? ['r0'] : ['r0', 'r1', 'r2'];
  const all = cluster.nodes.map(({ index }) => index);
  for (const id of ids) {
    const missed = random.once(3) ? [random.below(n)] : [];
    cluster.order(
      cluster.makeRequest(id),
      all.filter((index) => !missed.includes(index)),
    );
    if (random.once(2)) await cluster.run(random.below(20_000));
  }
  for (let left = random.below(4); left > 0; left--) {
    weather.groups = random.once(3) ? null : all.map(() => random.below(2));
    await cluster.run(random.below(BAD_MS / 2));
  }
  weather.groups = null;
  weather.lostOneIn = 0;
  weather.delayMs = 50;
  // Those that the head did not reach hear of it now.
  for (const id of ids) cluster.order(cluster.makeRequest(id));
  const correct = cluster.nodes.filter(({ index }) => !faulty.has(index));
  const done = await cluster.run(GOOD_MS, () => correct.every(({ executed }) => executed.length >= ids.length));
  await cluster.run(1_000);
  cluster.close();
  const story = `n ${n}, faulty [${names.join(', ')}], ${ids.length} requests, at ${cluster.now} ms`;
  return { story, flaw: safetyFlaw(correct) ?? (done ? null : livenessFlaw(correct)) };
}

function safetyFlaw(correct: readonly Node[]): string | null {
  const longest = correct.reduce((most, node) => (node.executed.length > most.executed.length ? node : most));
  for (const { index, executed } of correct) {
    if (executed.some(({ digest }, i) => digest !== longest.executed[i]?.digest)) {
      return `${index} and ${longest.index} executed different requests`;
    }
    if (new Set(executed.map(({ request }) => request)).size < executed.length)
      return `${index} executed a request twice`;
  }
  return null;
}

function livenessFlaw(correct: readonly Node[]): string {
  const said = correct.map(({ index, executed, replica }) => `${index}: ${executed.length} in view ${replica.view}`);
  return `not everything was executed (${said.join(', ')})`;
}
