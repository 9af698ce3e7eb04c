import type { WorkAnswer, WorkOrder } from '../core/work.ts';
import { checkAttestation, requestHash } from '../wire/attestation.ts';

/**
 * Checks what workers sign of one order. Its hash is made once, and only where one signs: the input may be megabytes, and
 * the workers many.
 * @returns what is wrong with the attestation of a worker's answer; `null`: nothing, or there is none
 */
export function createAttestationCheck({
  request,
}: Pick<WorkOrder, 'request'>): (peerId: string, answer: WorkAnswer) => string | null {
  let expected: string | null = null;
  return (peerId, { attestation, outcome }) => {
    if (attestation === null || outcome === null) return null;
    const flaw = checkAttestation(attestation, { peerId, outcome });
    if (flaw !== null) return flaw;
    if (attestation.functionId !== request.function_id) return 'it is of another function';
    expected ??= requestHash(request);
    return attestation.requestHash === expected ? null : 'it is of another request';
  };
}
