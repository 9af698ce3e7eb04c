import { LRUCache } from 'lru-cache';
import { InferbaseError, messageOf } from '../../core/errors.ts';
import { largest } from '../../core/largest.ts';
import { describeError } from '../../core/wire-code.ts';
import type { WorkAnswer, WorkOrder } from '../../core/work.ts';
import { createLineBudget } from '../../telemetry/line-budget.ts';
import type {
  DisbandClusterMessage,
  FormClusterMessage,
  FormClusterResponseMessage,
} from '../../wire/messages/cluster.ts';
import { requestIdOf, shortened } from '../../wire/messages/required.ts';
import type { ExecuteResponseMessage } from '../../wire/messages/work-answer.ts';
import { type Cluster, type ClusterComponents, createCluster } from './cluster.ts';
import { createIntroductions, type IntroductionsInit } from './introductions.ts';
import { type Invitation, readInvitation } from './invitation.ts';

export interface ClustersInit extends Omit<IntroductionsInit, 'isNeeded'> {
  /** As `work.consensus`. */
  readonly consensus: 'pbft' | 'none';
  /** base58 peer ids of the heads that may ask; none: any. */
  readonly heads: readonly string[];
  /** Longest an execution may take, in ms: as long a primary waits for the others when it is done. */
  readonly deadlineMs: number;
  /** Longest message of a member. */
  readonly maxMessageBytes: number;
  /** How long members wait for their primary, in ms; default 10 000, as in b7s. */
  readonly patienceMs?: number;
  /** After how long a cluster ends that nothing is heard of, in ms; default two minutes. */
  readonly idleMs?: number;
  /** Clusters at once; default 256. */
  readonly maxClusters?: number;
  /** Bytes of messages that all clusters hold, past which the one with most of them ends; default 256 MiB. */
  readonly maxHeldBytes?: number;
}

/** The consensus clusters that this worker is in. */
export interface Clusters {
  /** A head published a roll call: a cluster for that request is its to form. */
  called(requestId: string, head: string): void;
  /** @returns the answer to the head: `200` once this node is ready, else why it does not take part */
  form(message: FormClusterMessage, head: string): Promise<FormClusterResponseMessage>;
  /**
   * An order of a head.
   * @returns `'inside'`: it is of a cluster, which answers it; else it is run like any other, and what came of it is told
   * @throws InferbaseError for an order that wants a cluster and has none, or is not signed
   */
  order(
    order: WorkOrder,
    type: 'MsgExecute' | 'MsgWorkOrder',
    head: string,
  ): Promise<'inside' | ((answer: WorkAnswer) => void)>;
  /** A member reports to the primary (`a`). @throws Error that says why that does not count */
  report(message: ExecuteResponseMessage, from: string): void;
  /** @throws InferbaseError when it is not for `from` to say */
  disband(message: DisbandClusterMessage, from: string): void;
  /** A peer went. */
  gone(peerId: string): void;
  stop(): void;
}

/** Clusters at once; of one head half as many, and a head with fewer takes the place of one with more. */
const MAX_CLUSTERS = 256;
const MAX_HELD = 256 * 1_048_576;
/** As long as b7s waits for an execution before it leaves a cluster. */
const LIFE_MS = 300_000;
const IDLE_MS = 120_000;
/** b7s's RequestTimeout (consensus/pbft/params.go). */
const PATIENCE_MS = 10_000;
const SWEEP_MS = 5_000;
/** Lines of the log that the clusters of one head may cause. */
const HEAD_LINES = { lines: 120, windowMs: 60_000 } as const;
const MAX_CALLS = 8_192;

const FORMED = '200';
const NOT_SUPPORTED = '501';
const RAFT = 1;
const PBFT = 2;

interface Entry extends Invitation {
  readonly formedAt: number;
  /** `null`: of a single member, by Raft: an order is run like any other. */
  ready: Promise<Cluster | null>;
  /** As soon as it takes messages, which is before it is ready. */
  cluster: Cluster | null;
}

