import type { BlocklessAttributes } from '../core/blockless-request.ts';

/**
 * Whether a worker is what a request asks for, as b7s compares: each wanted value has to be there exactly. A worker's
 * attributes come from its settings and nobody attested them, so that a request for attestors matches none.
 * @param wanted `null`: any worker
 */
export function matchesAttributes(own: Readonly<Record<string, string>>, wanted: BlocklessAttributes | null): boolean {
  if (wanted === null) return true;
  const { values = [], attestation_required = false, attestors } = wanted;
  if (attestation_required || (attestors?.each ?? []).length > 0 || (attestors?.one_of ?? []).length > 0) return false;
  return values.every(({ name = '', value = '' }) => Object.hasOwn(own, name) && own[name] === value);
}
