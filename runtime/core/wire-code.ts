import { type ErrorCode, InferbaseError } from './errors.ts';
import type { WorkAnswer } from './work.ts';

/** b7s's code (models/codes/code.go) for what kept a function from running; others are `500`. */
const WIRE_CODES: Partial<Readonly<Record<ErrorCode, string>>> = {
  ERR_INVALID_REQUEST: '400',
  ERR_PERMISSION_DENIED: '403',
  ERR_INVALID_CID: '404',
  ERR_FUNCTION_NOT_FOUND: '404',
  ERR_NOT_ENOUGH_NODES: '408',
  ERR_BUSY: '503',
  ERR_CLOSED: '503',
  ERR_QUARANTINED: '503',
};

/**
 * An error as the wire has it: b7s's code as a string, and the text with its details. An unexpected error keeps its
 * text to itself, since nobody chose those words for a stranger.
 */
export function describeError(error: unknown): { readonly code: string; readonly message: string } {
  const known = expected(error);
  if (known === null) return { code: '500', message: 'internal error' };
  const details = known.details.length === 0 ? '' : ` (${known.details.join('; ')})`;
  return { code: WIRE_CODES[known.code] ?? '500', message: `${known.message}${details}` };
}

/** `null` for what is ours to look into: anything that is not of the table of errors, and `ERR_INTERNAL`. */
export function expected(error: unknown): InferbaseError | null {
  return error instanceof InferbaseError && error.code !== 'ERR_INTERNAL' ? error : null;
}

/** A worker's answer to an order that never ran. */
export function neverRan(requestId: string, error: unknown): WorkAnswer {
  return { requestId, ...describeError(error), outcome: null, attestation: null };
}
