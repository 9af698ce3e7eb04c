import type { Attestation } from '../core/work.ts';
import { STRING, struct } from './go-json.ts';
import { everyText, object } from './go-writer.ts';

/** An attestation as JSON has it, in answers of workers and in the `metadata` of a head's. */
export interface AttestationFields {
  readonly peer_id?: string;
  readonly function_id?: string;
  readonly request_hash?: string;
  readonly outcome_hash?: string;
  readonly time?: string;
  readonly signature?: string;
}

export const ATTESTATION = struct('inferbase.Attestation', {
  peer_id: STRING,
  function_id: STRING,
  request_hash: STRING,
  outcome_hash: STRING,
  time: STRING,
  signature: STRING,
});

export const encodeFields = object<AttestationFields>(
  everyText('peer_id'),
  everyText('function_id'),
  everyText('request_hash'),
  everyText('outcome_hash'),
  everyText('time'),
  everyText('signature'),
);

/** The reverse of `fromFields`. */
export function toFields(attestation: Attestation): AttestationFields {
  const { peerId, functionId, requestHash, outcomeHash, time, signature } = attestation;
  return {
    peer_id: peerId,
    function_id: functionId,
    request_hash: requestHash,
    outcome_hash: outcomeHash,
    time,
    signature,
  };
}

/** What is missing is empty, and so is wrong. */
export function fromFields(fields: AttestationFields): Attestation {
  return {
    peerId: fields.peer_id ?? '',
    functionId: fields.function_id ?? '',
    requestHash: fields.request_hash ?? '',
    outcomeHash: fields.outcome_hash ?? '',
    time: fields.time ?? '',
    signature: fields.signature ?? '',
  };
}
