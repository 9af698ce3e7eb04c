import { OutboundError } from './errors.ts';
import type { Answer } from './exchange.ts';
import { TOKEN, withoutBodyHeaders, withoutSecrets } from './headers.ts';
import type { Target } from './targets.ts';

/** One request of a chain of redirects. */
export interface Hop {
  readonly target: Target;
  readonly method: string;
  /** The guest's, checked. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array | null;
}

/**
 * Methods are any token, but for two: `CONNECT` asks for a tunnel and `TRACE` for an echo of host-side headers.
 * @throws OutboundError `invalid-method`
 */
export function checkMethod(method: string): string {
  if (!TOKEN.test(method) || method.length > 64 || /^(?:connect|trace|track)$/i.test(method)) {
    const shown = JSON.stringify(method.slice(0, 64));
    throw new OutboundError('invalid-method', `${shown} is not a method that can be sent: use GET, POST or such.`);
  }
  return method;
}

/** Where an answer redirects to; `null` when it does not, or to something that is no URL. */
export function redirectOf(answer: Answer, target: Target): URL | null {
  if (![301, 302, 303, 307, 308].includes(answer.status)) return null;
  const { location } = answer.headers;
  const reference = Array.isArray(location) ? location[0] : location;
  if (reference === undefined) return null;
  // Header values are read one character a byte; servers write this one in UTF-8.
  return URL.parse(Buffer.from(reference, 'latin1').toString('utf8'), target.url.href);
}

/**
 * The request that follows a redirect, by the rules of the Fetch standard ("HTTP-redirect fetch"): 303 and a POST
 * answered 301 or 302 become a GET; another origin sees neither credentials nor cookies.
 */
export function nextHop(hop: Hop, status: number, target: Target): Hop {
  const { method } = hop;
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST';
  const sameOrigin = hop.target.url.origin === target.url.origin && hop.target.upstream === target.upstream;
  const headers = sameOrigin ? hop.headers : withoutSecrets(hop.headers);
  if (becomesGet) return { target, method: 'GET', headers: withoutBodyHeaders(headers), body: null };
  return { target, method, headers, body: hop.body };
}
