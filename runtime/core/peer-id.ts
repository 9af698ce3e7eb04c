import { base58btc } from 'multiformats/bases/base58';

/** libp2p's `PublicKey` message (libp2p specs, peer-ids): field 1 the key type, 1 = Ed25519, field 2 the 32 bytes of the key. */
export const PUBLIC_KEY_PREFIX = Buffer.from('08011220', 'hex');
/** A peer id is the multihash "identity" (00), length 36, of the public-key message. */
const PEER_ID_PREFIX = Buffer.from('0024', 'hex');
const PREFIX = Buffer.concat([PEER_ID_PREFIX, PUBLIC_KEY_PREFIX]);
const KEY_BYTES = 32;
/** 38 bytes in base58; longer text is not looked at, since decoding it takes time with the square of its length. */
const PEER_ID_LENGTH = 52;

/** The base58 peer id of an Ed25519 key, `12D3KooW…`. */
export function toPeerId(publicKey: Uint8Array): string {
  return base58btc.baseEncode(Buffer.concat([PREFIX, publicKey]));
}

/** The 32 bytes of the Ed25519 key that a base58 peer id holds; `null` where it is none, or one of another kind of key. */
export function publicKeyOf(peerId: string): Uint8Array | null {
  if (peerId.length !== PEER_ID_LENGTH) return null;
  try {
    const bytes = base58btc.baseDecode(peerId);
    if (bytes.length !== PREFIX.length + KEY_BYTES) return null;
    return PREFIX.equals(bytes.subarray(0, PREFIX.length)) ? bytes.slice(PREFIX.length) : null;
  } catch {
    return null;
  }
}
