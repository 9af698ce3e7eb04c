import { isUtf8 } from 'node:buffer';
import type { ExecuteRequest } from '../../core/node.ts';
import { toText } from '../../wire/go-writer.ts';
import { BOUNDARY_VARIABLE } from './envelope.ts';
import { requestHeaders } from './headers.ts';

/** Where a request goes. */
export interface WebTarget {
  /** First segment: a CID, or a name of one. */
  readonly function: string;
  /** Second segment where it ends in `.wasm`, with `#EXPORT` if there is one; else empty. */
  readonly method: string;
  /** The rest of the path, as it was written; begins with a slash. */
  readonly path: string;
  /** What follows the question mark, as it was written; empty without one. */
  readonly query: string;
}

const METHOD = /^[^/]{1,1024}\.wasm(?:#[^/]{1,200})?$/;

/**
 * Reads the URL of a request to `/fn/CID[/METHOD.wasm]/PATH?QUERY`.
 * @param url path and query as they came
 */
export function readWebTarget(url: string): WebTarget {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const [named = '', ...segments] = path.slice('/fn/'.length).split('/');
  const method = decode(segments[0] ?? '');
  const isMethod = METHOD.test(method);
  return {
    function: decode(named),
    method: isMethod ? method : '',
    path: `/${segments.slice(isMethod ? 1 : 0).join('/')}`,
    query: mark < 0 ? '' : url.slice(mark + 1),
  };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Longest body that old functions are given as a variable as well, in bytes: they read 2 KiB of variables in all. */
const MAX_BODY_VARIABLE = 1_024;

/**
 * A web request as a function is asked: variables in the way of the Blockless tools, the body as standard input. Those
 * tools take headers apart at every `&` and `=` and decode nothing, so these two, and `%`, are percent-encoded in values;
 * all headers as they came are in `INFERBASE_HTTP_HEADERS`.
 * @param cid the function
 * @param boundary see `BOUNDARY_VARIABLE`
 */
export function toWebExecution(
  cid: string,
  target: WebTarget,
  given: { method: string; rawHeaders: readonly string[]; body: Uint8Array },
  boundary: string,
): ExecuteRequest {
  const headers = requestHeaders(given.rawHeaders);
  const env: [string, string][] = [
    ['BLS_REQUEST_METHOD', given.method],
    ['BLS_REQUEST_PATH', target.path],
    ['BLS_REQUEST_QUERY', target.query],
    ['BLS_REQUEST_HEADERS', headers.map(([name, value]) => `${name}=${encodeSeparators(value)}`).join('&')],
  ];
  const text = given.body.length > MAX_BODY_VARIABLE ? null : asText(given.body);
  if (text !== null && text !== '') env.push(['BLS_REQUEST_BODY', text]);
  env.push([BOUNDARY_VARIABLE, boundary], ['INFERBASE_HTTP_HEADERS', JSON.stringify(headers)]);
  return {
    functionId: cid,
    method: target.method,
    parameters: [],
    env,
    stdin: given.body,
    permissions: null,
    limits: {},
    nodeCount: 0,
    consensus: '',
    topic: '',
    body: {
      function_id: cid,
      method: target.method,
      config: {
        env_vars: env.map(([name, value]) => ({ name, value })),
        stdin: toText(given.body),
        ...(!isUtf8(given.body) && { inferbase: { stdin: Buffer.from(given.body).toString('base64') } }),
      },
    },
  };
}

function encodeSeparators(value: string): string {
  return value.replace(/[%&=]/g, encodeURIComponent);
}

function asText(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
