import type { PbftRequest } from '../wire/pbft.ts';
import type { Cluster } from './cluster.ts';
import { NULL_DIGEST, type Requests } from './requests.ts';
import { type Slot, type Slots, votesFor } from './slots.ts';

export interface DecisionsComponents {
  readonly cluster: Cluster;
  readonly slots: Slots;
  readonly requests: Requests;
  readonly execute: (request: PbftRequest, view: number) => Promise<void>;
  readonly log: (line: string, fields?: object) => void;
}

/** What has been agreed on, in order, and its execution. */
export interface Decisions {
  /** The sequence number up to which everything is decided. */
  readonly last: number;
  at(sequence: number): string | undefined;
  /** Whether nothing is left to be done for a request: it, or one of its id, is decided. */
  has(request: PbftRequest, digest: string): boolean;
  /** Decides what can be decided by now. @param view the present one @returns whether anything was */
  advance(view: number): boolean;
  close(): void;
}

export function createDecisions({ cluster, slots, requests, execute, log }: DecisionsComponents): Decisions {
  const digests: string[] = [];
  const ids = new Set<string>();
  let closed = false;
  let tail: Promise<void> = Promise.resolve();

  /** A quorum of commits decides in whatever view this replica is by now: each further view carries the request over. */
  function decided(sequence: number): { digest: string; request: PbftRequest | null } | null {
    for (const { commits } of slots.ofSequence(sequence)) {
      for (const { digest = '' } of commits.values()) {
        if (votesFor(commits, digest) < cluster.quorum) continue;
        if (digest === NULL_DIGEST) return { digest, request: null };
        const request = requests.ordered.get(digest) ?? requestIn(slots.ofSequence(sequence), digest);
        if (request !== undefined) return { digest, request };
      }
    }
    return null;
  }

  function run(request: PbftRequest, view: number): void {
    // The same request under another sequence number or with another time: all correct replicas pass over it.
    if (ids.has(request.id ?? '')) {
      log('a request is not executed again', { request: request.id });
      return;
    }
    ids.add(request.id ?? '');
    tail = tail.then(() => (closed ? undefined : execute(request, view)));
  }

  return {
    get last() {
      return digests.length;
    },
    at: (sequence) => digests[sequence - 1],
    has: (request, digest) => digests.includes(digest) || ids.has(request.id ?? ''),
    advance(view) {
      const before = digests.length;
      for (let next = decided(before + 1); next !== null; next = decided(digests.length + 1)) {
        digests.push(next.digest);
        log('a request is committed', { view, sequence: digests.length, request: next.request?.id });
        if (next.request !== null) run(next.request, view);
      }
      return digests.length > before;
    },
    close() {
      closed = true;
    },
  };
}

function requestIn(slots: readonly Slot[], digest: string): PbftRequest | undefined {
  return slots.find(({ prePrepare }) => prePrepare?.digest === digest)?.prePrepare?.request?.data;
}
