import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferbaseError } from '../core/errors.ts';
import { toPeerId } from '../core/peer-id.ts';
import { createFile } from './durable-file.ts';

/** Who a node is to others: a libp2p Ed25519 key. */
export interface Identity {
  /** base58 peer id, `12D3KooW…`. */
  readonly peerId: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** libp2p `PrivateKey` message, for the thread of the libp2p host only. */
  readonly privateKey: Uint8Array;
  /** Ed25519 signature of the bytes, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/**
 * libp2p's `PrivateKey` message (libp2p specs, peer-ids): field 1 the key type, 1 = Ed25519, field 2 seed and public key.
 * `priv.bin` of go-libp2p's tools holds it.
 */
const PRIVATE_PREFIX = Buffer.from('08011240', 'hex');
/** DER of a PKCS#8 Ed25519 key up to its 32-byte seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

const KEY_BYTES = 32;
const FILE_BYTES = PRIVATE_PREFIX.length + 2 * KEY_BYTES;
const KEY_TYPES = ['RSA', 'Ed25519', 'Secp256k1', 'ECDSA'];

/**
 * Loads a node's key file.
 * @param path of the file, as go-libp2p or this function wrote it
 * @param create whether a missing file is made, readable by its owner only; of several processes at once all get the same
 * @throws InferbaseError `ERR_INVALID_SETTING` when the file is missing or is not such a key; `ERR_STORE_UNAVAILABLE`
 *   when it cannot be read or written
 */
export async function loadIdentity(path: string, { create }: { readonly create: boolean }): Promise<Identity> {
  const stored = await readKeyFile(path);
  if (stored !== null) return parseIdentity(stored, path);
  if (!create) {
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `There is no key file ${path}; name one that exists, or make one with inferbase keys generate.`,
    );
  }
  await createKeyFile(path);
  // Not the bytes just made: another process may have been first.
  const created = await readKeyFile(path);
  if (created === null) throw unavailable(path, 'it vanished right after it was written', undefined);
  return parseIdentity(created, path);
}

async function readKeyFile(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw unavailable(path, `it cannot be read (${codeOf(error)})`, error);
  }
}

/** Leaves an existing file alone; a reader never sees half a file. */
async function createKeyFile(path: string): Promise<void> {
  try {
    await createFile(path, generateKeyFile(), 0o600);
  } catch (error) {
    throw unavailable(path, `it cannot be written (${codeOf(error)})`, error);
  }
}

function generateKeyFile(): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  return Buffer.concat([PRIVATE_PREFIX, der.subarray(PKCS8_PREFIX.length), publicBytes(privateKey)]);
}

function parseIdentity(file: Buffer, path: string): Identity {
  const keyType = file[0] === 0x08 ? file[1] : undefined;
  if (keyType !== undefined && keyType !== 1 && KEY_TYPES[keyType] !== undefined) {
    throw invalid(path, `it holds a key of type ${KEY_TYPES[keyType]}, and only Ed25519 is supported`);
  }
  if (file.length !== FILE_BYTES || !file.subarray(0, PRIVATE_PREFIX.length).equals(PRIVATE_PREFIX)) {
    throw invalid(path, `its ${file.length} bytes are not a libp2p Ed25519 private key of ${FILE_BYTES}`);
  }
  const seed = file.subarray(PRIVATE_PREFIX.length, PRIVATE_PREFIX.length + KEY_BYTES);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = publicBytes(key);
  if (!file.subarray(PRIVATE_PREFIX.length + KEY_BYTES).equals(publicKey)) {
    throw invalid(path, 'its public half does not belong to its private half');
  }
  return {
    peerId: toPeerId(publicKey),
    publicKey: new Uint8Array(publicKey),
    privateKey: new Uint8Array(file),
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
  };
}

function publicBytes(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(der.length - KEY_BYTES);
}

function invalid(path: string, what: string): InferbaseError {
  const remedy = 'replace it, or remove it to have a new one made';
  return new InferbaseError('ERR_INVALID_SETTING', `The key file ${path} cannot be used: ${what}; ${remedy}.`);
}

function unavailable(path: string, what: string, cause: unknown): InferbaseError {
  const remedy = 'check the permissions of its folder';
  return new InferbaseError('ERR_STORE_UNAVAILABLE', `The key file ${path}: ${what}; ${remedy}.`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