export function createClusters(components: ClusterComponents, init: ClustersInit): Clusters {
  const { swarm } = components;
  const { log, idleMs = IDLE_MS, maxClusters = MAX_CLUSTERS, maxHeldBytes = MAX_HELD } = init;
  const entries = new Map<string, Entry>();
  const calls = new LRUCache<string, string>({ max: MAX_CALLS });
  const isNeeded = (peerId: string): boolean => entries.values().some(({ members }) => members.includes(peerId));
  const introductions = createIntroductions(swarm, { ...init, isNeeded });
  const ofHead = createLineBudget((line, fields: object) => log(line, fields), HEAD_LINES);
  let sweeping: NodeJS.Timeout | undefined;
  let stopped = false;

  function serves(head: string): boolean {
    return init.heads.length === 0 || init.heads.includes(head);
  }

  function end(entry: Entry): void {
    if (entries.get(entry.requestId) !== entry) return;
    entries.delete(entry.requestId);
    if (entries.size === 0) clearInterval(sweeping);
    const made = entry.cluster === null ? entry.ready : Promise.resolve(entry.cluster);
    made
      .then((cluster) => cluster?.end())
      .catch((error: unknown) => log('a cluster did not end cleanly', { error: messageOf(error) }));
  }

  function sweep(): void {
    const now = Date.now();
    for (const entry of entries.values()) {
      const heardAt = entry.cluster?.heardAt ?? entry.formedAt;
      if (now - heardAt > idleMs || (now - entry.formedAt > LIFE_MS && heardAt < now)) end(entry);
    }
  }

  /** Whoever holds most has to go, not whoever comes last. */
  function checkBytes(): void {
    let held = 0;
    for (const { cluster } of entries.values()) held += cluster?.held ?? 0;
    if (held <= maxHeldBytes) return;
    const heaviest = largest(entries.values(), ({ cluster }) => cluster?.held ?? 0);
    if (heaviest === undefined) return;
    log('a cluster was ended: clusters hold too many bytes', { peer: heaviest.head, requestId: heaviest.requestId });
    end(heaviest);
  }

  /** @throws InferbaseError `ERR_BUSY` */
  function makeRoom(head: string): void {
    const counts = new Map<string, number>();
    for (const entry of entries.values()) counts.set(entry.head, (counts.get(entry.head) ?? 0) + 1);
    const own = counts.get(head) ?? 0;
    if (own >= maxClusters / 2) throw busy(`this head has ${own} clusters here`);
    if (entries.size < maxClusters) return;
    const [most, count = 0] = largest(counts, ([, number]) => number) ?? [];
    if (count <= own + 1) throw busy(`it is in ${entries.size} clusters`);
    const [oldest] = [...entries.values()].filter((entry) => entry.head === most);
    if (oldest !== undefined) end(oldest);
  }

  function join(invitation: Invitation): Entry {
    makeRoom(invitation.head);
    if (entries.size === 0) sweeping = setInterval(sweep, Math.min(SWEEP_MS, idleMs)).unref();
    const entry: Entry = { ...invitation, formedAt: Date.now(), ready: Promise.resolve(null), cluster: null };
    entries.set(invitation.requestId, entry);
    if (invitation.consensus !== RAFT) entry.ready = open(entry);
    entry.ready.catch(() => end(entry));
    return entry;
  }

  async function open(entry: Entry): Promise<Cluster> {
    const { members, head, told } = entry;
    const { maxMessageBytes: maxBytes, deadlineMs: waitMs, patienceMs = PATIENCE_MS } = init;
    const cluster = await createCluster(components, entry, {
      maxBytes,
      waitMs,
      patienceMs,
      onGrown: checkBytes,
      onOver: () => end(entry),
      log: (line, fields = {}) => ('peer' in fields ? log(line, fields) : ofHead(head, line, fields)),
    });
    // Ended meanwhile, which waits for it.
    if (entries.get(entry.requestId) !== entry) return cluster;
    entry.cluster = cluster;
    await introductions.introduce(members, head, told);
    return cluster;
  }

  async function enter(message: FormClusterMessage, head: string): Promise<string> {
    const invitation = readInvitation(message, head, swarm.peerId);
    const { requestId, consensus, members } = invitation;
    if (!serves(head)) {
      throw new InferbaseError('ERR_PERMISSION_DENIED', 'work.heads does not name this head');
    }
    const alone = consensus === RAFT && members.length === 1;
    if (init.consensus === 'none' || !(alone || consensus === PBFT)) return NOT_SUPPORTED;
    if ((calls.get(requestId) ?? head) !== head) throw taken(requestId);
    const known = entries.get(requestId);
    if (known !== undefined && !isSame(known, invitation)) throw taken(requestId);
    if (stopped) throw busy('it is shutting down');
    await (known ?? join(invitation)).ready;
    return FORMED;
  }

  return {
    called(requestId, head) {
      if (serves(head) && !calls.has(requestId)) calls.set(requestId, head);
    },
    async form(message, head) {
      const { request_id, consensus = 0 } = message;
      let code: string;
      try {
        code = await enter(message, head);
        if (code === NOT_SUPPORTED) log('a cluster is not joined: only PBFT is supported', { peer: head, consensus });
      } catch (error) {
        code = describeError(error).code;
        log(`a cluster is not joined: ${messageOf(error)}`, { peer: head });
      }
      return { type: 'MsgFormClusterResponse', request_id: shortened(request_id, MAX_ECHOED), code, consensus };
    },
    async order(order, type, head) {
      const { requestId, request } = order;
      const named = (request.config?.consensus_algorithm ?? '').toLowerCase();
      const entry = entries.get(requestId);
      if (init.consensus === 'none' || (named !== 'pbft' && named !== 'raft')) return () => {};
      if (entry === undefined || entry.head !== head || (entry.consensus === PBFT) !== (named === 'pbft')) {
        throw new InferbaseError(
          'ERR_INVALID_REQUEST',
          `${named} was asked for, and no such cluster was formed for this request`,
        );
      }
      if (entry.consensus === RAFT) {
        return ({ code, outcome }) => {
          const same = outcome === null ? 0 : 1;
          const summary = { members: 1, reported: 1, same, codes: { [code]: 1 }, missing: [] };
          const { topic } = order;
          ofHead(head, 'a cluster has its results', { requestId, topic, function: request.function_id, ...summary });
          end(entry);
        };
      }
      if ((request.signature ?? '') === '') {
        throw new InferbaseError('ERR_PERMISSION_DENIED', 'the order of a PBFT cluster has to be signed by its head');
      }
      (await entry.ready)?.order(order, type);
      return 'inside';
    },
    report(message, from) {
      const { cluster } = entries.get(requestIdOf(message)) ?? {};
      if (cluster === undefined || cluster === null) throw new Error('this node is in no such cluster');
      cluster.report(message, from);
    },
    disband(message, from) {
      const entry = entries.get(requestIdOf(message));
      // Whoever disbands it may not know that it is gone.
      if (entry === undefined) return;
      const isPrimary = entry.dialect === 'a' && entry.cluster?.primary === from;
      if (from !== entry.head && !isPrimary) {
        throw new InferbaseError('ERR_PERMISSION_DENIED', 'a cluster is disbanded by its head or its primary only');
      }
      if (entry.cluster === null) end(entry);
      else entry.cluster.disband();
    },
    gone(peerId) {
      for (const entry of entries.values()) {
        // In `a` its part is over when it has ordered.
        if (entry.head === peerId && entry.dialect !== 'a') end(entry);
      }
    },
    stop() {
      stopped = true;
      introductions.stop();
      for (const entry of entries.values()) end(entry);
    },
  };
}

const MAX_ECHOED = 128;

function isSame(known: Invitation, { head, members, consensus }: Invitation): boolean {
  return known.head === head && known.consensus === consensus && known.members.join() === members.join();
}

function taken(requestId: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `A cluster cannot be formed: the request ${requestId} is another's`);
}

function busy(why: string): InferbaseError {
  return new InferbaseError('ERR_BUSY', `busy: ${why}; retry later`);
}
