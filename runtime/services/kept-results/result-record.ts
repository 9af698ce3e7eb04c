import { crc32 } from 'node:zlib';
import { isCause, type Outcome, type Usage } from '../../core/execution.ts';
import type { PeerResult } from '../../core/node.ts';
import type { Attestation } from '../../core/work.ts';

/**
 * Results of one request as bytes: length and CRC-32 of what follows, 4 bytes each, little-endian, and JSON with output
 * in base64. A file is a row of them; whatever it was cut off or damaged by, the records before are whole.
 */
export interface ResultRecord {
  readonly requestId: string;
  readonly results: readonly PeerResult[];
}

const HEADER_BYTES = 8;

/** One record; traces of host calls are left out. */
export function encodeRecord({ requestId, results }: ResultRecord): Buffer {
  const written = results.map(({ peerId, outcome: { trace: _trace, ...outcome }, attestation }) => ({
    peerId,
    outcome: { ...outcome, stdout: toBase64(outcome.stdout), stderr: toBase64(outcome.stderr) },
    attestation,
  }));
  const body = Buffer.from(JSON.stringify({ requestId, results: written }));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(body.length, 0);
  header.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

/** The records of a file, oldest first, up to the first that is damaged or cut off. */
export function* readRecords(bytes: Buffer): Generator<ResultRecord> {
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (body.length !== length || crc32(body) !== bytes.readUInt32LE(at + 4)) return;
    const record = parseRecord(body.toString());
    if (record === null) return;
    yield record;
    at += HEADER_BYTES + length;
  }
}

/** `null` for what this version does not write. */
function parseRecord(text: string): ResultRecord | null {
  try {
    const { requestId, results } = JSON.parse(text) as Loose;
    if (typeof requestId !== 'string' || !Array.isArray(results)) return null;
    return { requestId, results: results.map(toResult) };
  } catch {
    return null;
  }
}

type Loose = Readonly<Record<string, unknown>>;

const USAGE = ['wallMs', 'cpuMs', 'fuel', 'peakMemoryBytes', 'hostCalls', 'bytesIn', 'bytesOut'] as const;
const ATTESTATION = ['peerId', 'functionId', 'requestHash', 'outcomeHash', 'time', 'signature'] as const;

function toResult(value: Loose): PeerResult {
  const outcome = value.outcome as Loose;
  const attestation = value.attestation as Loose | undefined;
  return {
    peerId: text(value.peerId),
    outcome: toOutcome(outcome),
    ...(attestation !== undefined && { attestation: toAttestation(attestation) }),
  };
}

function toOutcome(value: Loose): Outcome {
  const cause = text(value.cause);
  if (!isCause(cause)) throw new TypeError('no cause');
  const usage = value.usage as Loose;
  return {
    cause,
    exitCode: number(value.exitCode),
    message: text(value.message),
    stdout: fromBase64(text(value.stdout)),
    stderr: fromBase64(text(value.stderr)),
    stdoutTruncated: value.stdoutTruncated === true,
    stderrTruncated: value.stderrTruncated === true,
    usage: Object.fromEntries(USAGE.map((name) => [name, number(usage[name])])) as { [K in keyof Usage]: number },
  };
}

function toAttestation(value: Loose): Attestation {
  return Object.fromEntries(ATTESTATION.map((name) => [name, text(value[name])])) as {
    [K in keyof Attestation]: string;
  };
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no text');
  return value;
}

function number(value: unknown): number {
  // JSON has numbers past all that are, which could not be written again.
  if (!Number.isFinite(value)) throw new TypeError('no number');
  return value as number;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromBase64(written: string): Uint8Array {
  return new Uint8Array(Buffer.from(written, 'base64'));
}
