import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TraceField } from '../wire/messages/envelope.ts';
import { type PbftMessage, pbftSignedText } from '../wire/pbft.ts';
import { signatureFlaw } from '../wire/signature.ts';
import { bounds } from './bounds.ts';

export interface Signatures {
  /** The message with the signature of this node. */
  sign<M extends PbftMessage>(message: M): M;
  /**
   * Whether a message is signed by that replica. One that was right is not computed again; past the most that what was
   * received may have computed, none is right.
   */
  areRight(message: PbftMessage, peerId: string): boolean;
  /** How many were computed since `begin`. */
  readonly computed: number;
  /** Something is received. */
  begin(): void;
}

/**
 * @param sign Ed25519 of this node over the text, hex
 * @param replicas how many there are
 * @param traceField as they write it
 */
export function createSignatures(
  sign: (text: string) => string,
  replicas: number,
  traceField?: TraceField,
): Signatures {
  const known = new LRUCache<string, string>({ max: bounds.knownSignatures });
  const most = Math.max(bounds.leastComputed, bounds.computedOfReplica * replicas);
  let computed = 0;
  return {
    get computed() {
      return computed;
    },
    begin() {
      computed = 0;
    },
    sign(message) {
      return { ...message, data: { ...message.data, signature: sign(pbftSignedText(message, traceField)) } };
    },
    areRight(message, peerId) {
      if (computed >= most) return false;
      const signature = message.data.signature ?? '';
      const text = pbftSignedText(message, traceField);
      const key = `${peerId} ${signature}`;
      // What others sign may be long.
      const digest = hash('sha256', text);
      if (known.get(key) === digest) return true;
      computed++;
      if (signatureFlaw(peerId, text, signature) !== null) return false;
      known.set(key, digest);
      return true;
    },
  };
}
