import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, run, start, temporaryFolder } from './cli/command.ts';
import { freePort } from './support/free-port.ts';
import { NO_TERMINAL, startAtTerminal } from './support/pseudo-terminal.ts';

const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

/** Blocks of a kind, command by command, in the order of the page. */
function blocks(kind: string): string[][] {
  const found = readme.matchAll(new RegExp(`^\`\`\`sh ${kind}\\n([\\s\\S]*?)^\`\`\``, 'gm'));
  return [...found].map(([, block = '']) => block.trimEnd().split('\n'));
}

/** The author's guide. */
const [install = [], make = [], pin = [], serve = [], fetch = [], carry = [], ...others] = blocks('guide');
/** A head and a worker on this machine. */
const [begin = [], end = [], ...more] = blocks('local');

test('README: the guide installs what this repository packs, with the compiler it is tested with', async () => {
  const { version, devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(install, [
    'npm install && npm pack',
    `npm install --global ./inferbase-${version}.tgz assemblyscript@${devDependencies.assemblyscript}`,
  ]);
  assert.deepEqual(others, []);
});

interface Author {
  readonly empty: string;
  readonly project: string;
  /** Types lines into a shell at a terminal. */
  type(lines: readonly string[], cwd: string): Promise<string>;
}

/** Somebody with an empty folder, and the program on the `PATH` as the global install puts it there. */
async function author(path: string): Promise<Author> {
  const bin = join(path, 'bin');
  await mkdir(bin);
  const launcher = `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'runtime/inferbase.js')}" "$@"\n`;
  await writeFile(join(bin, 'inferbase'), launcher);
  await chmod(join(bin, 'inferbase'), 0o755);
  const empty = join(path, 'empty');
  await mkdir(empty);
  const env = { PATH: `${bin}:${process.env.PATH}` };
  return {
    empty,
    project: join(empty, 'price-feed'),
    async type(lines, cwd) {
      const command = ['bash', '-c', `set -e\n${lines.join('\n')}`];
      const { code, screen } = await startAtTerminal([], cwd, { command, env, columns: 240 }).finished;
      assert.equal(code, 0, `${lines.join('\n')}\n${screen}`);
      return screen;
    },
  };
}

test('README: the guide leads from an empty folder to a CID that another data folder runs', {
  skip: NO_TERMINAL,
}, async () => {
  await using folder = await temporaryFolder();
  const { empty, project, type } = await author(folder.path);
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

test('README: from init by run and the curl that it prints to terminate, with a head and a worker as processes', {
  skip: NO_TERMINAL,
}, async () => {
  await using folder = await temporaryFolder();
  const { empty, project, type } = await author(folder.path);
  assert.deepEqual(more, []);
  const port = await freePort();
  const model = `--upstream model=http://127.0.0.1:${await freePort()}`;
  // Another test, or a node, may have the usual ports.
  const places = `--listen-api 127.0.0.1:${port} --head-port 0 --worker-port 0 ${model}`;
  assert.equal(begin.at(-1), 'inferbase run');
  try {
    const shown = await type([...begin.slice(0, -1), `inferbase run ${places}`], empty);
    const answer = /\{"infererValue":"[\d.]+"\}/;
    assert.match(shown, answer);
    const [curl = ''] = /^curl [\s\S]*?^\}'/m.exec(shown.replaceAll('\r', '')) ?? [];
    assert.ok(curl.includes(`:${port}/api/v1/functions/execute`), shown);
    const reply = JSON.parse((await type([`${curl} --silent`], empty)).trim());
    assert.equal(reply.code, '200');
    assert.match(reply.results[0].result.stdout, answer);
    assert.match(await type(end, project), /^worker up[\s\S]*^head {3}\| [\s\S]*^✓ model ended \(pid \d+\)$/m);
  } finally {
    await run(['terminate'], project).catch(() => {});
  }
});
