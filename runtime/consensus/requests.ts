import { LRUCache } from 'lru-cache';
import type { TraceField } from '../wire/messages/envelope.ts';
import { requestSignatureFlaw } from '../wire/messages/signed-messages.ts';
import { type PbftRequest, pbftDigest } from '../wire/pbft.ts';
import { bounds } from './bounds.ts';

/** What fills a gap in the sequence: nothing is executed for it. b7s writes an empty request, and `''` for its digest. */
export const NULL_DIGEST = '';

export interface RequestsInit {
  /** Id of the requests that the cluster is for; any if it is missing. */
  readonly requestId?: string;
  /** base58 peer id of the head that formed the cluster; any if it is missing. */
  readonly head?: string;
  /** As the replicas write it. */
  readonly traceField?: TraceField;
}

/** The requests that the head sent to this replica itself, and what a request that a primary proposes has to be. */
export interface Requests {
  /** What votes name a request by. */
  digestOf(request: PbftRequest): string;
  /** Takes a request of the head. @returns why not; `null` where it is taken */
  order(request: PbftRequest): string | null;
  /** By digest. */
  readonly ordered: ReadonlyMap<string, PbftRequest>;
  /** Whether the head has sent this replica another request of the same id. */
  differsFromOrder(request: PbftRequest, digest: string): boolean;
  /** What is wrong with a request that came by way of another replica; `null`: nothing. */
  flaw(request: PbftRequest, digest: string): string | null;
}

export function createRequests({ requestId, head, traceField }: RequestsInit): Requests {
  const nullRequestDigest = pbftDigest({ type: 1, data: {} }, traceField);
  const ordered = new Map<string, PbftRequest>();
  const byId = new Map<string, string>();
  /** By digest, of requests that others have sent. */
  const found = new LRUCache<string, { readonly flaw: string | null }>({ max: 4 * bounds.sequences });

  function digestOf(request: PbftRequest): string {
    const digest = pbftDigest({ type: 1, data: request }, traceField);
    return digest === nullRequestDigest ? NULL_DIGEST : digest;
  }

  function look(request: PbftRequest): string | null {
    if (requestId !== undefined && request.id !== requestId) return 'it is of another cluster';
    const origin = request.origin ?? '';
    if (head !== undefined && origin !== head) return 'it is of another head';
    // Go takes a request without a signature from no head either.
    if ((request.execute?.signature ?? '') === '') return 'its head has not signed it';
    return requestSignatureFlaw(request.execute ?? {}, origin);
  }

  return {
    digestOf,
    ordered,
    order(request) {
      const digest = digestOf(request);
      if (ordered.has(digest)) return null;
      if (ordered.size >= bounds.sequences) return 'there are too many';
      // What the others would refuse, this replica must not propose.
      const flaw = look(request);
      if (flaw !== null) return flaw;
      ordered.set(digest, request);
      if (!byId.has(request.id ?? '')) byId.set(request.id ?? '', digest);
      return null;
    },
    differsFromOrder(request, digest) {
      return !ordered.has(digest) && byId.has(request.id ?? '');
    },
    flaw(request, digest) {
      if (ordered.has(digest)) return null;
      const known = found.get(digest);
      if (known !== undefined) return known.flaw;
      const flaw = look(request);
      found.set(digest, { flaw });
      return flaw;
    },
  };
}
