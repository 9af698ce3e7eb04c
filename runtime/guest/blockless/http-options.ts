import { BLOCKLESS_HTTP_ERRNO } from './http-errno.ts';

/** Characters of headers as text; far more than may be sent. */
const MAX_HEADERS_TEXT = 262_144;

/** What a guest asks of `http_req` beside the URL. */
export interface HttpOptions {
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
  readonly connectTimeoutMs?: number;
  readonly totalTimeoutMs?: number;
}

/**
 * Reads the options JSON of `http_req`: `method` (any case), `headers` (JSON text of an object as the SDKs send it, or an
 * object, or nothing), `body` (text), `connectTimeout` and `readTimeout` (whole seconds; anything else is ignored, as
 * bls-runtime does; the latter bounds the whole request).
 * @returns the options, or the errno: 10 for JSON or a method that is not there, 15 for headers that are none
 */
export function parseHttpOptions(text: string): HttpOptions | number {
  const options = parseObject(text);
  if (options === null) return BLOCKLESS_HTTP_ERRNO.requestError;
  const { method, body } = options;
  if (typeof method !== 'string') return BLOCKLESS_HTTP_ERRNO.requestError;
  if (body !== undefined && body !== null && typeof body !== 'string') return BLOCKLESS_HTTP_ERRNO.requestError;
  const headers = parseHeaders(options.headers);
  if (headers === null) return BLOCKLESS_HTTP_ERRNO.headersValidation;
  return {
    method: method.toUpperCase(),
    headers,
    body: body ? new TextEncoder().encode(body) : null,
    ...milliseconds('connectTimeoutMs', options.connectTimeout),
    ...milliseconds('totalTimeoutMs', options.readTimeout),
  };
}

/** `null` for what cannot be headers; JSON that is not an object holds none, a value that is not text is empty. */
function parseHeaders(given: unknown): readonly (readonly [string, string])[] | null {
  if (given === undefined || given === null || given === '') return [];
  let headers: unknown = given;
  if (typeof given === 'string') {
    if (given.length > MAX_HEADERS_TEXT) return null;
    try {
      headers = JSON.parse(given);
    } catch {
      return null;
    }
    if (typeof headers !== 'object' || headers === null) return [];
  }
  if (typeof headers !== 'object' || headers === null) return null;
  if (Array.isArray(headers)) return [];
  return Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : '']);
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function milliseconds(key: 'connectTimeoutMs' | 'totalTimeoutMs', seconds: unknown): Record<string, number> {
  return typeof seconds === 'number' && Number.isInteger(seconds) && seconds > 0 ? { [key]: seconds * 1000 } : {};
}
