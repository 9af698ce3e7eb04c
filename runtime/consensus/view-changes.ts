import type { NewView, PbftMessage, PrePrepare, ViewChange } from '../wire/pbft.ts';
import type { Agreement, Standing } from './agreement.ts';
import { bounds } from './bounds.ts';
import { type CarriedOver, carryOver, type Foundation } from './carry-over.ts';
import { type Cluster, isView } from './cluster.ts';
import type { Proofs } from './proofs.ts';
import type { Signatures } from './signatures.ts';

export interface ViewChangesComponents {
  readonly cluster: Cluster;
  /** Written here only. */
  readonly standing: Standing;
  readonly signatures: Signatures;
  readonly proofs: Proofs;
  readonly agreement: Agreement;
  readonly broadcast: (message: PbftMessage) => void;
  /** A replica shows that it knows less than this one. */
  readonly remind: () => void;
  /** The view has changed, or is being changed. */
  readonly moved: (view: number) => void;
  readonly log: (line: string, fields?: object) => void;
}

/** From a view whose primary does not do its part to one whose primary does. */
export interface ViewChanges {
  /** Gives up the present view for a later one. */
  start(view: number): void;
  /** @returns what no correct replica sends; `null` where there is nothing of it */
  viewChange(data: ViewChange, from: string): string | null;
  /** The same. */
  newView(data: NewView, from: string): string | null;
  /** How many replicas wait for the new-view that this one waits for, or for a later one already. */
  readonly waiting: number;
  /** The lowest later view that another replica waits for alone, `null` where there is none. */
  readonly asked: number | null;
  /** Says again what it has said for the present view. */
  resend(): void;
  /** Says again what the present view began with. */
  repeat(): void;
}

