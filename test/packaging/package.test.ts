import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { freePort } from '../support/free-port.ts';
import { NO_TERMINAL, startAtTerminal } from '../support/pseudo-terminal.ts';
import { cleanEnv, mustRun, runCommand, type Service, startService, temporaryFolder } from './commands.ts';
import { get, post } from './http.ts';
import { folderBytes, type InstalledPackage, installGlobally, pack } from './packed.ts';

/** A network of its own with nothing on it, for who may make one; else nothing that npm would find. */
const CAN_UNSHARE = spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
const OFFLINE = { npm_config_registry: 'http://127.0.0.1:9/', http_proxy: '', https_proxy: '' };

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

suite('the packed tarball, installed globally in an empty prefix', () => {
  let temporary = { path: '', remove: async (): Promise<void> => {} };
  let tarball = '';
  let installed: InstalledPackage = { folder: '', command: '', printed: '' };

  before(async () => {
    temporary = await temporaryFolder();
    tarball = pack(temporary.path);
    installed = await installGlobally(tarball, join(temporary.path, 'prefix'));
    await mkdir(join(temporary.path, 'empty'));
  });
  after(() => temporary.remove());

  test('installs without a warning, under 80 MB and without react-native', () => {
    assert.match(installed.printed, /^\s*added \d+ packages?\b.*\s*$/);
    const prefix = join(temporary.path, 'prefix');
    assert.ok(folderBytes(prefix) < 80_000_000, `${folderBytes(prefix)} bytes`);
    assert.deepEqual(globSync('**/react-native*', { cwd: prefix }), []);
  });

  test('holds what runs, the SDK and the licences, and no source of the runtime or trace of this machine', () => {
    const files = globSync('**', { cwd: installed.folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.folder.length + 1));
    const needed = [
      'LICENSE',
      'dist/THIRD_PARTY_NOTICES.md',
      'dist/main.js',
      'dist/cli/local/child.js',
      'dist/guest/thread.js',
      'dist/p2p/thread.js',
      'dist/store/peers/thread.js',
      'dist/store/preparation/thread.js',
      'runtime/inferbase.js',
      'sdk/asconfig.json',
      'sdk/assembly/index.ts',
      'sdk/manifest.schema.json',
    ];
    assert.deepEqual(
      needed.filter((file) => !files.includes(file)),
      [],
    );
    assert.deepEqual(files.filter((file) => /^(?:runtime|test|functions)\//.test(file)).toSorted(), [
      'runtime/allora-keys.js',
      'runtime/allora-node.js',
      'runtime/allora-wkr.js',
      'runtime/inferbase.js',
    ]);
    const local = files.filter((file) => readFileSync(join(installed.folder, file), 'utf8').includes(ROOT));
    assert.deepEqual(local, []);
  });

  test('names the licence of every package inside', () => {
    const notices = readFileSync(join(installed.folder, 'dist/THIRD_PARTY_NOTICES.md'), 'utf8');
    for (const name of ['fastify', 'undici', '@helia/unixfs', 'multiformats', 'libp2p', '@libp2p/gossipsub']) {
      assert.match(notices, new RegExp(`^## ${name} \\d+\\.\\d+`, 'm'));
    }
    assert.doesNotMatch(notices, /^Licence: (?:see below|undefined|UNLICENSED)/m);
  });

  test('says its version and runs a file', () => {
    const options = { cwd: join(temporary.path, 'empty'), env: cleanEnv() };
    assert.match(mustRun(installed.command, ['--version'], options).stdout, new RegExp(`\\b${version}\\b`));
    const hello = join(ROOT, 'functions/hello/build/hello.wasm');
    assert.match(mustRun(installed.command, ['exec', hello], options).stdout, /\d/);
  });

  test('has the programs of the Go nodes beside it', async () => {
    const cwd = join(temporary.path, 'keys');
    await mkdir(cwd);
    const program = (name: string): string => join(temporary.path, 'prefix/bin', name);
    const { stdout } = mustRun(program('allora-keys'), ['-o', 'head'], { cwd, env: cleanEnv() });
    assert.equal(stdout, `peer id ${readFileSync(join(cwd, 'head/identity'), 'utf8')}\n`);
    assert.match(
      mustRun(program('allora-node'), ['--help'], { cwd, env: cleanEnv() }).stdout,
      /^Usage of allora-node:/,
    );
  });

  test('says one clear sentence on an old Node', () => {
    const old = ['--import', 'data:text/javascript,delete WebAssembly.Suspending'];
    const { code, stderr } = runCommand(process.execPath, [...old, join(installed.folder, 'runtime/inferbase.js')]);
    assert.equal(code, 78);
    assert.match(stderr, /^inferbase needs Node 24 or later/);
  });

  test('serves a function by CID, to a peer as well, and ends cleanly', async () => {
    const port = await freePort();
    const cwd = join(temporary.path, 'empty');
    const env = cleanEnv({ INFERBASE_LISTEN_API: `127.0.0.1:${port}`, INFERBASE_DATA_DIR: join(cwd, 'data') });
    const peers = { INFERBASE_PEERS_ENABLED: 'true', INFERBASE_PEERS_LISTEN: '/ip4/127.0.0.1/tcp/0' };
    const hello = join(ROOT, 'functions/hello/build/hello.wasm');
    const { cid } = JSON.parse(mustRun(installed.command, ['pin', hello, '--json'], { cwd, env }).stdout);
    const service = startService(installed.command, ['serve'], { cwd, env: { ...env, ...peers } });
    try {
      await service.until(new RegExp(`127\\.0\\.0\\.1:${port}`));
      assert.equal((await get(port, '/api/v1/health')).status, 200);
      const body = { function_id: cid, method: 'hello.wasm', config: { number_of_nodes: 1 } };
      const answer = JSON.parse((await post(port, '/api/v1/functions/execute', body)).text);
      assert.equal(answer.code, '200', JSON.stringify(answer));
      assert.equal(answer.results[0].result.exit_code, 0, JSON.stringify(answer));
      const [, address = ''] = await service.until(/^peer address (\S+)$/m);
      const other = { cwd, env: cleanEnv({ INFERBASE_DATA_DIR: join(cwd, 'other') }) };
      assert.match(mustRun(installed.command, ['exec', cid, '--peers-connect', address], other).stdout, /\d/);
    } finally {
      const code = await service.stop();
      assert.equal(code, 0, service.output());
    }
  });

  test('is a head and a worker that work together', async () => {
    const folder = join(temporary.path, 'roles');
    const functions = join(folder, 'functions');
    await mkdir(functions, { recursive: true });
    await cp(join(ROOT, 'functions/hello/build/hello.wasm'), join(functions, 'hello.wasm'));
    const startNode = (role: string, args: readonly string[]): Service => {
      const common = ['--role', role, '--data-dir', role, '--peers-listen', '/ip4/127.0.0.1/tcp/0'];
      return startService(installed.command, ['serve', ...common, ...args], { cwd: folder, env: cleanEnv() });
    };
    const head = startNode('head', ['--listen-api', '127.0.0.1:0']);
    const services = [head];
    try {
      const [, address = ''] = await head.until(/^peer address (\S+)$/m);
      const [, port = ''] = await head.until(/^API \S+:(\d+)$/m);
      const worker = startNode('worker', ['--work-topics', '1', '--functions-dir', functions, '--boot-nodes', address]);
      services.unshift(worker);
      const [, cid = ''] = await worker.until(/^function hello\.wasm (\S+)/m);
      await worker.until(/^worker ready$/m);
      const config = { number_of_nodes: 1, timeout: 60 };
      const body = { function_id: cid, method: 'hello.wasm', topic: '1', config };
      const answer = JSON.parse((await post(Number(port), '/api/v1/functions/execute', body)).text);
      assert.equal(answer.code, '200', JSON.stringify(answer));
      assert.match(answer.results[0].result.stdout, /infererValue/);
    } finally {
      for (const service of services) assert.equal(await service.stop(), 0, service.output());
    }
  });

  test('reads a settings file and lets a function reach its model server', async () => {
    const model = createServer((_request, response) => response.end('{"value":"3213.45"}')).listen(0, '127.0.0.1');
    await once(model, 'listening');
    const cwd = join(temporary.path, 'configured');
    await mkdir(cwd);
    const { port } = model.address() as AddressInfo;
    await writeFile(join(cwd, 'inferbase.yaml'), `upstreams:\n  model:\n    url: http://127.0.0.1:${port}\n`);
    const file = join(ROOT, 'functions/coin-prediction/build/coin-prediction.wasm');
    const args = ['exec', file, '--env', 'ALLORA_ARG_PARAMS=ETH'];
    const service = startService(installed.command, args, { cwd, env: cleanEnv() });
    try {
      await service.until(/\{"infererValue":"3213\.45"\}/);
    } finally {
      await service.stop();
      model.close();
    }
  });

  test('an author gets from init to a CID that another data folder runs, at a terminal and without a network', {
    skip: NO_TERMINAL,
  }, async () => {
    const cwd = join(temporary.path, 'author');
    await mkdir(join(cwd, 'second'), { recursive: true });
    const env = { ...cleanEnv(OFFLINE), TERM: 'xterm' };
    const made = mustRun(installed.command, ['init', '--name', 'price-feed'], { cwd, env });
    assert.match(made.stdout, /inferbase test/);
    const project = join(cwd, 'price-feed');
    const without = runCommand(installed.command, ['build'], { cwd: project, env });
    assert.equal(without.code, 1);
    const { assemblyscript } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies;
    const line = `in that folder type: npm install --save-dev --save-exact assemblyscript@${assemblyscript}\n`;
    assert.ok(without.stderr.endsWith(line), without.stderr);

    // Beside the installed program, as `npm install --global assemblyscript` puts it.
    await symlink(join(ROOT, 'node_modules/assemblyscript'), join(installed.folder, '..', 'assemblyscript'));
    const inferbase = JSON.stringify(installed.command);
    const port = await freePort();
    const script = `set -e; cd ${JSON.stringify(project)}
      ${inferbase} build
      ${inferbase} test
      cid=$(${inferbase} build --json | grep -o 'bafy[a-z0-9]*' | head -n 1)
      ${inferbase} pin build/price-feed
      ${inferbase} exec "$cid" --log-level silent; echo
      ${inferbase} store export "$cid" -o ../second/price-feed.car
      cd ../second
      ${inferbase} exec price-feed.car --log-level silent; echo
      ${inferbase} inspect "$cid"
      cd ${JSON.stringify(project)}
      ${inferbase} serve --listen-api 127.0.0.1:${port} > ../served &
      for i in $(seq 300); do if grep -q '^API ' ../served; then break; fi; sleep 0.1; done
      cd ../second
      ${inferbase} exec "$cid" --data-dir third --gateways http://127.0.0.1:${port} --log-level silent; echo
      kill %1; wait`;
    const shell = CAN_UNSHARE
      ? ['unshare', '-n', 'bash', '-c', `ip link set lo up; ${script}`]
      : ['bash', '-c', script];
    const { code, screen } = await startAtTerminal([], cwd, { command: shell, env, columns: 240 }).finished;
    assert.equal(code, 0, screen);
    assert.match(screen, /^✓ built price-feed build\/price-feed\.wasm [\s\S]*^3 passed/m);
    assert.equal(screen.match(/^\{"infererValue":"[\d.]+"\}/gm)?.length, 3, screen);
    assert.match(screen, /^manifest price-feed$[\s\S]*^runs {5}yes$/m);
  });

  test('a fresh project compiles a function against its SDK', async () => {
    const project = join(temporary.path, 'project');
    await mkdir(join(project, 'node_modules'), { recursive: true });
    await cp(installed.folder, join(project, 'node_modules/inferbase'), { recursive: true });
    await symlink(join(ROOT, 'node_modules/assemblyscript'), join(project, 'node_modules/assemblyscript'));
    await writeFile(join(project, 'package.json'), '{"private":true}');
    await writeFile(join(project, 'asconfig.json'), '{"extends":"./node_modules/inferbase/sdk/asconfig.json"}');
    const source = `import { output } from "inferbase/sdk";\noutput.text("from a fresh project");\n`;
    await writeFile(join(project, 'index.ts'), source);
    const asc = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
    const args = [asc, 'index.ts', '--target', 'release', '--outFile', 'out.wasm'];
    const { stderr } = mustRun(process.execPath, args, { cwd: project, env: cleanEnv() });
    assert.equal(stderr, '');
    const { stdout } = mustRun(installed.command, ['exec', 'out.wasm'], { cwd: project, env: cleanEnv() });
    assert.match(stdout, /^from a fresh project\n?$/);
  });
});
