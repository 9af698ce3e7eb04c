import { hash } from 'node:crypto';
import type { BlocklessRequest } from '../core/blockless-request.ts';
import type { Outcome } from '../core/execution.ts';
import type { Attestation } from '../core/work.ts';
import { encodeAskedRequest } from './blockless-request.ts';
import { encodeString } from './go-json.ts';
import { everyInteger, everyText, list, object, toText } from './go-writer.ts';
import { signatureFlaw } from './signature.ts';

/**
 * A worker's signature under its own answer: it says who answered what to which request, not that the answer is right.
 *
 * Signed with the worker's Ed25519 peer key are these bytes, UTF-8, each line ended by one line feed:
 *
 * ```
 * inferbase attestation 1
 * <function_id of the request>
 * <request_hash>
 * <outcome_hash>
 * <time>
 * ```
 *
 * Both hashes are SHA-256 in lower-case hex over compact JSON as Go's `encoding/json` writes it (`<`, `>`, `&`, U+2028 and
 * U+2029 escaped, no white space), fields in this order, those with a question mark only where they say something:
 *
 * - request: `{"function_id","method","parameters"?,"config":{"runtime":{…},"env_vars"?,"stdin"?,"permissions"?,
 *   "inferbase"?:{"limits"?,"stdin"?}}}` with `runtime` as in b7s, `env_vars` with the `TOPIC_ID` that the head adds as the last,
 *   `permissions` also where they are an empty list, limits by lower-case name;
 * - outcome: `{"stdout","stderr","exit_code","cause","truncated"?}` with the texts as the head's answer shows them: each byte
 *   that is not UTF-8 is one U+FFFD; `truncated` names the outputs that were cut, stdout first.
 */
const PREFIX = 'inferbase attestation 1';

/** An outcome as answers show it. */
interface ShownOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit_code: number;
  readonly cause: string;
  readonly truncated: readonly string[];
}

const encodeShown = object<ShownOutcome>(
  everyText('stdout'),
  everyText('stderr'),
  everyInteger('exit_code'),
  everyText('cause'),
  list('truncated', encodeString),
);

/** SHA-256 of what a worker was asked, hex. @param request as the worker gets it, with the variable TOPIC_ID */
export function requestHash(request: BlocklessRequest): string {
  return hash('sha256', encodeAskedRequest(request));
}

/** SHA-256 of what came of it, hex. */
export function outcomeHash(outcome: Outcome): string {
  return shownOutcomeHash(shown(outcome));
}

/** The same of an outcome that an answer shows. */
export function shownOutcomeHash(outcome: ShownOutcome): string {
  return hash('sha256', encodeShown(outcome));
}

function shown(outcome: Outcome): ShownOutcome {
  return {
    stdout: toText(outcome.stdout),
    stderr: toText(outcome.stderr),
    exit_code: outcome.exitCode,
    cause: outcome.cause,
    truncated: [...(outcome.stdoutTruncated ? ['stdout'] : []), ...(outcome.stderrTruncated ? ['stderr'] : [])],
  };
}

/** Whoever can sign with a peer key. */
interface Signer {
  readonly peerId: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/**
 * Signs what came of a request.
 * @param signed.time defaults to now
 */
export function signAttestation(
  signer: Signer,
  signed: { readonly request: BlocklessRequest; readonly outcome: Outcome; readonly time?: Date },
): Attestation {
  const claim = {
    peerId: signer.peerId,
    functionId: signed.request.function_id ?? '',
    requestHash: requestHash(signed.request),
    outcomeHash: outcomeHash(signed.outcome),
    time: (signed.time ?? new Date()).toISOString(),
  };
  return { ...claim, signature: Buffer.from(signer.sign(Buffer.from(signedText(claim)))).toString('hex') };
}

function signedText({ functionId, requestHash, outcomeHash, time }: Omit<Attestation, 'peerId' | 'signature'>): string {
  return `${PREFIX}\n${functionId}\n${requestHash}\n${outcomeHash}\n${time}\n`;
}

const HEX_HASH = /^[0-9a-f]{64}$/;
/** No line feed, which would make two statements of one signature. */
const FUNCTION_ID = /^[\x21-\x7e]{1,512}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/**
 * What is wrong with an attestation; `null`: nothing.
 * @param against.peerId base58 peer id of whom it has to be of
 * @param against.request that it has to be about; left out, its function and its hash are not compared with anything
 * @param against.outcome that it has to be about, or the hash of one
 */
export function checkAttestation(
  attestation: Attestation,
  against: {
    readonly peerId?: string;
    readonly request?: BlocklessRequest;
    readonly outcome?: Outcome | string;
  } = {},
): string | null {
  const { peerId, functionId, time, signature } = attestation;
  if (against.peerId !== undefined && peerId !== against.peerId) return 'it is of another peer';
  if (!FUNCTION_ID.test(functionId)) return 'its function is no name of one';
  if (!HEX_HASH.test(attestation.requestHash) || !HEX_HASH.test(attestation.outcomeHash)) {
    return 'its hashes are not 64 hex digits';
  }
  if (!TIME.test(time)) return 'its time is none';
  const flaw = signatureFlaw(peerId, signedText(attestation), signature);
  if (flaw !== null) return flaw;
  const { request, outcome } = against;
  if (request !== undefined && functionId !== request.function_id) return 'it is of another function';
  if (request !== undefined && attestation.requestHash !== requestHash(request)) return 'it is of another request';
  if (outcome === undefined) return null;
  const expected = typeof outcome === 'string' ? outcome : outcomeHash(outcome);
  return attestation.outcomeHash === expected ? null : 'it is of another outcome';
}
