import { hash } from 'node:crypto';
import { CID } from 'multiformats/cid';
import { InferbaseError } from './errors.ts';

/** Multicodec numbers of the block formats a function may be made of. */
export const RAW = 0x55;
export const DAG_PB = 0x70;

const SHA2_256 = 0x12;
const IDENTITY = 0x00;
/** Longest digest an identity CID may carry, in bytes; what IPFS implementations agree on. */
const MAX_IDENTITY_BYTES = 128;
/** Decoding base58 takes quadratic time; no CID we accept is longer than this. */
const MAX_TEXT = 256;
/** Hashing less takes as long as asking for it. */
const ASIDE_BYTES = 64 * 1024;

export interface ParsedCid {
  readonly cid: CID;
  /** The same text for every spelling of one CID: version 1 in base32. */
  readonly key: string;
}

/**
 * Reads a CID of version 0 or 1 in base58btc, base32 or base36.
 * @param text as a caller gave it
 * @throws InferbaseError `ERR_INVALID_CID` when it is none, or is not a raw or dag-pb block hashed with sha2-256
 */
export function parseCid(text: string): ParsedCid {
  const cid = decode(text);
  if (cid.code !== RAW && cid.code !== DAG_PB) {
    throw invalid(text, `has codec 0x${cid.code.toString(16)}; a function is a raw or dag-pb (UnixFS) CID`);
  }
  if (cid.multihash.code !== SHA2_256 || cid.multihash.digest.length !== 32) {
    throw invalid(text, `is hashed with 0x${cid.multihash.code.toString(16)}; add the function again with sha2-256`);
  }
  return { cid, key: cid.toV1().toString() };
}

/**
 * Reads the CID of any block that could be here: every format, hashed with sha2-256, or an identity CID.
 * @throws InferbaseError `ERR_INVALID_CID`
 */
export function parseBlockCid(text: string): CID {
  const cid = decode(text);
  if (!isVerifiable(cid)) {
    throw invalid(text, `is hashed with 0x${cid.multihash.code.toString(16)}; only sha2-256 is kept here`);
  }
  return cid;
}

function decode(text: string): CID {
  if (text === '') throw invalid(text, 'is empty; give the CID of a function');
  if (text.length > MAX_TEXT) throw invalid(text, `is ${text.length} characters long, too long for a CID`);
  try {
    return CID.parse(text);
  } catch {
    throw invalid(text, 'is not a CID, or not a whole one; it should look like bafkrei… or Qm…');
  }
}

function invalid(text: string, problem: string): InferbaseError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new InferbaseError('ERR_INVALID_CID', `${JSON.stringify(shown)} ${problem}.`);
}

/** Whether these bytes are the block that a CID names. False as well for any hash but sha2-256 and identity. */
export function verifyBlock(cid: CID, bytes: Uint8Array): boolean {
  const { code, digest } = cid.multihash;
  if (code === IDENTITY) return identityBlock(cid) !== undefined && Buffer.from(digest).equals(bytes);
  if (code !== SHA2_256 || digest.length !== 32) return false;
  return hash('sha256', bytes, 'buffer').equals(digest);
}

/**
 * The same without holding up the thread: large blocks are hashed beside it.
 * @param bytes not to be changed meanwhile
 */
export async function verifyBlockAside(cid: CID, bytes: Uint8Array): Promise<boolean> {
  const { code, digest } = cid.multihash;
  if (bytes.length < ASIDE_BYTES || code !== SHA2_256) return verifyBlock(cid, bytes);
  const actual = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return digest.length === 32 && Buffer.from(actual).equals(digest);
}

/** Whether a block can be checked at all: sha2-256, or an identity CID of at most 128 bytes. */
export function isVerifiable(cid: CID): boolean {
  const { code, digest } = cid.multihash;
  return (code === SHA2_256 && digest.length === 32) || identityBlock(cid) !== undefined;
}

/** The block that an identity CID carries in itself; `undefined` for every other CID and for one over 128 bytes. */
export function identityBlock(cid: CID): Uint8Array | undefined {
  const { code, digest } = cid.multihash;
  return code === IDENTITY && digest.length <= MAX_IDENTITY_BYTES ? digest : undefined;
}

/** Lower-case hex sha-256 of the block that a sha2-256 CID names. */
export function digestHex(cid: CID): string {
  return Buffer.from(cid.multihash.digest).toString('hex');
}
