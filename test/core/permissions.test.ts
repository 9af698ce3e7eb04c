import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import {
  allows,
  hasHiddenDotSegment,
  intersectPermissions,
  isNamedHost,
  NO_PERMISSIONS,
  parsePermission,
  permissionLineFor,
} from '../../runtime/core/permissions.ts';

function policy(...lines: string[]) {
  return intersectPermissions({ policy: lines, manifest: null, request: null });
}

function isAllowed(line: string, url: string): boolean {
  return allows(policy(line), new URL(url));
}

describe('parsePermission', () => {
  it('reads scheme, lower-case host, effective port and path prefix', () => {
    assert.deepEqual(parsePermission('HTTPS://API.Example.com/v3/Price?ids='), {
      scheme: 'https',
      host: 'api.example.com',
      port: 443,
      pathPrefix: '/v3/Price?ids=',
    });
    assert.deepEqual(parsePermission('http://127.1:9000'), {
      scheme: 'http',
      host: '127.0.0.1',
      port: 9000,
      pathPrefix: '/',
    });
  });

  it('lets only the operator write a line for every host', () => {
    assert.deepEqual(parsePermission('https://', { operator: true }), {
      scheme: 'https',
      host: null,
      port: null,
      pathPrefix: '/',
    });
    assert.throws(() => parsePermission('https://'), /only the operator/);
  });

  const refused: [line: string, remedy: RegExp][] = [
    ['', /http or https URL/],
    ['api.example.com', /http or https URL/],
    ['file://a.go', /http or https URL/],
    ['ftp://example.com/', /http or https URL/],
    ['https:///example.com/', /http or https URL/],
    ['https:example.com', /http or https URL/],
    ['https://user@example.com/', /before "@"/],
    ['https://user:pass@example.com/', /before "@"/],
    ['https://@example.com/', /before "@"/],
    ['https://example.com/#x', /fragment/],
    ['https://example.com?x=1', /slash before the "\?"/],
    ['https://example.com/a b', /percent-encode/],
    ['https://example.com\\@evil.net/', /percent-encode/],
    ['https://exa\nmple.com/', /percent-encode/],
    ['https://*.example.com/', /wildcard host/],
    ['https://example.com:99999/', /not a valid URL/],
    ['https://[::1/', /not a valid URL/],
    ['https://example.com/a/..%2fb', /encoded/],
  ];
  for (const [line, remedy] of refused) {
    it(`refuses ${JSON.stringify(line)} by name`, () => {
      assert.throws(
        () => parsePermission(line),
        (error: unknown) =>
          error instanceof InferbaseError &&
          error.code === 'ERR_INVALID_REQUEST' &&
          error.message.includes(JSON.stringify(line)) &&
          remedy.test(error.message),
      );
    });
  }

  it('refuses what is not text', () => {
    // @ts-expect-error manifests are JSON
    assert.throws(() => parsePermission(42), /not text/);
  });
});

describe('allows', () => {
  it('compares whole hosts, never their beginning', () => {
    assert.ok(isAllowed('https://good.com', 'https://good.com/x'));
    assert.ok(!isAllowed('https://good.com', 'https://good.com.evil.net/x'));
    assert.ok(!isAllowed('https://good.com', 'https://good.com@evil.net/x'));
    assert.ok(!isAllowed('https://good.com', 'https://good.com:x@evil.net/'));
    assert.ok(!isAllowed('https://good.com', 'https://notgood.com/x'));
    assert.ok(!isAllowed('https://good.com', 'https://good.com./x'));
  });

  it('compares scheme and effective port', () => {
    assert.ok(isAllowed('https://good.com:443/', 'https://good.com/'));
    assert.ok(isAllowed('http://good.com/', 'http://GOOD.com:80/'));
    assert.ok(!isAllowed('https://good.com/', 'http://good.com/'));
    assert.ok(!isAllowed('https://good.com/', 'https://good.com:8443/'));
    assert.ok(!isAllowed('https://good.com/', 'ftp://good.com/'));
  });

  it('treats path and query as a prefix, as official permission lists use it', () => {
    const line = 'https://api.coingecko.com/api/v3/simple/price?ids=';
    assert.ok(isAllowed(line, 'https://api.coingecko.com/api/v3/simple/price?ids=eth'));
    assert.ok(isAllowed(line, 'https://api.coingecko.com/api/v3/simple/PRICE?ids=eth'));
    assert.ok(!isAllowed(line, 'https://api.coingecko.com/api/v3/simple/price?vs=eth'));
    assert.ok(!isAllowed(line, 'https://api.coingecko.com/other'));
  });

  it('does not let an encoded ".." out of a path prefix', () => {
    assert.ok(!isAllowed('https://good.com/public/', 'https://good.com/public/../secret'));
    assert.ok(!isAllowed('https://good.com/public/', 'https://good.com/public/%2e%2e/secret'));
    assert.ok(!isAllowed('https://good.com/public/', 'https://good.com/public/..%2fsecret'));
    assert.ok(!isAllowed('https://good.com/public/', 'https://good.com/public/%252e%252e%252fsecret'));
    assert.ok(isAllowed('https://good.com/public/', 'https://good.com/public/ETH%2FUSD'));
  });

  it('reads other spellings of an address as the address', () => {
    for (const url of ['http://0x7f.1:9000/', 'http://2130706433:9000/', 'http://127.1:9000/']) {
      assert.ok(isAllowed('http://127.0.0.1:9000/', url), url);
    }
  });

  it('allows nothing by default, and every host of a scheme with the wildcard', () => {
    assert.ok(!allows(NO_PERMISSIONS, new URL('https://good.com/')));
    assert.ok(isAllowed('https://', 'https://anything.example:8443/x'));
    assert.ok(!isAllowed('https://', 'http://anything.example/x'));
  });
});

