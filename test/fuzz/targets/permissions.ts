import {
  allows,
  hasHiddenDotSegment,
  intersectPermissions,
  parsePermission,
  permissionLineFor,
} from '../../../runtime/core/permissions.ts';
import { isPublicAddress } from '../../../runtime/guest/outbound/addresses.ts';
import { OutboundError } from '../../../runtime/guest/outbound/errors.ts';
import { readUpstreams, resolveRedirect, resolveTarget, type Target } from '../../../runtime/guest/outbound/targets.ts';
import { mutate, type Random } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const PARTS = [
  ...[
    'http',
    'https',
    'HTTP',
    'ftp',
    'file',
    ':',
    '//',
    '/',
    '\\',
    '@',
    '?',
    '#',
    ':80',
    ':443',
    ':8080',
    '..',
    '.',
    '%2e',
    '%2f',
  ],
  ...[
    '%252e',
    ';',
    'a.com',
    'A.com',
    'evil.net',
    'model',
    'localhost',
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '[::1]',
    '[',
    ']',
  ],
  ...[
    '[::ffff:127.0.0.1]',
    '１２７.0.0.1',
    'ａ.com',
    '*',
    ' ',
    '\t',
    '\n',
    '\0',
    'user',
    'é',
    '%',
    'xn--',
    'base',
    'secret',
  ],
];

function someUrl(random: Random): string {
  const begin = random.pick(['', 'http://', 'https://', 'http://model/', 'http://a.com/', 'https://a.com/base/']);
  const url = begin + random.times(8, () => random.pick(PARTS)).join('');
  return random.once(4) ? Buffer.from(mutate(Buffer.from(url), random)).toString() : url;
}

const UPSTREAMS = readUpstreams({
  model: { url: 'http://10.0.0.1:9000/base', headers: { authorization: 'secret' }, timeoutMs: 1 },
});

/** What a target may be: below the upstream's path, or covered by the line that was granted. */
function check(target: Target, granted: ReturnType<typeof intersectPermissions>, given: string): void {
  const { url, upstream } = target;
  require(url.username === '' && url.password === '', `${given}: credentials`);
  if (upstream !== null) {
    require(url.origin === 'http://10.0.0.1:9000', `${given} leads from the upstream to ${url.origin}`);
    require(/^\/base(\/|$)/.test(url.pathname), `${given} leads out of the upstream's path to ${url.pathname}`);
    require(!hasHiddenDotSegment(url.pathname), `${given} keeps a way up in ${url.pathname}`);
    return;
  }
  require(allows(granted, url), `${given} reaches ${url.href}`);
  if (target.allowsPrivate)
    require(granted.namedHosts.some((host) => url.href.includes(host.split(':')[0] ?? '-')), given);
}

function denied<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    require(error.message.length < 70_000 && !/[\0\n\r]/.test(error.message), 'a message of several lines');
    return undefined;
  }
}

/** Permission lines, URLs and redirects: what is let through is what was granted, and the line in a hint allows it. */
export const permissions: FuzzTarget = {
  name: 'permissions',
  async open() {
    return {
      try(random) {
        const line = someUrl(random);
        const refused = ['ERR_INVALID_REQUEST', 'ERR_INVALID_SETTING', 'ERR_INVALID_MANIFEST'];
        const parsed = refusable(refused, () => parsePermission(line, { operator: random.once(2) }));
        const policy = parsed === undefined ? ['https://a.com/base/'] : [line];
        const granted = refusable(refused, () => intersectPermissions({ policy, manifest: null, request: null }));
        if (granted === undefined) return;
        const given = someUrl(random);
        const target = denied(() => resolveTarget(given, granted, UPSTREAMS));
        const url = URL.parse(given);
        // A host with a star cannot be granted, nor can it be found.
        const isHttp = url !== null && /^https?:$/.test(url.protocol) && !url.hostname.includes('*');
        if (isHttp && url.username === '' && url.password === '') {
          const hint = permissionLineFor(url);
          const lines = refusable(refused, () =>
            intersectPermissions({ policy: [hint], manifest: [hint], request: null }),
          );
          require(lines !== undefined, `the line ${hint} that would allow ${given} is refused`);
          require(hasHiddenDotSegment(url.pathname) || allows(lines, url), `the line ${hint} does not allow ${given}`);
        }
        isPublicAddress(given);
        if (target === undefined) return;
        check(target, granted, given);
        const location = URL.parse(someUrl(random), target.url.href);
        if (location === null) return;
        const next = denied(() => resolveRedirect(target, location, granted));
        if (next === undefined) return;
        require(next.upstream === null || next.upstream === target.upstream, `a redirect to the upstream: ${location}`);
        check(next, granted, location.href);
      },
    };
  },
};
