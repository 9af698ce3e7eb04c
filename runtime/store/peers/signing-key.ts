import { createPrivateKey, sign } from 'node:crypto';
import type { PrivateKey } from '@libp2p/interface';

/** DER of a PKCS#8 Ed25519 key up to its 32-byte seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/**
 * Has an Ed25519 key sign by what OpenSSL made of it once; as it comes, it is imported anew for every signature, and every
 * message of gossip has one. Other keys are left as they are.
 */
export function keepForSigning(key: PrivateKey): PrivateKey {
  if (key.type !== 'Ed25519') return key;
  const der = Buffer.concat([PKCS8_PREFIX, key.raw.subarray(0, SEED_BYTES)]);
  const kept = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  key.sign = (message) => new Uint8Array(sign(null, message.subarray(), kept));
  return key;
}
