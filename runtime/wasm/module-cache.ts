import { hash } from 'node:crypto';
import { isModuleFacts, type PreparedModule } from '../core/module-facts.ts';

/** Goes up whenever the same module would be rewritten differently; entries of other versions are not read. */
export const REWRITER_VERSION = 7;

/** What the rewriter was asked to do, part of an entry's name. */
const FEATURES = 'memory-fuel';

/**
 * An entry on disk, all numbers little-endian:
 * `magic (8) | format u16 | rewriter u16 | sha-256 of the rest (32) | length of facts u32 | facts as JSON | module`.
 */
const MAGIC = 'inferbse';
/** Goes up with every other form of an entry, and whenever a fact of a module means something else. */
const FORMAT_VERSION = 2;
const OFFSET = { format: 8, rewriter: 10, sha256: 12, factsLength: 44, facts: 48 } as const;

/** File name of a module's entry. @param sha256 lower-case hex of the module as its author built it */
export function entryName(sha256: string): string {
  return `${sha256}.r${REWRITER_VERSION}-f${FORMAT_VERSION}-${FEATURES}.wasm-entry`;
}

/** A prepared module as the bytes of its entry. */
export function encodeEntry(prepared: PreparedModule): Uint8Array<ArrayBuffer> {
  const facts = Buffer.from(JSON.stringify(prepared.facts), 'utf8');
  const entry = Buffer.alloc(OFFSET.facts + facts.length + prepared.bytes.length);
  entry.write(MAGIC, 'latin1');
  entry.writeUInt16LE(FORMAT_VERSION, OFFSET.format);
  entry.writeUInt16LE(REWRITER_VERSION, OFFSET.rewriter);
  entry.writeUInt32LE(facts.length, OFFSET.factsLength);
  entry.set(facts, OFFSET.facts);
  entry.set(prepared.bytes, OFFSET.facts + facts.length);
  entry.set(hash('sha256', entry.subarray(OFFSET.factsLength), 'buffer'), OFFSET.sha256);
  return entry;
}

/**
 * Reads an entry back. Its module is a view into `bytes`, not a copy.
 * @returns `undefined` when anything is off: cut short, a changed bit, another version, a fact missing; never throws
 */
export function decodeEntry(bytes: Uint8Array): PreparedModule | undefined {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry.length < OFFSET.facts || entry.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  if (entry.readUInt16LE(OFFSET.format) !== FORMAT_VERSION) return undefined;
  if (entry.readUInt16LE(OFFSET.rewriter) !== REWRITER_VERSION) return undefined;
  const sha256 = hash('sha256', entry.subarray(OFFSET.factsLength), 'buffer');
  if (!sha256.equals(entry.subarray(OFFSET.sha256, OFFSET.factsLength))) return undefined;
  const moduleAt = OFFSET.facts + entry.readUInt32LE(OFFSET.factsLength);
  if (moduleAt > entry.length) return undefined;
  try {
    const facts: unknown = JSON.parse(entry.toString('utf8', OFFSET.facts, moduleAt));
    return isModuleFacts(facts) ? { facts, bytes: bytes.subarray(moduleAt) } : undefined;
  } catch {
    return undefined;
  }
}
