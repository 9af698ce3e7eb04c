import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responseHeaders } from '../../../runtime/http/web/headers.ts';

test("a function's response gives a proxy in front of the node no orders, such as to send a file of its own", () => {
  const given: [string, string][] = [
    ['X-Accel-Redirect', '/internal/keys'],
    ['X-Accel-Buffering', 'no'],
    ['X-Sendfile', '/etc/passwd'],
    ['X-SENDFILE2', '/etc/passwd 0-'],
    ['X-Lighttpd-Send-File', '/etc/passwd'],
    ['X-Reproxy-URL', 'http://169.254.169.254/'],
    ['X-Acceleration', '9.81'],
  ];
  assert.deepEqual([...responseHeaders(given).keys()], ['x-acceleration']);
});

test('nor has it a browser ask for a password in the name of the node, or keep anything for its origin', () => {
  const given: [string, string][] = [
    ['WWW-Authenticate', 'Basic realm="the node"'],
    ['WWW-Authenticate', 'Bearer, NTLM'],
    ['WWW-Authenticate', 'Bearer realm="api"'],
    ['Set-Cookie', 'a=b'],
    ['Accept-CH', 'Sec-CH-UA-Model'],
    ['Use-As-Dictionary', 'match="/*"'],
  ];
  assert.deepEqual([...responseHeaders(given)], [['www-authenticate', ['Bearer realm="api"']]]);
});
