import type { PrePrepare, Vote } from '../wire/pbft.ts';
import { bounds } from './bounds.ts';

/** What is known of one sequence number in one view. */
export interface Slot {
  readonly view: number;
  readonly sequence: number;
  /** The first that its primary has sent; signed, and of a request that is as it should be. */
  prePrepare: PrePrepare | null;
  /** Bytes of it. */
  bytes: number;
  /** The view began with it. */
  carried: boolean;
  /** This replica holds with it: it is the primary, or has sent its prepare. */
  accepted: boolean;
  /** It does not, and will not in this view. */
  refused: boolean;
  /** This replica has sent its commit. */
  committed: boolean;
  /** By replica, whatever their digest. */
  readonly prepares: Map<string, Vote>;
  readonly commits: Map<string, Vote>;
  /** Replicas that prepared when this one needed it no more. */
  readonly late: Set<string>;
}

/** What has been received of the views around the present one, in whatever order it came. */
export interface Slots {
  /** @returns the slot, made where it is missing. The caller has checked that view and sequence number may be kept. */
  at(view: number, sequence: number): Slot;
  find(view: number, sequence: number): Slot | undefined;
  /** Of one view, by sequence number. */
  ofView(view: number): Slot[];
  /** Of one sequence number, in all views. */
  ofSequence(sequence: number): Slot[];
  /** Bytes of the pre-prepares of all views but this one. */
  bytesBeside(view: number): number;
  /** Forgets views that are too far back. */
  moveTo(view: number): void;
}

export function createSlots(): Slots {
  const views = new Map<number, Map<number, Slot>>();
  return {
    at(view, sequence) {
      let slots = views.get(view);
      if (slots === undefined) {
        slots = new Map();
        views.set(view, slots);
      }
      let slot = slots.get(sequence);
      if (slot === undefined) {
        slot = {
          ...{
            view,
            sequence,
            prePrepare: null,
            bytes: 0,
            carried: false,
            accepted: false,
            refused: false,
            committed: false,
          },
          ...{ prepares: new Map(), commits: new Map(), late: new Set() },
        };
        slots.set(sequence, slot);
      }
      return slot;
    },
    find: (view, sequence) => views.get(view)?.get(sequence),
    ofView: (view) => [...(views.get(view)?.values() ?? [])].sort((a, b) => a.sequence - b.sequence),
    ofSequence: (sequence) =>
      [...views.values()].flatMap((slots) => slots.get(sequence) ?? []).sort((a, b) => b.view - a.view),
    bytesBeside(view) {
      let bytes = 0;
      for (const [other, slots] of views) if (other !== view) for (const slot of slots.values()) bytes += slot.bytes;
      return bytes;
    },
    moveTo(view) {
      for (const known of views.keys()) if (known < view - bounds.viewsAround) views.delete(known);
    },
  };
}

/** How many have voted for this digest. */
export function votesFor(votes: ReadonlyMap<string, Vote>, digest: string): number {
  let count = 0;
  for (const vote of votes.values()) if (vote.digest === digest) count++;
  return count;
}
