import { generateKeyPairSync } from 'node:crypto';

/** A new Ed25519 key as libp2p's `PrivateKey` message, as `keys/priv.bin` holds it. */
export function generateKey(): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return Buffer.concat([Buffer.from('08011240', 'hex'), seed, point]);
}
