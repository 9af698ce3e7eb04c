import { InferbaseError } from '../../core/errors.ts';

/** A UUID has 36; what is longer is no name for a table of ours. */
const MAX_REQUEST_ID = 128;

/** Longest code and longest text that is taken of another node, in characters: nobody shows more. */
export const MAX_CODE = 16;
export const MAX_TEXT = 65_536;

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

/** The beginning of a text of another node; empty where there is none. */
export function shortened(text: string | undefined, most: number): string {
  if (text === undefined || text.length <= most) return text ?? '';
  // A copy: a part of a text holds all of it.
  return Buffer.from(text.slice(0, most)).toString();
}
