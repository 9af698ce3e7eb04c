import { LRUCache } from 'lru-cache';
import { type PbftMessage, pbftSignedText } from '../wire/pbft.ts';
import { signatureFlaw } from '../wire/signature.ts';
import { bounds } from './bounds.ts';

export interface Signatures {
  /** The message with the signature of this node. */
  sign<M extends PbftMessage>(message: M): M;
  /** Whether a message is signed by that replica. One that was right is not computed again. */
  areRight(message: PbftMessage, peerId: string): boolean;
}

/** @param sign Ed25519 of this node over the text, hex */
export function createSignatures(sign: (text: string) => string): Signatures {
  const known = new LRUCache<string, string>({ max: bounds.knownSignatures });
  return {
    sign: (message) => ({ ...message, data: { ...message.data, signature: sign(pbftSignedText(message)) } }),
    areRight(message, peerId) {
      const signature = message.data.signature ?? '';
      const text = pbftSignedText(message);
      const key = `${peerId} ${signature}`;
      if (known.get(key) === text) return true;
      if (signatureFlaw(peerId, text, signature) !== null) return false;
      known.set(key, text);
      return true;
    },
  };
}
