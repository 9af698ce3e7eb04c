import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, start, temporaryFolder } from '../cli/command.ts';
import { extension, folderOf, openWithExtensions, processesWith } from '../services/cgi/extensions.ts';
import { compile } from '../support/asc.ts';
import { runIn } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

const EXTENSIONS = {
  // Reads one framed request and says what it got.
  'echo.sh': extension(
    'echo',
    'read length; read body; printf "%s %s %s %s" "$1" "$TOPIC_ID" "$length" "$body"; echo x >&2',
  ),
  'framed.sh': extension('framed', 'read length; printf "5\\\\r\\\\nhello\\\\r\\\\n"; sleep 60'),
};

test('a function of the SDK runs extensions, in the node and from the command line', async (t) => {
  const wasm = await compile(new URL('./assembly/sdk-cgi/', import.meta.url));
  const expected = 'an argument 7 6\r naïve\r|x\n';

  const runtime = await openWithExtensions(t, EXTENSIONS);
  const { stdout, stderr, exitCode } = await runIn(runtime, wasm);
  assert.deepEqual([stdout, exitCode], [expected, 0]);
  assert.equal(stderr, 'info: echo says it is echo\ninfo: framed says it is framed\n');
  assert.equal((await runIn(runtime, wasm, { env: { ALIAS: 'framed' } })).stdout, 'hello|');
  const missing = await runIn(runtime, wasm, { env: { ALIAS: '../echo.sh' } });
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /invalid_extension \(4\)/);

  const folder = await folderOf(t, EXTENSIONS);
  await using work = await temporaryFolder();
  await writeFile(join(work.path, 'ask.wasm'), wasm);
  const done = await run(['exec', 'ask.wasm', '--extensions-dir', folder], work.path);
  assert.deepEqual([done.stdout, done.code], [expected, 0], done.stderr);
});

test('a command that is interrupted leaves no process of an extension', async (t) => {
  const folder = await folderOf(t, { 'hold.sh': extension('hold', 'sleep 7171 & sleep 7171') });
  await using work = await temporaryFolder();
  await writeFile(join(work.path, 'hold.wasm'), await guest('cgi-hold'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const command = start(['exec', 'hold.wasm', '--extensions-dir', folder], work.path);
    assert.equal((await processesWith('sleep\u00007171', 2)).length, 2);
    command.kill(signal);
    assert.equal((await command.finished).code, 130);
    assert.deepEqual(await processesWith('7171'), []);
  }
});
