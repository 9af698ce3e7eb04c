import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serve } from '../guest/outbound/loopback.ts';
import { assemble, type Code, call, callWith, i32 } from '../support/assemble.ts';
import { openTestRuntime } from '../support/run-guest.ts';
import { hostCall } from './sandbox.ts';

const PROC_EXIT = hostCall('wasi_snapshot_preview1', 'proc_exit');
const HTTP_REQ = hostCall('blockless_http', 'http_req');
const CGI_OPEN = hostCall('blockless_cgi', 'cgi_open');

/** Makes a call three times over and exits with its last errno. */
function thrice(
  row: typeof HTTP_REQ,
  args: readonly number[],
  data: readonly (readonly [number, string])[],
): Uint8Array {
  const once: Code = callWith(0, row, args);
  const last: Code = [...args.flatMap((value) => i32(value)), ...call(0), ...call(1)];
  return assemble({ imports: [row, PROC_EXIT], functions: [[...once, ...once, ...last]], data });
}

const asks = (url: string): Uint8Array =>
  thrice(
    HTTP_REQ,
    [1024, Buffer.byteLength(url), 64, 16, 128, 132],
    [
      [64, '{"method":"GET"}'],
      [1024, url],
    ],
  );

const opens = (alias: string): Uint8Array => {
  const command = JSON.stringify({ command: alias });
  return thrice(CGI_OPEN, [64, Buffer.byteLength(command), 32], [[64, command]]);
};

type Flags = Record<string, unknown>;
type Lists = { readonly manifest?: readonly string[]; readonly request?: readonly string[] };

/** Runs a guest of a package whose manifest has these permission lines, and asks with those. */
async function execute(wasm: Uint8Array, flags: Flags, { manifest, request }: Lists = {}) {
  const runtime = await openTestRuntime(flags);
  try {
    const node = await runtime.openNode();
    const { cid } = await runtime.store.add([
      { path: 'manifest.json', bytes: Buffer.from(JSON.stringify({ permissions: manifest ?? null })) },
      { path: 'f.wasm', bytes: wasm },
    ]);
    const nothing = {
      parameters: [],
      env: [],
      stdin: new Uint8Array(0),
      nodeCount: 1,
      consensus: '',
      topic: '',
      body: {},
      limits: {},
    };
    const asked = { ...nothing, functionId: cid, method: 'f.wasm', permissions: request ?? null };
    const { results } = await node.execute(asked, { requestId: '1', signal: new AbortController().signal });
    const lines = runtime.logLines.map((line) => String(JSON.parse(line).msg));
    return {
      exitCode: results[0]?.outcome.exitCode,
      lines: lines.filter((line) => /permitted|public|denied|alias/.test(line)),
    };
  } finally {
    await runtime.close();
  }
}

describe('a denied call is told once, with the very line that allows it', () => {
  /** The line in the log, by where it says to add it. */
  const added = (line: string, to: RegExp): string =>
    /add(?:ing)? (\S+) to (.*?)[.:]?$/.exec(line.replace(to, '$&'))?.[1] ?? '';

  test('a URL that the operator does not list', async (t) => {
    const { origin } = await serve(t, (_request, response) => response.end());
    const url = `${origin}/v1/a%20b?key=secret`;
    const denied = await execute(asks(url), { 'policy.allow': ['http://good.com/'] });
    assert.equal(denied.exitCode, 14);
    assert.equal(denied.lines.length, 1, denied.lines.join('\n'));
    const [line = ''] = denied.lines;
    assert.match(line, /to policy\.allow/);
    assert.ok(!line.includes('secret'));
    assert.equal((await execute(asks(url), { 'policy.allow': [added(line, /policy/)] })).exitCode, 0);
  });

  test('a private address where every host is allowed', async (t) => {
    const { port } = await serve(t, (_request, response) => response.end());
    const url = `http://localhost:${port}/x`;
    const denied = await execute(asks(url), { 'policy.allow': ['http://'] });
    assert.deepEqual([denied.exitCode, denied.lines.length], [14, 1]);
    const [line = ''] = denied.lines;
    assert.match(line, /only the operator.*policy\.allow/);
    const allow = ['http://', added(line, /policy/)];
    assert.equal((await execute(asks(url), { 'policy.allow': allow })).exitCode, 0);
  });

  for (const list of ['manifest', 'request'] as const) {
    test(`a URL that the operator lists, and the ${list} does not`, async (t) => {
      const { origin } = await serve(t, (_request, response) => response.end());
      const flags = { 'policy.allow': [`${origin}/`] };
      const url = `${origin}/x`;
      const denied = await execute(asks(url), flags, { [list]: ['http://good.com/'] });
      assert.deepEqual([denied.exitCode, denied.lines.length], [14, 1]);
      const [line = ''] = denied.lines;
      assert.match(line, /to the manifest or request/);
      assert.equal((await execute(asks(url), flags, { [list]: [added(line, /manifest/)] })).exitCode, 0);
    });
  }

  test('a URL that a redirect leads to', async (t) => {
    const { origin } = await serve(t, (_request, response) => response.end());
    const from = await serve(t, (_request, response) => response.writeHead(302, { location: `${origin}/y` }).end());
    const flags = { 'upstreams.model.url': from.origin };
    const denied = await execute(asks('http://model/'), { ...flags, 'policy.allow': [] });
    assert.deepEqual([denied.exitCode, denied.lines.length], [14, 1]);
    const allow = [added(denied.lines[0] ?? '', /policy/)];
    assert.equal((await execute(asks('http://model/'), { ...flags, 'policy.allow': allow })).exitCode, 0);
  });

  const settings: readonly (readonly [what: string, flags: Flags])[] = [
    ['where there are no extensions', {}],
    ['where there are others', { 'extensions.other.command': 'true' }],
  ];
  for (const [what, flags] of settings) {
    test(`an extension, ${what}`, async () => {
      const denied = await execute(opens('sentiment'), flags);
      assert.deepEqual([denied.exitCode, denied.lines.length], [4, 1], denied.lines.join('\n'));
      const [, key = ''] = /set (extensions\.\S+\.command),/.exec(denied.lines[0] ?? '') ?? [];
      assert.equal((await execute(opens('sentiment'), { ...flags, [key]: 'true' })).exitCode, 0);
    });

    test(`Allora's extension, ${what}`, async () => {
      const denied = await execute(opens('cgi-allora-infer'), flags);
      assert.deepEqual([denied.exitCode, denied.lines.length], [4, 1], denied.lines.join('\n'));
      const [, key = ''] = /set (extensions\.\S+),/.exec(denied.lines[0] ?? '') ?? [];
      assert.equal((await execute(opens('cgi-allora-infer'), { ...flags, [key]: '/tmp/main.py' })).exitCode, 0);
    });
  }

  test('an extension whose alias can be no key is for the folder', async () => {
    const denied = await execute(opens('a b/../\n\u001b[31m'), {});
    assert.equal(denied.lines.length, 1);
    assert.match(denied.lines[0] ?? '', /"a b\/\.\.\/\\n\\u001b\[31m"; set extensions\.dir$/);
  });
});
