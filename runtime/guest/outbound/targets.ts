import { InferbaseError } from '../../core/errors.ts';
import {
  allows,
  hasHiddenDotSegment,
  isNamedHost,
  type Permissions,
  permissionLineFor,
} from '../../core/permissions.ts';
import { OutboundError, printableUrl } from './errors.ts';
import { checkHeaders } from './headers.ts';

/** A server the operator gave a name; guests reach it as `http://NAME/…`. */
export interface Upstream {
  /** Where it really is; its path is put before the guest's. */
  readonly url: string;
  /** Added to every request, over the guest's own; the place for keys. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bound of one request, body included, in ms. */
  readonly timeoutMs: number;
}

/** An upstream's settings, read. */
export interface NamedUpstream {
  readonly name: string;
  readonly origin: string;
  /** Without a slash at its end; empty for the root. */
  readonly basePath: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly timeoutMs: number;
}

/** Where a URL leads, after the first gate. */
export interface Target {
  /** What to connect to. */
  readonly url: URL;
  readonly upstream: NamedUpstream | null;
  /** The second gate lets private addresses through. */
  readonly allowsPrivate: boolean;
  /** Why it was let through; part of the key under which connections are kept. */
  readonly decision: string;
  /** For logs and for the guest: names an upstream instead of telling where it is. */
  readonly shown: string;
}

const MAX_URL = 65_536;
const NO_UPSTREAMS: ReadonlyMap<string, NamedUpstream> = new Map();

/**
 * Reads the settings of all upstreams.
 * @returns lower-case host name → upstream
 * @throws InferbaseError `ERR_INVALID_SETTING` for a URL or header that cannot be used
 */
export function readUpstreams(settings: Readonly<Record<string, Upstream>>): ReadonlyMap<string, NamedUpstream> {
  const upstreams = new Map<string, NamedUpstream>();
  for (const [name, setting] of Object.entries(settings)) {
    const key = `upstreams.${name}`;
    const url = URL.parse(setting.url);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password) {
      const remedy = 'give an http or https URL, and credentials in upstreams.NAME.headers';
      throw new InferbaseError(
        'ERR_INVALID_SETTING',
        `${key}.url ${JSON.stringify(setting.url)} cannot be used: ${remedy}.`,
      );
    }
    let headers: ReadonlyMap<string, string>;
    try {
      headers = checkHeaders(Object.entries(setting.headers));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InferbaseError('ERR_INVALID_SETTING', `${key}.headers cannot be sent. ${reason}`);
    }
    const basePath = url.pathname.replace(/\/+$/, '');
    upstreams.set(name.toLowerCase(), { name, origin: url.origin, basePath, headers, timeoutMs: setting.timeoutMs });
  }
  return upstreams;
}

/**
 * The first gate: reads a URL and decides by name whether it may be reached.
 * @throws OutboundError `invalid-url`, or `denied` with the permission line that is missing
 */
export function resolveTarget(
  text: string,
  permissions: Permissions,
  upstreams: ReadonlyMap<string, NamedUpstream>,
): Target {
  const url = text.length > MAX_URL ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const shown = JSON.stringify(text.slice(0, 200));
    throw new OutboundError('invalid-url', `${shown} is not an http or https URL of at most ${MAX_URL} characters.`);
  }
  if (url.username !== '' || url.password !== '') {
    const message = `${printableUrl(url)} was given with a user name or password: send an Authorization header instead.`;
    throw new OutboundError('denied', message, { hint: permissionLineFor(url) });
  }
  const upstream = url.protocol === 'http:' && url.port === '' ? upstreams.get(url.hostname) : undefined;
  if (upstream !== undefined) return upstreamTarget(upstream, url);

  if (!allows(permissions, url)) {
    const hint = permissionLineFor(url);
    const operatorToo = !allows({ layers: permissions.layers.slice(0, 1), namedHosts: [] }, url);
    const where = operatorToo
      ? 'policy.allow (and to the manifest and request, where they list any)'
      : 'the manifest or request';
    throw new OutboundError('denied', `${printableUrl(url)} is not permitted: add ${hint} to ${where}.`, { hint });
  }
  const named = isNamedHost(permissions, url);
  return { url, upstream: null, allowsPrivate: named, decision: named ? 'named' : 'public', shown: printableUrl(url) };
}

/** `http://NAME/path?query` → the upstream's own URL, which never leaves its base path. */
function upstreamTarget(upstream: NamedUpstream, url: URL): Target {
  if (hasHiddenDotSegment(url.pathname)) {
    const shown = JSON.stringify(`http://${upstream.name}${url.pathname.slice(0, 200)}`);
    throw new OutboundError(
      'denied',
      `${shown} could lead out of the upstream's path by an encoded "..": leave it off.`,
    );
  }
  // Put together as text: resolving the guest's path as a reference would let `//host/` name another server.
  const real = new URL(`${upstream.origin}${upstream.basePath}${url.pathname}${url.search}`);
  return {
    url: real,
    upstream,
    allowsPrivate: true,
    decision: `upstream ${upstream.name}`,
    shown: `http://${upstream.name}${url.pathname}`,
  };
}

/**
 * Where a redirect leads. An upstream that redirects within its own base path stays that upstream; anything else is a
 * URL like any other, with the permission it needs. The names of upstreams mean nothing there: they are for guests, and
 * whoever else could write one would be let past both gates, with the operator's headers.
 * @throws OutboundError as `resolveTarget`; a redirect to another scheme is `denied`
 */
export function resolveRedirect(from: Target, location: URL, permissions: Permissions): Target {
  const { upstream } = from;
  if (
    upstream !== null &&
    location.origin === upstream.origin &&
    location.username === '' &&
    location.password === ''
  ) {
    const { basePath } = upstream;
    if (location.pathname === basePath || location.pathname.startsWith(`${basePath}/`)) {
      const path = location.pathname.slice(basePath.length);
      return upstreamTarget(upstream, new URL(`http://upstream${path || '/'}${location.search}`));
    }
  }
  try {
    return resolveTarget(location.href, permissions, NO_UPSTREAMS);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    const message = `${from.shown} redirected: ${error.message}`;
    throw new OutboundError('denied', message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
