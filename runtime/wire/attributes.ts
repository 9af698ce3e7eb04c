import type { BlocklessAttributes } from '../core/blockless-request.ts';

/** What a worker is. */
export interface NodeAttributes {
  /** Its operator's word, by name. */
  readonly told: Readonly<Record<string, string>>;
  /** What stands in its file of attributes; `null`: it has none. */
  readonly attested: AttestedAttributes | null;
}

/** A file of attributes whose signatures hold (see `attribute-file.ts`). */
export interface AttestedAttributes {
  readonly values: ReadonlyMap<string, string>;
  /** base58 peer ids of those that signed the values. */
  readonly attestors: readonly string[];
}

/**
 * Whether a worker is what a request asks for, as b7s compares (its node/worker/attributes.go): each wanted value has to be
 * there exactly, all attestors of `each` and one of `one_of` have to have signed. Where attestors matter, only what they
 * signed counts.
 * @param wanted `null`: any worker
 */
export function matchesAttributes(wanted: BlocklessAttributes | null, { told, attested }: NodeAttributes): boolean {
  if (wanted === null) return true;
  const { values = [], attestation_required: isRequired = false } = wanted;
  const { each = [], one_of: oneOf = [] } = wanted.attestors ?? {};
  const attestors = new Set(attested?.attestors);
  if (isRequired && attestors.size === 0) return false;
  if (!each.every((id) => attestors.has(id))) return false;
  if (oneOf.length > 0 && !oneOf.some((id) => attestors.has(id))) return false;
  const isSigned = isRequired || each.length > 0 || oneOf.length > 0;
  return values.every(({ name = '', value = '' }) => {
    if (attested?.values.get(name) === value) return true;
    return !isSigned && Object.hasOwn(told, name) && told[name] === value;
  });
}
