import type { BlocklessRequest } from '../core/blockless-request.ts';
import { InferbaseError } from '../core/errors.ts';
import type { Attestation } from '../core/work.ts';
import { checkAttestation, shownOutcomeHash } from './attestation.ts';
import { ATTESTATION, fromFields } from './attestation-fields.ts';
import { bindJson, type Decoded, INT, list, map, parseJson, STRING, struct } from './go-json.ts';
import { JsonProblem } from './json-scan.ts';

/** One peer of an answer, and what can be said of its signature. */
export interface CheckedPeer {
  /** base58 */
  readonly peerId: string;
  /** `null`: it did not sign. */
  readonly attestation: Attestation | null;
  /** `null`: it signed, and nothing is wrong. */
  readonly flaw: string | null;
}

const METADATA = struct('Metadata', { cause: STRING, truncated: list(STRING), attestation: ATTESTATION });
const RESULT = struct('Result', { stdout: STRING, stderr: STRING, exit_code: INT });

/** Of `functions/execute`: results that are the same are one, with the peers that had it. */
const EXECUTE_ANSWER = struct('Answer', {
  results: list(struct('Group', { result: RESULT, peers: list(STRING), metadata: map(METADATA) })),
});

/** Of `functions/requests/result`: by peer. */
const RESULT_ANSWER = map(struct('PeerResult', { result: RESULT, metadata: METADATA }));

/**
 * Checks the attestations of an answer of a head, with nothing but the answer.
 * @param answer body of `functions/execute` or of `functions/requests/result`, UTF-8
 * @param request that it should be the answer to, with the variable TOPIC_ID; `null`: not compared
 * @returns the peers in the order of the answer; none when it has no results
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it is neither
 */
export function checkAnswer(answer: Buffer, request: BlocklessRequest | null): readonly CheckedPeer[] {
  try {
    const parsed = parseJson(answer);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw new JsonProblem('it is no JSON object', '');
    }
    if (isExecuteAnswer(parsed)) return checkGroups(bindJson(parsed, EXECUTE_ANSWER, answer), request);
    return Object.entries(bindJson(parsed, RESULT_ANSWER, answer)).map(([peerId, { result = {}, metadata }]) =>
      check(peerId, result, metadata, request),
    );
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const remedy = 'give the body of an answer, as curl prints it: of an execute request, or of requests/result';
    throw new InferbaseError('ERR_INVALID_REQUEST', `the answer cannot be read: ${error.message}; ${remedy}`);
  }
}

/** The other kind has peer ids as its only keys. */
function isExecuteAnswer(answer: object): boolean {
  return Object.hasOwn(answer, 'code') || Object.hasOwn(answer, 'results');
}

function checkGroups(
  { results = [] }: Decoded<typeof EXECUTE_ANSWER>,
  request: BlocklessRequest | null,
): readonly CheckedPeer[] {
  return results.flatMap(({ result = {}, peers = [], metadata = {} }) =>
    peers.map((peerId) => check(peerId, result, own(metadata, peerId), request)),
  );
}

function own<T>(values: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function check(
  peerId: string,
  { stdout = '', stderr = '', exit_code = 0 }: Decoded<typeof RESULT>,
  { cause = '', truncated = [], attestation: fields }: Decoded<typeof METADATA> = {},
  request: BlocklessRequest | null,
): CheckedPeer {
  if (fields === undefined) return { peerId, attestation: null, flaw: 'it did not sign' };
  const attestation = fromFields(fields);
  const outcome = shownOutcomeHash({ stdout, stderr, exit_code, cause, truncated });
  const flaw = checkAttestation(attestation, { peerId, outcome, ...(request !== null && { request }) });
  return { peerId, attestation, flaw };
}
