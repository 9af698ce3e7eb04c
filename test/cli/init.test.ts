import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { projectFiles } from '../../runtime/cli/init/project.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import { listenAddresses } from '../../runtime/config/settings.ts';
import { parseTcpAddress } from '../../runtime/core/multiaddr.ts';
import { NO_TERMINAL, startAtTerminal } from '../support/pseudo-terminal.ts';
import { run, start, temporaryFolder } from './command.ts';

const NO_PYTHON = spawnSync('python3', ['--version']).status === 0 ? false : 'needs python3';
const USER = '1000:1000';
const PEERS = {
  head: '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV',
  worker: '12D3KooWEYuM4rBfdsg2f7dLVZqNAxFdZzNMjBRyKwVgVQuzsWPm',
};

async function tree(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)).sort();
}

describe('init', () => {
  test('makes a project that builds, passes its tests, and answers a random value', async () => {
    await using folder = await temporaryFolder();
    const made = await run(['init', '--name', 'price-feed'], folder.path);
    assert.deepEqual([made.code, made.stderr], [0, '']);
    assert.match(made.stdout, /^✓ price-feed: 15 files\n/);
    assert.deepEqual(await readdir(folder.path), ['price-feed']);
    const dir = join(folder.path, 'price-feed');
    const built = await run(['build'], dir);
    assert.deepEqual([built.code, built.stderr], [0, '']);
    const tested = await run(['test'], dir);
    assert.deepEqual([tested.code, tested.stderr], [0, '']);
    assert.match(tested.stdout, /^3 passed/m);
    const nowhere = ['--upstream', 'model=http://127.0.0.1:1', '--log-level', 'silent'];
    const answers = await Promise.all([0, 1].map(() => run(['exec', 'build/price-feed.wasm', ...nowhere], dir)));
    for (const { code, stdout } of answers) {
      assert.equal(code, 0);
      assert.match(stdout, /^\{"infererValue":"[\d.]+"\}$/);
    }
    assert.notEqual(answers[0]?.stdout, answers[1]?.stdout);

    const [, head = ''] = /identity of head: (12D3Koo\w+)/.exec(made.stdout) ?? [];
    assert.ok((await readFile(join(dir, 'compose.yaml'), 'utf8')).includes(`/dns4/head/tcp/9010/p2p/${head}`));

    // A node in that folder reads inferbase.yaml: it serves the package, under its CID.
    const [, cid = ''] = /package (bafy\w+)/.exec(built.stdout) ?? [];
    const node = start(['serve', '--listen-api', '127.0.0.1:0', '--data-dir', 'nodes/worker/.inferbase'], dir);
    await node.until(/^API /m);
    node.kill('SIGTERM');
    const { stdout, stderr } = await node.finished;
    assert.ok(stdout.includes(`function price-feed ${cid}\n`), stdout + stderr);
    const [, worker = ''] = /identity of worker: (12D3Koo\w+)/.exec(made.stdout) ?? [];
    assert.ok(stdout.includes(`peer id ${worker}\n`), stdout);
  });

  test('--python makes one whose main.py predicts', { skip: NO_PYTHON }, async () => {
    await using folder = await temporaryFolder();
    const { code, stdout } = await run(['init', 'oracle', '--python', '--json'], folder.path);
    assert.equal(code, 0);
    const { name, path, files, peerIds } = JSON.parse(stdout);
    assert.deepEqual([name, path], ['oracle', join(folder.path, 'oracle')]);
    assert.deepEqual(Object.keys(peerIds), ['head', 'worker']);
    assert.ok(files.includes('main.py') && !files.includes('model-server/server.mjs'));
    const tested = await run(['test'], path);
    assert.deepEqual([tested.code, tested.stderr], [0, '']);
    assert.match(tested.stdout, /^2 passed/m);
    const answer = await run(['exec', 'build/oracle.wasm'], path);
    assert.match(answer.stdout, /^\{"infererValue":"[\d.]+"\}$/);
  });

  test('has keys that only their owner reads, that git ignores, and that pin leaves out', async () => {
    await using folder = await temporaryFolder();
    await run(['init', 'p'], folder.path);
    const dir = join(folder.path, 'p');
    const keys = (await tree(dir)).filter((path) => path.endsWith('priv.bin'));
    assert.equal(keys.length, 2);
    for (const key of keys) assert.equal((await stat(join(dir, key))).mode & 0o777, 0o600);
    assert.equal((await stat(join(dir, keys[0] ?? '', '..'))).mode & 0o777, 0o700);
    const mode = (await stat(join(dir, 'assembly'))).mode;
    for (const open of ['.', 'nodes', 'nodes/head/.inferbase']) assert.equal((await stat(join(dir, open))).mode, mode);
    execFileSync('git', ['init', '-q'], { cwd: dir });
    const tracked = execFileSync('git', ['ls-files', '--others', '--exclude-standard'], { cwd: dir, encoding: 'utf8' });
    assert.ok(tracked.includes('assembly/index.ts') && !tracked.includes('priv.bin') && !tracked.includes('.env'));
    const { cid } = JSON.parse((await run(['pin', 'nodes', '--json'], dir)).stdout || '{"cid":null}');
    assert.equal(cid, null, 'a folder with nothing but data folders is empty');
  });

  test('overwrites nothing: all is checked before anything is written', async () => {
    await using folder = await temporaryFolder();
    const dir = join(folder.path, 'p');
    await mkdir(join(dir, 'test'), { recursive: true });
    for (const file of ['README.md', 'notes.txt', 'test/p.test.yaml']) await writeFile(join(dir, file), 'mine');
    const refused = await run(['init', 'p'], folder.path);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(
      refused.stderr,
      /^error ERR_INVALID_REQUEST: \S+\/p has 2 files that are part of a new project, and nothing/,
    );
    assert.match(refused.stderr, /^ {2}README\.md\n {2}test\/p\.test\.yaml\n$/m);
    assert.deepEqual(await tree(dir), ['README.md', 'notes.txt', 'test', 'test/p.test.yaml']);

    const again = await run(['init', 'fresh'], folder.path);
    assert.equal(again.code, 0);
    const before = await readFile(join(folder.path, 'fresh', 'nodes/head/.inferbase/keys/priv.bin'));
    assert.equal((await run(['init', 'fresh'], folder.path)).code, 1);
    assert.deepEqual(await readFile(join(folder.path, 'fresh', 'nodes/head/.inferbase/keys/priv.bin')), before);
  });

  test('a folder that is there may have other files; one that cannot be filled is left as it was', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'other'));
    await writeFile(join(folder.path, 'other', 'notes.txt'), 'mine');
    assert.equal((await run(['init', 'other'], folder.path)).code, 0);
    assert.equal(await readFile(join(folder.path, 'other', 'notes.txt'), 'utf8'), 'mine');

    // A file where a folder would have to be.
    await mkdir(join(folder.path, 'half'));
    await writeFile(join(folder.path, 'half', 'test'), 'mine');
    await writeFile(join(folder.path, 'taken'), 'mine');
    const half = await run(['init', 'half'], folder.path);
    assert.deepEqual([half.code, half.stdout], [1, '']);
    assert.match(half.stderr, /cannot be written \((?:ENOTDIR|EEXIST)\)/);
    assert.deepEqual(
      (await tree(join(folder.path, 'half'))).filter((path) => path.includes('.')),
      [],
    );
    assert.match((await run(['init', 'taken'], folder.path)).stderr, /taken is a file; choose another name/);
  });

  test('refused: no name, two names, names that are paths or that others would not take', async () => {
    await using folder = await temporaryFolder();
    const rows: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [[], /has no name; write inferbase init NAME/],
      [['a', '--name', 'b'], /has two names, a and b/],
      [['../up'], /"\.\.\/up" cannot be a project's name/],
      [['Upper'], /such as price-feed/],
    ];
    for (const [args, message] of rows) {
      const { code, stderr } = await run(['init', ...args], folder.path);
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
    assert.deepEqual(await readdir(folder.path), []);
  });

  for (const python of [false, true]) {
    test(`what is to be filled in is marked, and settings and variables are ones there are (python: ${python})`, async () => {
      const files = projectFiles({ name: 'p', python, user: USER, peerIds: PEERS });
      const text = (path: string): string => files.get(path) ?? '';
      const predicts = python ? 'main.py' : 'model-server/server.mjs';
      for (const path of ['inferbase.yaml', predicts]) assert.match(text(path), /FILL IN/, path);

      await using folder = await temporaryFolder();
      await writeFile(join(folder.path, 'inferbase.yaml'), text('inferbase.yaml'));
      const compose = parse(text('compose.yaml')) as { services: Record<string, { environment?: object }> };
      for (const [name, { environment = {} }] of Object.entries(compose.services)) {
        const image = [...text('Dockerfile').matchAll(/^ENV (INFERBASE_\w+)=(.*)$/gm)].map(([, key, value]) => [
          key,
          value,
        ]);
        const env = { ...Object.fromEntries(image), ...environment, INFERBASE_CONFIG: 'inferbase.yaml' };
        const { settings } = await loadSettings({ cwd: folder.path, env: env as Record<string, string> });
        if (name === 'model') continue;
        assert.deepEqual([settings.role, settings.peers.enabled], [name, true]);
        assert.equal(parseTcpAddress(listenAddresses(settings)[0] ?? '')?.port, name === 'head' ? 9010 : 9011);
        if (name === 'worker') {
          assert.deepEqual(settings.peers.connect, [`/dns4/head/tcp/9010/p2p/${PEERS.head}`]);
          assert.deepEqual(settings.work.topics, ['1']);
        }
      }
      assert.deepEqual(Object.keys(compose.services), python ? ['head', 'worker'] : ['model', 'head', 'worker']);
      for (const path of text('Dockerfile').matchAll(/^COPY (\S+)/gm)) {
        assert.ok(files.has(path[1] ?? '') || path[1] === 'build/p/', String(path[1]));
      }
    });
  }

  test('at a terminal it says the same, in colour', { skip: NO_TERMINAL }, async () => {
    await using folder = await temporaryFolder();
    const { code, raw, screen } = await startAtTerminal(['init', 'p'], folder.path).finished;
    assert.equal(code, 0);
    assert.ok(raw.includes('\u001b[32m✓'));
    assert.match(screen, /^✓ p: 15 files\n/);
  });
});