describe('intersectPermissions', () => {
  it('needs every layer that says something', () => {
    const permissions = intersectPermissions({
      policy: ['https://'],
      manifest: ['https://a.com/', 'https://b.com/'],
      request: ['https://b.com/x', 'https://c.com/'],
    });
    assert.ok(allows(permissions, new URL('https://b.com/x1')));
    assert.ok(!allows(permissions, new URL('https://b.com/y')));
    assert.ok(!allows(permissions, new URL('https://a.com/')));
    assert.ok(!allows(permissions, new URL('https://c.com/')));
  });

  it('narrows nothing by null and all by an empty list', () => {
    const url = new URL('https://a.com/');
    assert.ok(allows(intersectPermissions({ policy: ['https://a.com'], manifest: null, request: null }), url));
    assert.ok(!allows(intersectPermissions({ policy: ['https://a.com'], manifest: null, request: [] }), url));
    assert.ok(!allows(intersectPermissions({ policy: [], manifest: ['https://a.com'], request: null }), url));
  });

  it('names the hosts of the policy only, with their port', () => {
    const permissions = intersectPermissions({
      policy: ['http://127.0.0.1:9000/x', 'https://', 'https://[::1]/'],
      manifest: ['http://10.0.0.1/'],
      request: null,
    });
    assert.deepEqual(permissions.namedHosts, ['127.0.0.1:9000', '[::1]:443']);
    assert.ok(isNamedHost(permissions, new URL('http://127.0.0.1:9000/y')));
    assert.ok(!isNamedHost(permissions, new URL('http://127.0.0.1:9001/')));
  });

  it('blames the layer that holds a bad line', () => {
    const code = (lists: { policy?: string[]; manifest?: string[]; request?: string[] }): unknown => {
      try {
        intersectPermissions({ policy: [], manifest: null, request: null, ...lists });
      } catch (error) {
        return error instanceof InferbaseError && error.message.includes('"nonsense"') && error.code;
      }
      return undefined;
    };
    assert.equal(code({ policy: ['nonsense'] }), 'ERR_INVALID_SETTING');
    assert.equal(code({ manifest: ['nonsense'] }), 'ERR_INVALID_MANIFEST');
    assert.equal(code({ request: ['nonsense'] }), 'ERR_INVALID_REQUEST');
  });
});

describe('permissionLineFor', () => {
  it('is the line that allows the URL, without the query', () => {
    for (const url of [
      'https://good.com/v1/x?key=secret',
      'http://127.0.0.1:9000/',
      'http://[::1]:9/x',
      'https://good.com/a/..%2fb',
    ]) {
      const line = permissionLineFor(url);
      assert.ok(isAllowed(line, url), line);
      assert.ok(!line.includes('secret'));
    }
    assert.equal(permissionLineFor(new URL('https://good.com/v1/x?key=secret')), 'https://good.com/v1/x');
  });
});

describe('hasHiddenDotSegment', () => {
  it('finds a ".." behind encodings of its dots and slashes', () => {
    for (const path of ['/..%2fx', '/a%5c..%5cx', '/%252e%252e/x', '/..;v=1/x', '/a/.%252e', '/%2525252e%2525252e/x']) {
      assert.ok(hasHiddenDotSegment(path), path);
    }
    for (const path of ['/', '/a..b', '/...', '/ETH%2FUSD', '/100%25', '/%zz', '/a%', '/%2e%2ebc']) {
      assert.ok(!hasHiddenDotSegment(path), path);
    }
  });
});

it('a line of a manifest or request that is about files or sockets grants no HTTP and is no error', () => {
  const policy = ['https://a.example/'];
  for (const lines of [
    { manifest: ['file://a.go'], request: null },
    { manifest: null, request: ['tcp://b.example:1'] },
  ]) {
    const permissions = intersectPermissions({ policy, ...lines });
    assert.equal(allows(permissions, new URL('https://a.example/')), false);
  }
  const mixed = intersectPermissions({ policy, manifest: ['file://a.go', 'https://a.example/'], request: null });
  assert.equal(allows(mixed, new URL('https://a.example/')), true);
});

it('a list of a manifest or request that is far too long is refused', () => {
  const line = (index: number): string => `https://a.example/${index}`;
  const many = Array.from({ length: 257 }, (_, index) => line(index));
  const long = [`https://a.example/${'a'.repeat(70_000)}`];
  for (const lines of [many, long]) {
    assert.throws(() => intersectPermissions({ policy: [], manifest: null, request: lines }), {
      code: 'ERR_INVALID_REQUEST',
    });
    assert.throws(() => intersectPermissions({ policy: [], manifest: lines, request: null }), {
      code: 'ERR_INVALID_MANIFEST',
    });
  }
  intersectPermissions({ policy: many, manifest: null, request: many.slice(1) });
});
