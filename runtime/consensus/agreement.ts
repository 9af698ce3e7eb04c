import { encodePbft, type PbftMessage, type PrePrepare, type Prepared, type Vote } from '../wire/pbft.ts';
import { bounds } from './bounds.ts';
import type { Foundation } from './carry-over.ts';
import { type Cluster, isSequence } from './cluster.ts';
import type { Decisions } from './decisions.ts';
import type { Proofs } from './proofs.ts';
import type { Requests } from './requests.ts';
import type { Signatures } from './signatures.ts';
import { type Slot, type Slots, votesFor } from './slots.ts';

/** The view that a replica is in; `active` is false while it waits for its new-view. */
export interface Standing {
  view: number;
  active: boolean;
}

export interface AgreementComponents {
  readonly cluster: Cluster;
  readonly standing: Readonly<Standing>;
  readonly signatures: Signatures;
  readonly proofs: Proofs;
  readonly slots: Slots;
  readonly requests: Requests;
  readonly decisions: Decisions;
  readonly broadcast: (message: PbftMessage) => void;
  /** A replica shows that it knows less than this one. */
  readonly remind: () => void;
  /** Something was decided. */
  readonly decided: () => void;
  readonly log: (line: string, fields?: object) => void;
}

/** Within a view: pre-prepare, prepare, commit. */
export interface Agreement {
  /** As primary: gives the requests of the head that have none a sequence number. */
  propose(): void;
  /** @returns what no correct replica sends; `null` where there is nothing of it */
  prePrepare(data: PrePrepare, from: string): string | null;
  /** The same, of a prepare or a commit. */
  vote(message: PbftMessage & { readonly type: 3 | 4 }, from: string): string | null;
  /** Whether this replica waits for something to be decided. */
  readonly isWaiting: boolean;
  /** The proofs of what this replica has seen prepared, for a view change. */
  prepared(): readonly Prepared[];
  /** Begins the view that `standing` names. */
  enter(prePrepares: readonly PrePrepare[], founded: Foundation): void;
  /** Says again what it has said of what is not decided; after it has given up the view, its commits. */
  resend(): void;
  /** Says again what others need of what is decided: its commits and the pre-prepares. */
  repeat(): void;
}

