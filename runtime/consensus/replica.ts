import type { TraceField } from '../wire/messages/envelope.ts';
import type { PbftMessage, PbftRequest } from '../wire/pbft.ts';
import { createAgreement, type Standing } from './agreement.ts';
import { bounds } from './bounds.ts';
import { createCluster } from './cluster.ts';
import { createDecisions } from './decisions.ts';
import { createPatience } from './patience.ts';
import { createProofs } from './proofs.ts';
import { createRequests } from './requests.ts';
import { createSignatures } from './signatures.ts';
import { createSlots } from './slots.ts';
import { createViewChanges } from './view-changes.ts';

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
  /** How the members write trace contexts, which they sign. */
  readonly traceField?: TraceField;
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
  /** A request that the head has sent to this node, signed by the head; a wrong one is dropped and logged. */
  request(request: PbftRequest): void;
  /**
   * A message of another replica, `from` proven by its connection. Wrong ones are dropped and logged.
   * @returns how many signatures were computed for it
   */
  receive(message: PbftMessage, from: string): number;
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
  const signatures = createSignatures(components.sign, init.peers.length, init.traceField);
  const slots = createSlots();
  const requests = createRequests(init);
  const decisions = createDecisions({ ...components, cluster, slots, requests });
  const offences = new Map<string, number>();
  let closed = false;

  const broadcast = (message: PbftMessage): void => {
    if (!closed && cluster.peers.length > 1) components.broadcast(message);
  };
  const patience = createPatience(init.patienceMs, {
    schedule: components.schedule,
    giveUp() {
      // One that has missed a decision catches up in a new view only; a faulty one may ask for it less and less often.
      const asked = standing.active && !agreement.isWaiting ? viewChanges.asked : null;
      viewChanges.start(asked ?? standing.view + 1);
      wait();
    },
    resend() {
      viewChanges.resend();
      agreement.resend();
    },
    repeat() {
      viewChanges.repeat();
      agreement.repeat();
    },
  });
  const proofs = createProofs({ cluster, signatures, requests });
  const shared = { cluster, standing, signatures, proofs, broadcast, remind: patience.remind, log };
  const agreement = createAgreement({ ...shared, slots, requests, decisions, decided: patience.refresh });
  const viewChanges = createViewChanges({ ...shared, agreement, moved: patience.renew });

  /** @returns what no correct replica sends; `null` where there is nothing of it */
  function handle(message: PbftMessage, from: string): string | null {
    switch (message.type) {
      case 1:
        // The head sends its request to each replica itself, and nobody else may.
        return null;
      case 2:
        return agreement.prePrepare(message.data, from);
      case 3:
      case 4:
        return agreement.vote(message, from);
      case 5:
        return viewChanges.viewChange(message.data, from);
      case 6:
        return viewChanges.newView(message.data, from);
    }
  }

  /** After whatever has happened. */
  function wait(): void {
    const open = !standing.active || agreement.isWaiting;
    const impatient = standing.active
      ? agreement.isWaiting || viewChanges.asked !== null
      : viewChanges.waiting >= cluster.leastQuorum;
    patience.wait({ impatient, open });
  }

  return {
    request(request) {
      if (closed) return;
      const why = requests.order(request);
      if (why !== null) {
        log('a request of the head is dropped', { request: request.id, why });
        return;
      }
      agreement.propose();
      wait();
    },
    receive(message, from) {
      if (closed || !cluster.has(from) || from === cluster.self) return 0;
      const before = offences.get(from) ?? 0;
      if (before >= bounds.offences) return 0;
      signatures.begin();
      const why = handle(message, from);
      if (why !== null) {
        offences.set(from, before + 1);
        log('a message of a replica is dropped', { replica: from, why });
        if (before + 1 === bounds.offences) log('a replica is not listened to any more', { replica: from });
      }
      wait();
      return signatures.computed;
    },
    get view() {
      return standing.view;
    },
    get primary() {
      return cluster.primaryOf(standing.view);
    },
    close() {
      closed = true;
      patience.close();
      decisions.close();
    },
  };
}
