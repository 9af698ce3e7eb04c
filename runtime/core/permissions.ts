import { type ErrorCode, InferbaseError } from './errors.ts';

/**
 * A permission is a parsed grant of outbound HTTP: scheme, host, port and path prefix are compared part by part,
 * never as text (a text prefix `https://api.good.com` would also admit `api.good.com.evil.net`).
 */
export interface Permission {
  readonly scheme: 'http' | 'https';
  /** Lower-case host name or address; `null` is the operator's wildcard, written `https://`. */
  readonly host: string | null;
  /** Effective port; `null` only beside the wildcard host. */
  readonly port: number | null;
  /** A prefix of path and query, `/` for all. */
  readonly pathPrefix: string;
}

/** What one execution may reach. A URL is allowed when every layer has a permission that covers it. */
export interface Permissions {
  /** Operator's policy first, then manifest and request where they said something. */
  readonly layers: readonly (readonly Permission[])[];
  /** Hosts (`host:port`) the operator named literally: their private addresses are allowed. */
  readonly namedHosts: readonly string[];
}

/** Nothing but named upstreams. */
export const NO_PERMISSIONS: Permissions = { layers: [[]], namedHosts: [] };

/** Most lines of a manifest or a request, and characters of all of them: they are parsed on the front thread and kept. */
const MAX_LINES = 256;
const MAX_CHARACTERS = 65_536;

const WILDCARD = /^(https?):\/\/$/i;
/** Manifests of the Blockless tools list files and sockets too: such a line grants no HTTP and is no mistake. */
const OTHER_SCHEME = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\//i;
const LINE = /^https?:\/\/[^/?#]+(.?)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the URL parser would drop or re-write exactly these.
const NEVER_IN_A_LINE = /[\u0000-\u0020\u007f\\]/;

/**
 * Reads one permission line, such as `https://api.example.com/v3/` or `http://127.0.0.1:9000/`.
 * @param options.operator the line is the operator's, who alone may write `https://` or `http://` for every host
 * @throws InferbaseError `ERR_INVALID_REQUEST` naming the line and what to write instead
 */
export function parsePermission(text: string, options: { operator?: boolean } = {}): Permission {
  const refuse = (remedy: string): InferbaseError =>
    new InferbaseError('ERR_INVALID_REQUEST', `The permission ${JSON.stringify(text)} ${remedy}.`);
  if (typeof text !== 'string') throw refuse('is not text: write a URL such as "https://api.example.com/"');

  const wildcard = WILDCARD.exec(text);
  if (wildcard !== null) {
    if (options.operator !== true) throw refuse('names no host, which only the operator may do: name the host');
    return { scheme: schemeOf(text), host: null, port: null, pathPrefix: '/' };
  }
  if (NEVER_IN_A_LINE.test(text)) throw refuse('has a space, backslash or control character: percent-encode it');
  const shape = LINE.exec(text);
  if (shape === null) throw refuse('is not an http or https URL: write one such as "https://api.example.com/"');
  if (shape[1] === '?') throw refuse('has a query but no path: write a slash before the "?"');
  if (text.includes('#')) throw refuse('has a fragment, which is never sent: leave off "#" and what follows');

  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse('is not a valid URL: write one such as "https://api.example.com/"');
  }
  if (authorityText(text).includes('@')) {
    throw refuse('has a user name or password: leave off what stands before "@"');
  }
  if (url.hostname.includes('*')) throw refuse('has a wildcard host, which is not supported: name each host');
  if (hasHiddenDotSegment(url.pathname)) throw refuse('has an encoded ".." in its path: write the path it leads to');
  return {
    scheme: schemeOf(text),
    host: url.hostname,
    port: effectivePort(url),
    pathPrefix: url.pathname + url.search,
  };
}

function schemeOf(text: string): 'http' | 'https' {
  return /^https:/i.test(text) ? 'https' : 'http';
}

function authorityText(text: string): string {
  return text.slice(text.indexOf('//') + 2).split(/[/?]/, 1)[0] ?? '';
}

