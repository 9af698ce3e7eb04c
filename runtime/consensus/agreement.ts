import { type PbftMessage, type PbftRequest, type PrePrepare, pbftDigest, type Vote } from '../wire/pbft.ts';
import { bounds } from './bounds.ts';
import { type Cluster, isSequence } from './cluster.ts';
import type { Decisions } from './decisions.ts';
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
  readonly slots: Slots;
  readonly requests: Requests;
  readonly decisions: Decisions;
  readonly broadcast: (message: PbftMessage) => void;
  /** A replica has sent something that no correct one sends. */
  readonly offence: (from: string, why: string) => void;
  /** Something was decided. */
  readonly decided: () => void;
  readonly log: (line: string, fields?: object) => void;
}

/** One view: pre-prepare, prepare, commit. */
export interface Agreement {
  /** As primary: gives the request the next sequence number, unless it has one. */
  propose(request: PbftRequest, digest: string): void;
  prePrepare(data: PrePrepare, from: string): void;
  vote(message: PbftMessage & { readonly type: 3 | 4 }, from: string): void;
}

export function createAgreement(components: AgreementComponents): Agreement {
  const { cluster, standing, signatures, slots, requests, decisions, broadcast, offence, decided, log } = components;
  const { self } = cluster;

  function near(view: number, sequence: number): boolean {
    return isSequence(sequence) && Math.abs(view - standing.view) <= bounds.viewsAround;
  }

  /** Takes what is known of a slot of the present view as far as it goes. */
  function act(slot: Slot): void {
    const { view, sequence, prePrepare } = slot;
    if (prePrepare === null || !standing.active || view !== standing.view) return;
    const { digest = '' } = prePrepare;
    const vote = { view, sequence_number: sequence, digest };
    if (!slot.accepted) {
      const objection = objectionTo(slot, prePrepare);
      if (objection !== null) {
        log('a pre-prepare is not agreed to', { view, sequence, why: objection });
        return;
      }
      slot.accepted = true;
      const prepare = signatures.sign({ type: 3 as const, data: vote });
      slot.prepares.set(self, prepare.data);
      broadcast(prepare);
    }
    // The primary's pre-prepare stands for its prepare.
    if (!slot.committed && votesFor(slot.prepares, digest) >= cluster.quorum - 1) {
      slot.committed = true;
      const commit = signatures.sign({ type: 4 as const, data: vote });
      slot.commits.set(self, commit.data);
      broadcast(commit);
      settle();
    }
  }

  function settle(): void {
    if (decisions.advance(standing.view)) decided();
  }

  function objectionTo({ view, sequence }: Slot, { digest = '', request }: PrePrepare): string | null {
    const twin = slots.ofView(view).some((other) => other.accepted && other.prePrepare?.digest === digest);
    if (twin) return 'the same request has another sequence number in this view';
    const agreed = decisions.at(sequence);
    if (agreed !== undefined && agreed !== digest) return 'another request is committed at this sequence number';
    if (requests.differsFromOrder(request?.data ?? {}, digest)) return 'the head sent another request of this id';
    return null;
  }

  return {
    propose(request, digest) {
      const { view } = standing;
      const used = slots.ofView(view).filter(({ prePrepare }) => prePrepare !== null);
      if (decisions.has(digest) || used.some(({ prePrepare }) => prePrepare?.digest === digest)) return;
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
    },

    prePrepare(data, from) {
      const { view = 0, sequence_number: sequence = 0, digest = '', request } = data;
      if (!near(view, sequence) || from !== cluster.primaryOf(view) || from === self) return;
      if ((slots.find(view, sequence)?.prePrepare ?? null) !== null) return;
      if (!signatures.areRight({ type: 2, data }, from)) return offence(from, 'a pre-prepare with a wrong signature');
      if (request?.data === undefined || pbftDigest({ type: 1, data: request.data }) !== digest) {
        return offence(from, 'a pre-prepare whose digest is not that of its request');
      }
      const flaw = requests.flaw(request.data, digest);
      if (flaw !== null) return offence(from, `a pre-prepare of a request that cannot be: ${flaw}`);
      const slot = slots.at(view, sequence);
      slot.prePrepare = data;
      act(slot);
      settle();
    },

    vote(message, from) {
      const { type, data } = message;
      const { view = 0, sequence_number: sequence = 0 } = data;
      if (!near(view, sequence) || from === self) return;
      const slot = slots.at(view, sequence);
      const votes = type === 3 ? slot.prepares : slot.commits;
      if (votes.has(from)) return;
      if (type === 3 && (from === cluster.primaryOf(view) || slot.committed || view < standing.view)) return;
      if (type === 4 && decisions.at(sequence) !== undefined) return;
      if (!signatures.areRight(message, from)) return offence(from, 'a vote with a wrong signature');
      votes.set(from, data satisfies Vote);
      if (type === 3) act(slot);
      else settle();
    },
  };
}
