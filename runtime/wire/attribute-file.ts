import { inflateSync } from 'node:zlib';
import { InferbaseError } from '../core/errors.ts';
import type { AttestedAttributes } from './attributes.ts';
import { signatureFlaw } from './signature.ts';

/** Longest file that is read, in bytes: some 450 attestors. */
export const MAX_ATTRIBUTE_FILE = 65_536;
/** The part that holds the attributes, padded with zeros. */
const DATA_BYTES = 1_024;
/** b7s writes at most 50; a kilobyte of zlib may hold a megabyte of anything. */
const MAX_TEXT_BYTES = 65_536;
const SEPARATOR = '\x1f';
const BASE64_SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;

/**
 * Reads an `attributes.bin` as b7s-attributes writes it (its attributes/attestation.go), and checks what b7s does not: every
 * signature in it.
 *
 * ```
 * 0     zlib of NAME=VALUE records, 0x1f between them; zeros up to 1024
 * 1024  peer id 0x1f signature            of the node, over the records
 *       0x1f peer id 0x1f signature …     of each attestor, over the records and the node's id and signature
 * ```
 *
 * Ids in base58, signatures in base64.
 * @param peerId base58 peer id of the node whose file it has to be
 * @throws InferbaseError `ERR_INVALID_SETTING` that says what is wrong with it
 */
export function parseAttributeFile(file: Uint8Array, peerId: string): AttestedAttributes {
  if (file.length < DATA_BYTES || file.length > MAX_ATTRIBUTE_FILE) {
    throw invalid(`it has ${file.length} bytes; from ${DATA_BYTES} to ${MAX_ATTRIBUTE_FILE} are expected`);
  }
  const records = inflate(file.subarray(0, DATA_BYTES));
  const values = parseRecords(records.toString());
  const rest = Buffer.from(file.subarray(DATA_BYTES)).toString('latin1');
  if (rest === '') return { values, attestors: [] };
  const [signer = '', signature = '', ...others] = rest.split(SEPARATOR);
  if (signer !== peerId) throw invalid(`it is signed by ${printed(signer)} and the node is ${peerId}`);
  checkSignature(signer, signature, records);
  const signed = Buffer.concat([records, Buffer.from(`${signer}${SEPARATOR}${signature}`)]);
  const attestors: string[] = [];
  for (let i = 0; i < others.length; i += 2) {
    const attestor = others[i] ?? '';
    checkSignature(attestor, others[i + 1] ?? '', signed);
    attestors.push(attestor);
  }
  return { values, attestors };
}

function inflate(data: Uint8Array): Buffer {
  try {
    return inflateSync(data, { maxOutputLength: MAX_TEXT_BYTES });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw invalid(`its attributes have more than ${MAX_TEXT_BYTES} bytes`);
    throw invalid(`its first ${DATA_BYTES} bytes are no zlib stream (${code})`);
  }
}

function parseRecords(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const record of text.split(SEPARATOR)) {
    const at = record.indexOf('=');
    if (at === -1) throw invalid(`its record ${printed(record)} is no NAME=VALUE`);
    values.set(record.slice(0, at), record.slice(at + 1));
  }
  return values;
}

function checkSignature(signer: string, signature: string, signed: Uint8Array): void {
  if (!BASE64_SIGNATURE.test(signature)) throw invalid(`the signature of ${printed(signer)} is no base64 of 64 bytes`);
  const flaw = signatureFlaw(signer, signed, Buffer.from(signature, 'base64').toString('hex'));
  if (flaw !== null) throw invalid(`of ${printed(signer)}, ${flaw}`);
}

const SHOWN = 64;

function printed(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

function invalid(what: string): InferbaseError {
  const remedy = 'make it anew with b7s-attributes, by the key of this node';
  return new InferbaseError('ERR_INVALID_SETTING', `The file of attributes cannot be used: ${what}; ${remedy}.`);
}
