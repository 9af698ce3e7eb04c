import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { guest } from '../support/wat.ts';
import { ROOT, start, temporaryFolder } from './command.ts';

/** A function that exports `handle`, with the compiler among its packages. */
async function project(folder: string, greeting: string): Promise<string> {
  const dir = join(folder, 'hi');
  await mkdir(join(dir, 'assembly'), { recursive: true });
  await mkdir(join(folder, 'node_modules'), { recursive: true });
  await symlink(join(ROOT, 'node_modules', 'assemblyscript'), join(folder, 'node_modules', 'assemblyscript'));
  await writeFile(join(dir, 'asconfig.json'), '{"entries": ["assembly/index.ts"]}');
  await writeSource(dir, greeting);
  return dir;
}

function writeSource(dir: string, greeting: string): Promise<void> {
  const source = `export function handle(input: string): string { trace("called"); return "${greeting}, " + input; }`;
  return writeFile(join(dir, 'assembly', 'index.ts'), source);
}

function ask(
  url: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<{ status: number; body: string; cors: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: body === '' ? 'GET' : 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          cors: response.headers['access-control-allow-origin'],
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('dev builds and runs with every change, shows what was done, answers on loopback, and ends with Ctrl-C', async () => {
  await using folder = await temporaryFolder();
  const dir = await project(folder.path, 'Hello');
  const dev = start(['dev', 'hi', '--port', '0', '--', 'Ada'], folder.path);
  const [, url = ''] = await dev.until(/; (http:\/\/127\.0\.0\.1:\d+\/fn\/hi\/) runs it/);
  await dev.until(
    /▸ run Ada\n {2}stdout Hello, Ada\n {2}stderr trace: called\n {2}exited 0 \(.* ms, .* ms cpu, .* memory, fuel \d+, 1 host calls\)\n.*trace → /,
  );

  const answer = await ask(`${url}x?a=b`, {}, 'Bo');
  assert.deepEqual([answer.status, answer.body, answer.cors], [200, 'Hello, Bo', undefined]);
  await dev.until(/▸ POST \/x\?a=b\n {2}stdout Hello, Bo/);

  await writeSource(dir, 'Goodbye');
  await dev.until(/✓ built hi .*\n▸ POST \/x\?a=b\n {2}stdout Goodbye, Bo/);
  assert.equal((await ask(url, {}, 'Cy')).body, 'Goodbye, Cy');

  await writeFile(join(dir, 'assembly', 'index.ts'), 'export function handle(');
  await dev.until(/✗ error ERR_INVALID_MODULE: hi does not compile[\s\S]*✗ .*ERROR/);
  await writeSource(dir, 'Again');
  await dev.until(/stdout Again, Cy/);

  const { origin, port } = new URL(url);
  const execute = JSON.stringify({ function_id: 'any', method: '', config: { stdin: 'Di' } });
  const executed = await ask(`${origin}/api/v1/functions/execute`, { 'content-type': 'application/json' }, execute);
  assert.match(executed.body, /"stdout":"Again, Di"/);

  for (const headers of [
    { host: `evil.example:${port}` },
    { host: 'evil.example' },
    { host: `127.0.0.1.evil.example:${port}` },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    // Images and links of a page come without an origin.
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    const refused = await ask(url, headers);
    assert.deepEqual([refused.status, refused.cors], [403, undefined], JSON.stringify(headers));
  }
  assert.equal((await ask(url, { host: `localhost:${port}`, origin, 'sec-fetch-site': 'same-origin' })).status, 200);
  assert.equal((await ask(url, { 'sec-fetch-site': 'none' })).status, 200);

  const steering = JSON.stringify({
    function_id: 'any',
    method: '',
    config: { env_vars: [{ name: 'X', value: '\u001b[2Jgone\n▸ run forged' }] },
  });
  await ask(`${origin}/api/v1/functions/execute`, { 'content-type': 'application/json' }, steering);
  await dev.until(/▸ execute X=\\u\{1b\}\[2Jgone\\u\{a\}▸ run forged/);

  dev.kill('SIGINT');
  const { code, stdout } = await dev.finished;
  assert.equal(code, 0);
  assert.ok(!stdout.includes('\u001b'), 'plain lines without a terminal');
});

test('dev runs what the package will be: with its files, permissions and limits', async () => {
  await using folder = await temporaryFolder();
  const dir = folder.path;
  await writeFile(join(dir, 'show.wasm'), await guest('show-file'));
  await writeFile(join(dir, 'weights.txt'), 'first');
  await writeFile(join(dir, 'in.txt'), 'weights.txt');
  const declared = 'function: { name: shows, module: show.wasm, files: [weights.txt], limits: { hostCalls: 1000 } }';
  await writeFile(join(dir, 'inferbase.yaml'), declared);
  const dev = start(['dev', '--port', '0', '--stdin', 'in.txt', '--data-dir', 'state'], dir);
  await dev.until(/▸ run\n {2}stdout first\n/);
  await dev.until(/watching/);
  await writeFile(join(dir, 'weights.txt'), 'second');
  await dev.until(/✓ unchanged shows .*\n▸ run\n {2}stdout second\n/);
  await writeFile(join(dir, 'inferbase.yaml'), declared.replace('1000', '2'));
  await dev.until(/▸ run\n {2}ended with cause calls/);
  await writeFile(join(dir, 'inferbase.yaml'), declared.replace('weights.txt]', 'none.txt]'));
  await dev.until(/✗ error ERR_INVALID_REQUEST: there is no .*none\.txt/);
  dev.kill('SIGINT');
  assert.equal((await dev.finished).code, 0);
});

test('test --watch runs again with every change, and outlives a file that cannot be read', async () => {
  await using folder = await temporaryFolder();
  const dir = await project(folder.path, 'Hello');
  const file = join(dir, 'hi.test.yaml');
  const one = (expected: string): string =>
    `tests: [{ name: greets, stdin: Ada, expect: { stdout: "${expected}, Ada" } }]`;
  await writeFile(file, one('Hello'));
  const watching = start(['test', 'hi', '--watch'], folder.path);
  await watching.until(/1 passed \(/);
  await writeFile(file, one('Bye'));
  await watching.until(/1 failed/);
  await writeFile(file, 'nonsense: true');
  await writeFile(file, one('Hello'));
  await watching.until(/1 passed[\s\S]*1 passed/);
  watching.kill('SIGTERM');
  assert.equal((await watching.finished).code, 0);
});
