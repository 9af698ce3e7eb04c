import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, run, start, temporaryFolder } from './cli/command.ts';
import { freePort } from './packaging/commands.ts';
import { NO_TERMINAL, startAtTerminal } from './support/pseudo-terminal.ts';

const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

/** The author's guide: its blocks, command by command, in the order of the page. */
const [install = [], make = [], pin = [], serve = [], fetch = [], carry = [], ...others] = [
  ...readme.matchAll(/^```sh guide\n([\s\S]*?)^```/gm),
].map(([, block = '']) => block.trimEnd().split('\n'));

test('README: the guide installs what this repository packs, with the compiler it is tested with', async () => {
  const { version, devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(install, [
    'npm install && npm pack',
    `npm install --global ./inferbase-${version}.tgz assemblyscript@${devDependencies.assemblyscript}`,
  ]);
  assert.deepEqual(others, []);
});

test('README: the guide leads from an empty folder to a CID that another data folder runs', {
  skip: NO_TERMINAL,
}, async () => {
  await using folder = await temporaryFolder();
  const bin = join(folder.path, 'bin');
  await mkdir(bin);
  // As the global install puts it on the PATH.
  const launcher = `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'runtime/inferbase.js')}" "$@"\n`;
  await writeFile(join(bin, 'inferbase'), launcher);
  await chmod(join(bin, 'inferbase'), 0o755);
  const empty = join(folder.path, 'empty');
  await mkdir(empty);
  const project = join(empty, 'price-feed');
  const env = { PATH: `${bin}:${process.env.PATH}` };
  /** Types lines into a shell at a terminal. */
  const type = async (lines: readonly string[], cwd: string): Promise<string> => {
    const command = ['bash', '-c', `set -e\n${lines.join('\n')}`];
    const { code, screen } = await startAtTerminal([], cwd, { command, env, columns: 240 }).finished;
    assert.equal(code, 0, `${lines.join('\n')}\n${screen}`);
    return screen;
  };

  const made = await type(make, empty);
  assert.match(made, /^3 passed/m);
  const [, cid = ''] = /^✓ package (bafy\w+)/m.exec(made) ?? [];
  const filled = (lines: readonly string[], port = 0): string[] =>
    lines.map((line) => line.replaceAll('CID', cid).replace('127.0.0.1:6000', `127.0.0.1:${port}`));
  const answer = /\{"infererValue":"[\d.]+"\}/;
  const pinned = await type(filled(pin), project);
  assert.ok(pinned.includes(cid) && answer.test(pinned), pinned);

  assert.deepEqual(serve, ['inferbase serve']);
  const port = await freePort();
  const node = start(['serve', '--listen-api', `127.0.0.1:${port}`], project);
  await node.until(/^API /m);
  assert.match(await type(filled(fetch, port), empty), answer);
  node.kill('SIGINT');
  assert.equal((await node.finished).code, 0);
  assert.match(await type(filled([...carry.slice(0, 1)]), project), /price-feed\.car/);
  assert.match(await type(filled(carry.slice(1)), project), answer);
  assert.equal((await run(['inspect', cid, '--data-dir', 'elsewhere'], project)).code, 0);
});
