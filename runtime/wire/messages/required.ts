import { InferbaseError } from '../../core/errors.ts';

/** A UUID has 36; what is longer is no name for a table of ours. */
const MAX_REQUEST_ID = 128;

interface Identified {
  readonly type: string;
  readonly request_id?: string;
}

/**
 * The request a message is about.
 * @throws InferbaseError `ERR_INVALID_REQUEST` when it is missing or too long
 */
export function requestIdOf(message: Identified): string {
  const id = required(message, 'request_id');
  if (id.length <= MAX_REQUEST_ID) return id;
  const text = `${message.type} has a request_id of ${id.length} characters; at most ${MAX_REQUEST_ID} are taken`;
  throw new InferbaseError('ERR_INVALID_REQUEST', text);
}

/** @throws InferbaseError `ERR_INVALID_REQUEST` when the field is missing or empty */
export function required<K extends string>(
  message: { readonly type: string } & { readonly [key in K]?: string },
  key: K,
): string {
  const value: string = message[key] ?? '';
  if (value !== '') return value;
  throw new InferbaseError('ERR_INVALID_REQUEST', `${message.type} without ${key}`);
}
