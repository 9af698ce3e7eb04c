import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { publicKeyOf } from '../core/peer-id.ts';

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const HEX_SIGNATURE = /^[0-9a-fA-F]{128}$/;

/** Making one costs a third of a verification. */
const keys = new LRUCache<string, KeyObject>({ max: 1_024 });

function keyOf(peerId: string): KeyObject | null {
  const known = keys.get(peerId);
  if (known !== undefined) return known;
  const bytes = publicKeyOf(peerId);
  if (bytes === null) return null;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
  keys.set(peerId, key);
  return key;
}

/**
 * What is wrong with an Ed25519 signature; `null`: nothing.
 * @param peerId base58, with the public key inside
 * @param signature hex
 */
export function signatureFlaw(peerId: string, signed: string | Uint8Array, signature: string): string | null {
  if (!HEX_SIGNATURE.test(signature)) return 'its signature is not 128 hex digits';
  const key = keyOf(peerId);
  if (key === null) return 'its peer id is none of an Ed25519 key';
  const bytes = typeof signed === 'string' ? Buffer.from(signed) : signed;
  return verify(null, bytes, key, Buffer.from(signature, 'hex')) ? null : 'its signature is wrong';
}
