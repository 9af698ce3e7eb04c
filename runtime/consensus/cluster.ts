import { bounds } from './bounds.ts';

/** Who the replicas are and how many of them it takes. */
export interface Cluster {
  /** base58 peer ids, as those below */
  readonly self: string;
  readonly peers: readonly string[];
  /** The primary of a view. */
  primaryOf(view: number): string;
  has(peerId: string): boolean;
  /** How many may be faulty: one in three, less one. */
  readonly faulty: number;
  /**
   * How many any two of which have a correct replica in common. b7s waits for 2f+1 and 2f, which is the same where n is
   * 3f+1, and too few where it is not: of six, two disjoint threes would each be enough.
   */
  readonly quorum: number;
  /** How many b7s waits for: 2f+1. */
  readonly leastQuorum: number;
}

/** @param peers in the order of the cluster, without doubles, `self` among them */
export function createCluster(self: string, peers: readonly string[]): Cluster {
  const n = peers.length;
  const faulty = Math.max(0, Math.floor((n - 1) / 3));
  const members = new Set(peers);
  return {
    self,
    peers,
    primaryOf: (view) => peers[view % n] ?? self,
    has: (peerId) => members.has(peerId),
    faulty,
    quorum: Math.ceil((n + faulty + 1) / 2),
    leastQuorum: 2 * faulty + 1,
  };
}

/** Whether it is a number of a view that a replica may speak of. */
export function isView(view: number): boolean {
  return Number.isSafeInteger(view) && view >= 0 && view <= bounds.lastView;
}

/** Whether it is a sequence number that a replica may speak of; they begin at 1. */
export function isSequence(sequence: number): boolean {
  return Number.isInteger(sequence) && sequence >= 1 && sequence <= bounds.sequences;
}
