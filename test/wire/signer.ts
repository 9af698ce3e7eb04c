import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { toPeerId } from '../../runtime/core/peer-id.ts';

/** A peer whose key is made of a sentence; those of the golden vectors are `inferbase test key N`. */
export function signer(seed: string): { readonly peerId: string; sign(bytes: Uint8Array): Uint8Array } {
  const der = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    createHash('sha256').update(seed).digest(),
  ]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { peerId: toPeerId(publicKey), sign: (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, key)) };
}
