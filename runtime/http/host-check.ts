import { isIP, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { encodeString } from '../wire/go-json.ts';
import { sendJson } from './body.ts';

/** Any name will do. */
export const ANY_HOST = '*';

/** Names below these are nobody's on the internet: RFC 6761, and what ICANN keeps for private use. */
const PRIVATE_SUFFIXES = ['.localhost', '.internal'];

/**
 * While the API listens on loopback, refuses requests that are addressed to another host: a page in the operator's browser
 * has its own name lead here (DNS rebinding), and so becomes the same origin. Names without a dot can be nobody's on the
 * internet, so those of containers pass; so do requests without a `Host`. Other listeners are open as they are.
 * @param names further ones that this node has, in any case
 */
export function addHostCheck(app: FastifyInstance, names: readonly string[]): void {
  if (names.includes(ANY_HOST)) return;
  const known = new Set(names.map((name) => name.toLowerCase()));
  let onLoopback: boolean | undefined;
  /** As clients wrote it; the same one comes again and again. */
  let lastAllowed = '';
  app.addHook('onRequest', (request, reply, done) => {
    const { host } = request.headers;
    if (host === undefined || host === '' || host === lastAllowed) return done();
    onLoopback ??= isLoopback(app.server.address());
    if (!onLoopback) return done();
    const name = nameIn(host);
    if (name !== undefined && (isNobodys(name) || known.has(name))) {
      lastAllowed = host;
      return done();
    }
    const shown = host.length > 100 ? `${host.slice(0, 100)}…` : host;
    const message = `the host ${shown} is none of this node's, which listens on loopback: use localhost or an IP address, or name it in listen.hosts`;
    void sendJson(request, reply.code(403), `{"message":${encodeString(message)}}\n`);
  });
}

function isLoopback(bound: ReturnType<FastifyInstance['server']['address']>): boolean {
  if (bound === null || typeof bound === 'string') return false;
  return bound.address === '::1' || /^(?:::ffff:)?127\./.test(bound.address);
}

/** The name in a `Host` header, without its port and final dot; `undefined` when it has none. */
function nameIn(host: string): string | undefined {
  const hostname = URL.parse(`http://${host}/`)?.hostname;
  return hostname === undefined || hostname === '' ? undefined : hostname.replace(/\.$/, '');
}

/** No page on the internet can be served under such a name. */
function isNobodys(name: string): boolean {
  if (isIP(name) !== 0 || isIPv6(name.replace(/^\[|\]$/g, ''))) return true;
  return !name.includes('.') || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix));
}
