import type { PbftMessage, PbftRequest } from '../wire/pbft.ts';
import { createAgreement, type Standing } from './agreement.ts';
import { bounds } from './bounds.ts';
import { createCluster } from './cluster.ts';
import { createDecisions } from './decisions.ts';
import { createRequests } from './requests.ts';
import { createSignatures } from './signatures.ts';
import { createSlots } from './slots.ts';

export interface ReplicaInit {
  /** base58 peer id of this node, and of all replicas in the order of the cluster; the primary is peers[view % n]. */
  readonly self: string;
  readonly peers: readonly string[];
  /** How long a request may take before the view is changed, in ms (b7s: 10 000). */
  readonly patienceMs: number;
  /** Id of the request that the cluster was formed for; requests of other ids are refused. Missing: any id. */
  readonly requestId?: string;
  /** base58 peer id of the head that formed the cluster; requests of other heads are refused. Missing: any head. */
  readonly head?: string;
}

export interface ReplicaComponents {
  /** Ed25519 of this node over the text, hex. */
  readonly sign: (text: string) => string;
  /** To all other replicas; delivered or lost. */
  readonly broadcast: (message: PbftMessage) => void;
  /** A request is committed: run it and report. Called once per request, in order; the next one waits until it resolves. Never rejects. */
  readonly execute: (request: PbftRequest, view: number) => Promise<void>;
  /** Starts a timer. @returns stops it */
  readonly schedule: (ms: number, then: () => void) => () => void;
  readonly log: (line: string, fields?: object) => void;
}

/** One replica of a PBFT cluster, as b7s has it (b7s consensus/pbft): a state machine that is told what comes. */
export interface Replica {
  /** A request of the head, whose signature the caller has checked. */
  request(request: PbftRequest): void;
  /** A message of another replica, `from` proven by its connection. Wrong ones are dropped and logged. */
  receive(message: PbftMessage, from: string): void;
  readonly view: number;
  /** base58 peer id of the primary of this view. */
  readonly primary: string;
  /** Stops its timers; nothing is sent or executed any more. */
  close(): void;
}

export function createReplica(components: ReplicaComponents, init: ReplicaInit): Replica {
  const { log } = components;
  const cluster = createCluster(init.self, init.peers);
  const standing: Standing = { view: 0, active: true };
  const signatures = createSignatures(components.sign);
  const slots = createSlots();
  const requests = createRequests(init);
  const decisions = createDecisions({ ...components, cluster, slots, requests });
  const offences = new Map<string, number>();
  let closed = false;

  const broadcast = (message: PbftMessage): void => {
    if (!closed && cluster.peers.length > 1) components.broadcast(message);
  };
  const offence = (from: string, why: string): void => {
    const count = (offences.get(from) ?? 0) + 1;
    offences.set(from, count);
    const fields = { replica: from, why };
    if (count < bounds.offences) log('a message of a replica is dropped', fields);
    else if (count === bounds.offences) log('a replica is not listened to any more', fields);
  };
  const agreement = createAgreement({
    ...{ cluster, standing, signatures, slots, requests, decisions, broadcast, offence, log },
    decided() {},
  });

  return {
    request(request) {
      if (closed) return;
      const digest = requests.order(request);
      if (digest === null) return log('a request of the head is dropped: there are too many', { request: request.id });
      if (cluster.primaryOf(standing.view) === cluster.self) agreement.propose(request, digest);
    },
    receive(message, from) {
      if (closed || !cluster.has(from) || from === cluster.self) return;
      if ((offences.get(from) ?? 0) >= bounds.offences) return;
      switch (message.type) {
        case 2:
          return agreement.prePrepare(message.data, from);
        case 3:
        case 4:
          return agreement.vote(message, from);
        default:
      }
    },
    get view() {
      return standing.view;
    },
    get primary() {
      return cluster.primaryOf(standing.view);
    },
    close() {
      closed = true;
      decisions.close();
    },
  };
}
