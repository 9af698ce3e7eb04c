import { InferbaseError } from '../../core/errors.ts';

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** One line of Latin-1: RFC 9110 §5.5 without control characters. */
const VALUE = /^[\t\x20-\x7e\xa0-\xff]*$/;

/** About one connection, not about the message: RFC 9110 §7.6.1. */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];
/** All functions of a node share its origin: none may keep state in a browser, or speak, for the others and the API. */
const OF_THE_ORIGIN = [
  ...['set-cookie', 'set-cookie2', 'clear-site-data', 'strict-transport-security', 'alt-svc', 'service-worker-allowed'],
  ...['accept-ch', 'critical-ch', 'set-login', 'secure-session-registration', 'sec-session-registration'],
  ...['use-as-dictionary', 'nel', 'report-to', 'reporting-endpoints', 'public-key-pins', 'expect-ct'],
  ...['origin-agent-cluster'],
];
/** Schemes by which a browser asks its user for a password, in the name of the whole origin, and sends it from then on. */
const ASKS_FOR_PASSWORD = /(?:^|,)\s*(?:basic|digest|negotiate|ntlm)\b/i;
/** Orders to a proxy in front of the node, such as to send a file of its own, or what only it may reach. */
const TO_A_PROXY = /^(?:x-accel-|x-sendfile|x-lighttpd-|x-reproxy-)/;
/** The server's own. */
const OURS = ['content-length', 'date', 'server', 'x-inferbase-request-id'];

const NEVER_SENT: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...OF_THE_ORIGIN, ...OURS]);
const NEVER_HANDED_ON: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'cookie', 'expect', 'content-length']);

/** Most headers of a function's response, and bytes of them. */
const MAX_HEADERS = 64;
const MAX_BYTES = 16_384;

/**
 * The headers of a client that a function is told of: without those about the connection, and without cookies, which
 * were set for another function or the node.
 * @param raw name, value, name, value, … as they came
 */
export function requestHeaders(raw: readonly string[]): (readonly [name: string, value: string])[] {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (!NEVER_HANDED_ON.has(name)) headers.push([name, raw[index + 1] ?? '']);
  }
  return headers;
}

/**
 * The headers of a function's response that are sent on, names in lower case, several of one name kept.
 * @throws InferbaseError ERR_INVALID_REQUEST for one that HTTP does not allow, or too many
 */
export function responseHeaders(given: readonly (readonly [name: string, value: string])[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  if (given.length > MAX_HEADERS) throw refuse(`has ${given.length} headers and at most ${MAX_HEADERS} are sent`);
  let bytes = 0;
  for (const [written, value] of given) {
    const name = written.toLowerCase();
    bytes += name.length + value.length;
    if (!TOKEN.test(name))
      throw refuse(`has a header named ${JSON.stringify(written.slice(0, 40))}, which HTTP does not allow`);
    if (!VALUE.test(value))
      throw refuse(`has a value of ${name} with characters that HTTP does not allow, such as a line break`);
    if (NEVER_SENT.has(name) || TO_A_PROXY.test(name)) continue;
    if (name === 'www-authenticate' && ASKS_FOR_PASSWORD.test(value)) continue;
    const known = headers.get(name);
    if (known === undefined) headers.set(name, [value]);
    else known.push(value);
  }
  if (bytes > MAX_BYTES) throw refuse(`has ${bytes} bytes of headers and at most ${MAX_BYTES} are sent`);
  return headers;
}

function refuse(problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `the function's response ${problem}`);
}