/** The port a URL leads to, the scheme's own where none is written. */
function effectivePort(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/**
 * Whether a parsed URL's path keeps a `..` from the URL parser by encoding, once or more often, its dots or the slashes
 * beside it (`..%2f`, `%252e%252e`, `..;x/`). Some servers decode such a path and then walk up in it.
 */
export function hasHiddenDotSegment(pathname: string): boolean {
  if (!pathname.includes('%') && !pathname.includes('..')) return false;
  let path = pathname;
  // Each pass unwraps one level; a path that still changes after four was made to hide something.
  for (let pass = 0; pass < 4; pass++) {
    const decoded = path.replace(/%(25|2e|2f|5c|3b)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (decoded === path) return path.split(/[/\\]/).some((segment) => segment.split(';', 1)[0] === '..');
    path = decoded;
  }
  return true;
}

/**
 * What an execution may reach: what policy, manifest and request all allow.
 * @param lists.policy the operator's lines, not to be changed afterwards; the hosts they name may also have private addresses
 * @param lists.manifest `null` where the manifest says nothing, which narrows nothing; `[]` allows named upstreams only
 * @param lists.request as `manifest`
 * @throws InferbaseError naming the bad line: `ERR_INVALID_SETTING`, `ERR_INVALID_MANIFEST` or `ERR_INVALID_REQUEST`
 */
export function intersectPermissions(lists: {
  policy: readonly string[];
  manifest: readonly string[] | null;
  request: readonly string[] | null;
}): Permissions {
  const policy = parseList('ERR_INVALID_SETTING', lists.policy, true);
  const layers = [policy];
  if (lists.manifest !== null) layers.push(parseList('ERR_INVALID_MANIFEST', lists.manifest, false));
  if (lists.request !== null) layers.push(parseList('ERR_INVALID_REQUEST', lists.request, false));
  const namedHosts = policy.flatMap(({ host, port }) => (host === null ? [] : [`${host}:${port}`]));
  return { layers, namedHosts };
}

/** Policy and manifests come again with every request as the same arrays: parsing them is paid once. */
const PARSED = new WeakMap<readonly string[], { code: ErrorCode; permissions: readonly Permission[]; lines: number }>();

function parseList(code: ErrorCode, lines: readonly string[], operator: boolean): readonly Permission[] {
  const known = PARSED.get(lines);
  if (known?.code === code && known.lines === lines.length) return known.permissions;
  if (!operator) checkSize(code, lines);
  const about = operator ? lines : lines.filter((line) => !OTHER_SCHEME.test(line));
  const permissions = about.map((line) => parseAs(code, line, operator));
  PARSED.set(lines, { code, permissions, lines: lines.length });
  return permissions;
}

function checkSize(code: ErrorCode, lines: readonly string[]): void {
  const characters = lines.reduce((sum, line) => sum + line.length, 0);
  if (lines.length <= MAX_LINES && characters <= MAX_CHARACTERS) return;
  throw new InferbaseError(
    code,
    `The list of permissions has ${lines.length} lines of ${characters} characters in all; ` +
      `at most ${MAX_LINES} lines and ${MAX_CHARACTERS} characters are taken: list fewer, broader ones.`,
  );
}

function parseAs(code: ErrorCode, line: string, operator: boolean): Permission {
  try {
    return parsePermission(line, { operator });
  } catch (error) {
    if (!(error instanceof InferbaseError) || error.code === code) throw error;
    throw new InferbaseError(code, error.message);
  }
}

/**
 * Whether every layer has a permission for this URL: scheme, host and effective port equal, and the permission's path
 * and query are a prefix of the URL's, compared as written or after lower-casing the URL's, as bls-runtime does.
 */
export function allows(permissions: Permissions, url: URL): boolean {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  if (url.username !== '' || url.password !== '') return false;
  return permissions.layers.every((layer) => layer.some((permission) => covers(permission, url)));
}

function covers(permission: Permission, url: URL): boolean {
  if (`${permission.scheme}:` !== url.protocol) return false;
  if (permission.host === null) return true;
  if (permission.host !== url.hostname || permission.port !== effectivePort(url)) return false;
  if (permission.pathPrefix === '/') return true;
  if (hasHiddenDotSegment(url.pathname)) return false;
  const path = url.pathname + url.search;
  return path.startsWith(permission.pathPrefix) || path.toLowerCase().startsWith(permission.pathPrefix);
}

/** Whether the operator's policy names this URL's host and port literally. */
export function isNamedHost(permissions: Permissions, url: URL): boolean {
  return permissions.namedHosts.includes(`${url.hostname}:${effectivePort(url)}`);
}

/** The line that would allow a URL, without its query, which may hold a secret. */
export function permissionLineFor(url: URL | string): string {
  const { protocol, host, pathname } = typeof url === 'string' ? new URL(url) : url;
  return `${protocol}//${host}${hasHiddenDotSegment(pathname) ? '/' : pathname}`;
}
