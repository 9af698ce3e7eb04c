import { InferbaseError } from '../../core/errors.ts';
import { hasMoreValuesThan } from '../../core/json-size.ts';
import { responseHeaders } from './headers.ts';

/**
 * The variable by which a host announces that it reads envelopes, and the boundary of this one request: 32 hex digits
 * that nobody else knows, so that what a guest prints of others' making cannot pass for its response.
 */
export const BOUNDARY_VARIABLE = 'INFERBASE_HTTP_BOUNDARY';

/** What a function answers with. */
export interface WebResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
}

const MAX_HEAD_BYTES = 65_536;
const LINE_FEED = 0x0a;

/**
 * Finds the response in what a function printed: a line `--inferbase BOUNDARY HEAD`, where HEAD is JSON
 * `{"status": 200, "headers": [["name", "value"], …], "length": BYTES}`, then that many bytes of body. What was printed
 * before and after is no part of it. Without such a line, all of it is the body of a 200.
 * @throws InferbaseError ERR_INVALID_REQUEST for an envelope that is broken, cut off or not allowed by HTTP
 */
export function readResponse(stdout: Uint8Array, boundary: string): WebResponse {
  const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  const mark = `--inferbase ${boundary} `;
  const start = bytes.indexOf(mark);
  if (start < 0) return plainResponse(bytes);
  const headAt = start + mark.length;
  const end = bytes.indexOf(LINE_FEED, headAt);
  if (end < 0 || end - headAt > MAX_HEAD_BYTES) throw broken('its head is not one line');
  const { status, headers, length } = parseHead(bytes.toString('utf8', headAt, end));
  const body = bytes.subarray(end + 1, end + 1 + length);
  if (body.length < length)
    throw broken(`${length - body.length} of its ${length} bytes are missing; raise limits.stdoutBytes`);
  const sent = responseHeaders(headers);
  if (!sent.has('content-type') && body.length > 0) sent.set('content-type', [typeOf(body)]);
  return { status, headers: sent, body };
}

interface Head {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly length: number;
}

function parseHead(text: string): Head {
  let head: Partial<Record<keyof Head, unknown>> | null;
  try {
    head = JSON.parse(text);
  } catch {
    throw broken('its head is not JSON');
  }
  const { status, headers = [], length } = head ?? {};
  // 1xx are no final responses.
  if (!isWhole(status, 200, 599)) throw broken('its status is not one from 200 to 599');
  if (!isWhole(length, 0, Number.MAX_SAFE_INTEGER)) throw broken('its length is not a number of bytes');
  if (!Array.isArray(headers) || !headers.every(isPair)) throw broken('its headers are not pairs of text');
  return { status, headers, length };
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function isPair(value: unknown): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

function broken(problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `the function's response cannot be read: ${problem}`);
}

/** `data:TYPE;base64,…`, by which functions of the Blockless tools answer with files. */
const DATA_URL = /^data:([a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,60});base64,([A-Za-z0-9+/]*={0,2})\s*$/i;
const DATA_PREFIX = 'data:';

function plainResponse(body: Buffer): WebResponse {
  if (body.subarray(0, DATA_PREFIX.length).toString('latin1') === DATA_PREFIX) {
    const [, type, encoded] = DATA_URL.exec(body.toString('latin1')) ?? [];
    if (type !== undefined && encoded !== undefined) {
      return { status: 200, headers: new Map([['content-type', [type]]]), body: Buffer.from(encoded, 'base64') };
    }
  }
  return { status: 200, headers: new Map([['content-type', [typeOf(body)]]]), body };
}

/** Longest body that is parsed to see whether it is JSON, in bytes. */
const MAX_PARSED_BYTES = 1_048_576;
/** And most values in it: a guest that prints nothing but brackets would hold the thread. */
const MAX_PARSED_VALUES = 50_000;

/** A type for a body of which the function said none. */
function typeOf(body: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'application/octet-stream';
  }
  const begin = text.slice(0, 64).trimStart().toLowerCase();
  if (begin.startsWith('<!doctype html') || begin.startsWith('<html')) return 'text/html; charset=utf-8';
  return isJson(body, text, begin) ? 'application/json' : 'text/plain; charset=utf-8';
}

/** A number alone is text as much as JSON; an object or a list is meant. */
function isJson(body: Buffer, text: string, begin: string): boolean {
  if (text.length > MAX_PARSED_BYTES || !(begin.startsWith('{') || begin.startsWith('['))) return false;
  if (hasMoreValuesThan(MAX_PARSED_VALUES, body)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