export function createViewChanges(components: ViewChangesComponents): ViewChanges {
  const { cluster, standing, signatures, proofs, agreement, broadcast, remind, moved, log } = components;
  const { self } = cluster;
  /** The highest of each replica. One that has gone on is of no use to a lower view. */
  const latest = new Map<string, ViewChange>();
  /** The highest view that each replica has asked for, whether or not it counts. */
  const heard = new Map<string, number>();
  /** What this replica has said for the present view: its view change, or its new-view. */
  let said: PbftMessage | null = null;
  /** The new-view that the present view began with, whoever said it. */
  let begun: PbftMessage | null = null;

  function supporters(view: number): [string, ViewChange][] {
    return [...latest].filter(([, data]) => data.view === view);
  }

  function start(view: number): void {
    if (view <= standing.view || !isView(view)) return;
    log('the view is changed', { from: standing.view, to: view, primary: cluster.primaryOf(view) });
    standing.view = view;
    standing.active = false;
    const prepares = agreement.prepared();
    const message = signatures.sign({ type: 5 as const, data: { view, ...(prepares.length > 0 ? { prepares } : {}) } });
    latest.set(self, message.data);
    said = message;
    begun = null;
    moved(view);
    broadcast(message);
    check();
  }

  /** What the view changes of now lead to. */
  function check(): void {
    const later = [...latest.values()].map(({ view = 0 }) => view).filter((view) => view > standing.view);
    // The view that f+1 have reached: one of them is correct, and has a reason.
    const joined = later.sort((a, b) => b - a)[cluster.faulty];
    if (joined !== undefined) start(joined);
    else if (!standing.active && cluster.primaryOf(standing.view) === self) {
      const support = supporters(standing.view);
      if (support.length >= cluster.quorum) begin(support);
    }
  }

  /** As primary of the new view. */
  function begin(support: readonly [string, ViewChange][]): void {
    const { view } = standing;
    const carried = carryOver(
      support.map(([, data]) => data),
      cluster,
    );
    const prePrepares = carried.map(({ digest, request }, index) => {
      const data = { view, sequence_number: index + 1, digest, request: { data: request } };
      return signatures.sign({ type: 2 as const, data }).data;
    });
    const messages = Object.fromEntries(support.map(([replica, data]) => [replica, { data }]));
    const data = { view, messages, preprepares: prePrepares.map((prePrepare) => ({ data: prePrepare })) };
    said = signatures.sign({ type: 6 as const, data });
    begun = said;
    broadcast(said);
    enter(view, prePrepares, { carried, full: true });
  }

  function enter(view: number, prePrepares: readonly PrePrepare[], founded: Foundation): void {
    standing.view = view;
    standing.active = true;
    for (const [replica, data] of latest) if ((data.view ?? 0) <= view) latest.delete(replica);
    log('a new view has begun', { view, primary: cluster.primaryOf(view), carried: prePrepares.length });
    agreement.enter(prePrepares, founded);
    moved(view);
    check();
  }

  /** The view changes of a new-view that are as they should be; others count as if its primary had left them out. */
  function supportOf({ view = 0, messages = {} }: NewView, primary: string): ViewChange[] {
    return Object.entries(messages).flatMap(([replica, { data = {} }]) => {
      if (!cluster.has(replica) || data.view !== view) return [];
      // Go's primary may leave its own view change unsigned; it is part of the new-view that it signed.
      const signed = replica !== primary || (data.signature ?? '') !== '';
      return proofs.viewChangeFlaw(data, replica, signed) === null ? [data] : [];
    });
  }

  function newViewFlaw(data: NewView, support: readonly ViewChange[], carried: readonly CarriedOver[]): string | null {
    if (support.length < cluster.leastQuorum) return 'a new-view with too few view changes';
    const { view = 0, preprepares = [] } = data;
    if (preprepares.length !== carried.length) return 'a new-view that does not follow from its view changes';
    for (const [index, { data: prePrepare = {} }] of preprepares.entries()) {
      const { sequence_number: sequence, digest = '' } = prePrepare;
      if (prePrepare.view !== view || sequence !== index + 1 || carried[index]?.allowed.has(digest) !== true) {
        return 'a new-view that does not follow from its view changes';
      }
      const flaw = proofs.prePrepareFlaw(prePrepare, true);
      if (flaw !== null) return `a new-view with ${flaw}`;
    }
    return null;
  }

  return {
    start,
    viewChange(data, from) {
      const { view = 0 } = data;
      if (!isView(view) || view > standing.view + bounds.viewsAhead) return null;
      const again = view <= (heard.get(from) ?? 0);
      heard.set(from, Math.max(view, heard.get(from) ?? 0));
      // The first may only have come late.
      if (again && standing.active) remind();
      if (again || view < standing.view || (view === standing.view && standing.active)) return null;
      const flaw = proofs.viewChangeFlaw(data, from, true);
      if (flaw !== null) return flaw;
      latest.set(from, data);
      check();
      return null;
    },

    newView(data, from) {
      const { view = 0 } = data;
      if (!isView(view) || view < standing.view) return null;
      const primary = cluster.primaryOf(view);
      if (view === standing.view && standing.active) {
        // Its primary waits for something in it.
        if (from === primary) remind();
        return null;
      }
      const message: PbftMessage = { type: 6, data };
      // Whoever has it may pass it on.
      if (!signatures.areRight(message, primary)) return 'a new-view with a wrong signature';
      const support = supportOf(data, primary);
      const carried = carryOver(support, cluster);
      const flaw = newViewFlaw(data, support, carried);
      if (flaw !== null) return flaw;
      said = null;
      begun = message;
      const prePrepares = (data.preprepares ?? []).map((part) => part.data ?? {});
      enter(view, prePrepares, { carried, full: support.length >= cluster.quorum });
      return null;
    },

    get waiting() {
      return [...latest.values()].filter(({ view = 0 }) => view >= standing.view).length;
    },
    get asked() {
      const later = [...latest.values()].map(({ view = 0 }) => view).filter((view) => view > standing.view);
      return later.length === 0 ? null : Math.min(...later);
    },
    resend() {
      if (said !== null) broadcast(said);
    },
    repeat() {
      if (begun !== null) broadcast(begun);
    },
  };
}
