import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { PrivateKey } from '@libp2p/interface';

/** libp2p's `PrivateKey` message of an Ed25519 key, up to seed and public key. */
const PROTOBUF_PREFIX = Buffer.from('08011240', 'hex');
/** DER of a PKCS#8 Ed25519 key up to its 32-byte seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/**
 * Has an Ed25519 key sign by what OpenSSL made of it once; as it comes, it is imported anew for every signature, and every
 * message of gossip has one. Other keys are left as they are.
 */
export function keepForSigning(key: PrivateKey): PrivateKey {
  if (key.type !== 'Ed25519') return key;
  const kept = keyOf(key.raw.subarray(0, SEED_BYTES));
  key.sign = (message) => new Uint8Array(sign(null, message.subarray(), kept));
  return key;
}

/**
 * What signs by a key.
 * @param privateKey libp2p's `PrivateKey` message
 * @returns text → Ed25519 signature of its UTF-8, hex
 * @throws Error for a key of another kind
 */
export function signerOf(privateKey: Uint8Array): (text: string) => string {
  const { length } = PROTOBUF_PREFIX;
  if (!PROTOBUF_PREFIX.equals(privateKey.subarray(0, length))) throw new Error('the key of the node is no Ed25519 key');
  const key = keyOf(privateKey.subarray(length, length + SEED_BYTES));
  return (text) => sign(null, Buffer.from(text), key).toString('hex');
}

function keyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}