export function createAgreement(components: AgreementComponents): Agreement {
  const { cluster, standing, signatures, proofs, slots, requests, decisions } = components;
  const { broadcast, remind, decided, log } = components;
  const { self } = cluster;
  /** By sequence number, of the highest view in which it was prepared here. */
  const certificates = new Map<number, Prepared>();
  /** Of the present view; there is nothing before the first. */
  let founded: Foundation = { carried: [], full: true };

  const isPrimary = (): boolean => cluster.primaryOf(standing.view) === self;

  function near(view: number, sequence: number): boolean {
    return isSequence(sequence) && view >= 0 && Math.abs(view - standing.view) <= bounds.viewsAround;
  }

  /** Takes what is known of a slot of the present view as far as it goes. */
  function act(slot: Slot): void {
    const { view, sequence, prePrepare } = slot;
    if (prePrepare === null || slot.refused || !standing.active || view !== standing.view) return;
    const { digest = '' } = prePrepare;
    const vote = { view, sequence_number: sequence, digest };
    if (!slot.accepted) {
      const objection = objectionTo(slot, prePrepare);
      if (objection !== null) {
        slot.refused = true;
        log('a pre-prepare is not agreed to', { view, sequence, why: objection });
        return;
      }
      slot.accepted = true;
      const prepare = signatures.sign({ type: 3 as const, data: vote });
      slot.prepares.set(self, prepare.data);
      broadcast(prepare);
    }
    // The primary's pre-prepare stands for its prepare.
    if (slot.committed || votesFor(slot.prepares, digest) < cluster.quorum - 1) return;
    slot.committed = true;
    certificates.set(sequence, proofOf(slot, prePrepare));
    const commit = signatures.sign({ type: 4 as const, data: vote });
    slot.commits.set(self, commit.data);
    broadcast(commit);
    settle();
  }

  function settle(): void {
    if (decisions.advance(standing.view)) decided();
  }

  function objectionTo({ view, sequence, carried }: Slot, { digest = '', request }: PrePrepare): string | null {
    const agreed = decisions.at(sequence);
    if (agreed !== undefined && agreed !== digest) return 'another request is committed at this sequence number';
    if (!mayReplace(sequence, digest)) return 'another request was prepared at this sequence number';
    if (carried) return null;
    const twin = slots.ofView(view).some((other) => other.accepted && other.prePrepare?.digest === digest);
    if (twin) return 'the same request has another sequence number in this view';
    if (requests.differsFromOrder(request?.data ?? {}, digest)) return 'the head sent another request of this id';
    return null;
  }

  /**
   * Whether the view is founded well enough for something else than what was prepared here before. Those of Go may be
   * founded on 2f+1 view changes where that is less than a quorum.
   */
  function mayReplace(sequence: number, digest: string): boolean {
    const prepared = certificates.get(sequence);
    if (prepared === undefined || prepared.digest === digest) return true;
    const safe = founded.carried[sequence - 1]?.safe;
    return founded.full && (safe === undefined || safe === digest);
  }

  function propose(): void {
    if (!standing.active || !isPrimary()) return;
    const { view } = standing;
    for (const [digest, request] of requests.ordered) {
      const used = slots.ofView(view).filter(({ prePrepare }) => prePrepare !== null);
      if (decisions.has(request, digest) || used.some(({ prePrepare }) => prePrepare?.digest === digest)) continue;
      const sequence = Math.max(decisions.last, ...used.map((slot) => slot.sequence)) + 1;
      if (!isSequence(sequence)) {
        log('no more requests fit into the cluster', { request: request.id });
        return;
      }
      const data = { view, sequence_number: sequence, digest, request: { data: request } };
      const message = signatures.sign({ type: 2 as const, data });
      const slot = slots.at(view, sequence);
      slot.prePrepare = message.data;
      slot.accepted = true;
      broadcast(message);
      act(slot);
    }
  }

  function isOpen({ sequence, accepted }: Slot): boolean {
    return accepted && sequence > decisions.last;
  }

  return {
    propose,

    prePrepare(data, from) {
      const { view = 0, sequence_number: sequence = 0 } = data;
      // Whoever has it may pass it on; it is signed by the primary of its view.
      if (!near(view, sequence) || cluster.primaryOf(view) === self) return null;
      if ((slots.find(view, sequence)?.prePrepare ?? null) !== null) {
        // A primary that waits says it again; others pass it on to those who wait.
        if (from === cluster.primaryOf(view)) remind();
        return null;
      }
      const bytes = encodePbft({ type: 2, data }).length;
      if (view !== standing.view && slots.bytesBeside(standing.view) + bytes > bounds.earlyBytes) return null;
      const flaw = proofs.prePrepareFlaw(data, false);
      if (flaw !== null) return flaw;
      const slot = slots.at(view, sequence);
      slot.prePrepare = data;
      slot.bytes = bytes;
      act(slot);
      settle();
      return null;
    },

    vote(message, from) {
      const { type, data } = message;
      const { view = 0, sequence_number: sequence = 0 } = data;
      if (!near(view, sequence) || (type === 3 && from === cluster.primaryOf(view))) return null;
      const slot = slots.at(view, sequence);
      const votes: Map<string, Vote> = type === 3 ? slot.prepares : slot.commits;
      if (votes.has(from) || (type === 3 && slot.late.has(from))) {
        if (type === 3) remind();
        return null;
      }
      if (type === 3 && (slot.committed || view < standing.view)) {
        slot.late.add(from);
        return null;
      }
      if (type === 4 && sequence <= decisions.last) return null;
      if (!signatures.areRight(message, from)) return 'a vote with a wrong signature';
      votes.set(from, data);
      if (type === 3) act(slot);
      else settle();
      return null;
    },

    get isWaiting() {
      for (const [digest, request] of requests.ordered) if (!decisions.has(request, digest)) return true;
      return slots.ofView(standing.view).some(isOpen);
    },

    prepared: () => [...certificates.values()].sort((a, b) => (a.sequence_number ?? 0) - (b.sequence_number ?? 0)),

    enter(prePrepares, foundation) {
      const { view } = standing;
      founded = foundation;
      slots.moveTo(view);
      for (const [index, prePrepare] of prePrepares.entries()) {
        const slot = slots.at(view, index + 1);
        Object.assign(slot, { prePrepare, carried: true, accepted: isPrimary() });
      }
      // Also those that came before the new-view.
      for (const slot of slots.ofView(view)) act(slot);
      settle();
      propose();
    },

    resend() {
      const { view, active } = standing;
      if (active) {
        for (const { prePrepare, prepares, carried } of slots.ofView(view).filter(isOpen)) {
          if (isPrimary() && prePrepare !== null && !carried) broadcast({ type: 2, data: prePrepare });
          const prepare = prepares.get(self);
          if (prepare !== undefined) broadcast({ type: 3, data: prepare });
        }
      }
      for (let sequence = decisions.last + 1; sequence <= bounds.sequences; sequence++) repeatCommit(sequence);
    },

    repeat() {
      for (let sequence = 1; sequence <= decisions.last; sequence++) {
        const slot = repeatCommit(sequence);
        if (slot !== undefined && slot.prePrepare !== null && !slot.carried)
          broadcast({ type: 2, data: slot.prePrepare });
      }
    },
  };

  /** The last commit, whose view may be over: it counts for others as it did. */
  function repeatCommit(sequence: number): Slot | undefined {
    const slot = slots.ofSequence(sequence).find(({ commits }) => commits.has(self));
    const data = slot?.commits.get(self);
    if (data !== undefined) broadcast({ type: 4, data });
    return slot;
  }

  function proofOf({ view, sequence, prepares }: Slot, prePrepare: PrePrepare): Prepared {
    const { digest = '' } = prePrepare;
    const matching = [...prepares].filter(([, data]) => data.digest === digest);
    return {
      ...{ view, sequence_number: sequence, digest, preprepare: { data: prePrepare } },
      prepares: Object.fromEntries(matching.map(([replica, data]) => [replica, { data }])),
    };
  }
}
