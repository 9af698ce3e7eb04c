import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { compile } from '../support/asc.ts';
import { ask } from './ask.ts';
import { mustRun, type Service, temporaryFolder } from './commands.ts';
import { type Compose, readCompose } from './compose.ts';
import { type Container, type Network, NO_CONTAINERS, openNetwork } from './container.ts';
import { buildImage, type Image } from './dockerfile.ts';

const COMPOSE = new URL('compose/', import.meta.url).pathname;
const SEED_PHRASE = 'fluid maid owner phrase say country early stamp donkey carbon frame pistol';
const METHOD = 'allora-inference-function.wasm';

/** What guides have as Dockerfile_b7s, as deploy/README.md shows it. */
const DOCKERFILE_B7S =
  /```dockerfile\n([^`]*USER appuser[^`]*)```/.exec(readFileSync(join(ROOT, 'deploy/README.md'), 'utf8'))?.[1] ?? '';

function script(name: string): string {
  return readFileSync(join(COMPOSE, name), 'utf8');
}

const skip = NO_CONTAINERS || (!existsSync('/usr/bin/python3') && 'no /usr/bin/python3');

suite('compose files of the Allora inference base, with only the image changed', { skip }, () => {
  let temporary = { path: '', remove: async (): Promise<void> => {} };
  let image: Image;
  let wasm: Uint8Array;
  let made = 0;

  before(async () => {
    temporary = await temporaryFolder();
    await chmod(temporary.path, 0o755);
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const workspace = join(temporary.path, 'image');
    image = buildImage(dockerfile, { context: ROOT, workspace, target: 'python' });
    wasm = await compile(new URL('../e2e/assembly/allora-client/', import.meta.url));
  });
  after(() => temporary.remove());

  async function derive(text: string, files: Readonly<Record<string, string>>): Promise<Image> {
    const context = join(temporary.path, `context-${made++}`);
    await mkdir(context);
    for (const [name, content] of Object.entries(files)) await writeFile(join(context, name), content);
    const images = new Map([['inferbase:python', image]]);
    return buildImage(text, { context, workspace: `${context}-image`, images });
  }

  /** Everything of one test; what was started ends with it, the last one first. */
  async function stage(): Promise<{ folder: string; services: Service[] } & AsyncDisposable> {
    const folder = join(temporary.path, `stage-${made++}`);
    await mkdir(folder);
    const services: Service[] = [];
    return {
      folder,
      services,
      async [Symbol.asyncDispose]() {
        for (const service of services.toReversed()) await service.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }

  /** A node that has the function, in place of the gateways that those workers fetched it from. */
  async function startGateway(network: Network, folder: string): Promise<{ service: Service; cid: string }> {
    const functions = join(folder, 'gateway-functions');
    await mkdir(functions);
    await writeFile(join(functions, METHOD), wasm);
    const env = { INFERBASE_LISTEN_API: '127.0.0.1:7000' };
    const mounts = [{ source: functions, target: '/functions' }];
    const service = await network.start({ image, command: ['inferbase', 'serve'], env, workdir: '/data', mounts });
    const [, cid = ''] = await service.until(new RegExp(`function ${METHOD} (\\S+)`));
    await service.until(/^API /m);
    return { service, cid };
  }

  async function start(compose: Compose, name: string, from: Image): Promise<Service> {
    const service = await compose.start(name, from);
    await service.until(new RegExp(`^${name} ready$`, 'm'));
    return service;
  }

  test('keys made at the first start, a head, and a worker with a main.py that asks an inference server', async () => {
    await using run = await stage();
    const variables = { HEAD_ID: '', SEED_PHRASE, GATEWAY: 'http://127.0.0.1:7000' };
    const hosts = ['172.22.0.4 inference', '172.22.0.100 head', '172.22.0.10 worker'];
    const addresses = ['172.22.0.4', '172.22.0.10', '172.22.0.100'];
    const network = await openNetwork({ addresses, hosts, folder: run.folder });
    try {
      // As the guides have it, before the first start: docker run --entrypoint=bash -v ./head-data:/data IMAGE -c …
      const command = ['bash', '-c', 'mkdir -p /data/keys && (cd /data/keys && allora-keys)'];
      const head = { source: join(run.folder, 'head-data'), target: '/data' };
      const keys = network.run({ image, command, env: {}, workdir: '/data', mounts: [head] });
      assert.equal(keys.code, 0, keys.stderr);
      variables.HEAD_ID = await readFile(join(run.folder, 'head-data/keys/identity'), 'utf8');

      const inference = network.startHere('/usr/bin/python3', ['-c', script('inference.py')], run.folder);
      run.services.push(inference);
      await inference.until(/serving/);
      const { service: gateway, cid } = await startGateway(network, run.folder);
      run.services.push(gateway);

      const path = join(COMPOSE, 'coin-prediction.yaml');
      const compose = readCompose(path, { folder: run.folder, variables, start: network.start });
      assert.deepEqual([...compose.addresses].sort(), ['172.22.0.10', '172.22.0.100']);
      const headNode = await start(compose, 'head', image);
      run.services.push(headNode);
      assert.match(headNode.output(), new RegExp(`^peer id ${variables.HEAD_ID}$`, 'm'));
      assert.doesNotMatch(headNode.output(), /Generating new private keys/);
      const worker = await start(compose, 'worker', await derive(DOCKERFILE_B7S, { 'main.py': script('main.py') }));
      run.services.push(worker);
      assert.match(worker.output(), /Generating new private keys/);
      assert.doesNotMatch(worker.output(), /fluid|pistol/, 'the mnemonic is in no log');

      const { answer, text } = await ask(network, cid, METHOD);
      assert.equal(answer.code, '200', text + worker.output() + headNode.output());
      const [result] = answer.results ?? [];
      assert.deepEqual(JSON.parse(result?.result.stdout ?? ''), {
        infererValue: '2976.97 of /inference/ETH',
        topic: '1',
      });
      const workerId = await readFile(join(run.folder, 'worker-data/keys/identity'), 'utf8');
      assert.deepEqual(result?.peers, [workerId]);

      // What must outlast a container is in its volume, for the user of both images.
      for (const [file, mode] of [
        ['keys/priv.bin', 0o600],
        ['function-db/inferbase/blocks', 0o755],
      ] as const) {
        const found = await stat(join(run.folder, 'worker-data', file));
        assert.deepEqual([found.uid, found.mode & 0o777], [1001, mode], file);
      }
    } finally {
      for (const service of run.services.splice(0).toReversed()) await service.stop();
      await network.close();
    }
  });

  test('a command that names allora-node once more, with head and worker on one volume', async () => {
    await using run = await stage();
    const hosts = ['172.19.0.100 head', '172.19.0.5 worker'];
    const network = await openNetwork({ addresses: ['172.19.0.5', '172.19.0.100'], hosts, folder: run.folder });
    try {
      const data = { source: join(run.folder, 'data'), target: '/data' };
      for (const node of ['head', 'worker']) {
        // allocmd ran this in a container of the image, whose user is 1001.
        const command = ['bash', '-c', `mkdir -p /data/${node}/key && cd /data/${node}/key && allora-keys`];
        const keys = network.run({ image, command, env: {}, workdir: '/', mounts: [data] });
        assert.equal(keys.code, 0, keys.stderr);
      }
      const HEAD_ID = await readFile(join(run.folder, 'data/head/key/identity'), 'utf8');
      const { service: gateway, cid } = await startGateway(network, run.folder);
      run.services.push(gateway);
      const variables = { HEAD_ID, GATEWAY: 'http://127.0.0.1:7000' };
      const path = join(COMPOSE, 'allocmd-dev.yaml');
      const compose = readCompose(path, { folder: run.folder, variables, start: network.start });
      const head = await start(compose, 'head', image);
      run.services.push(head);
      // Packages are installed as whoever the base image's user is, without USER root.
      const text = `FROM inferbase:python
COPY requirements.txt /app/
RUN pip3 install --requirement requirements.txt
COPY main.py /app/
`;
      const derived = await derive(text, { 'main.py': script('main-alone.py'), 'requirements.txt': 'requests\n' });
      const worker = await start(compose, 'worker', derived);
      run.services.push(worker);
      const { answer, text: shown } = await ask(network, cid, METHOD);
      assert.equal(answer.code, '200', shown + worker.output() + head.output());
      const [result] = answer.results ?? [];
      assert.deepEqual(JSON.parse(result?.result.stdout ?? ''), { infererValue: '1000.0', argument: 'ETH' });
      const names = ['head', 'worker'].map((node) => join(run.folder, `data/${node}/function-database/inferbase`));
      for (const name of names) assert.ok(existsSync(name), name);
      for (const service of [worker, head]) assert.equal(await service.stop(), 0, service.output());
    } finally {
      for (const service of run.services.splice(0).toReversed()) await service.stop();
      await network.close();
    }
  });

  test('the compose file of a new project: its head, its worker, its model server', async () => {
    await using run = await stage();
    const inferbase = (args: readonly string[], cwd: string) =>
      mustRun(process.execPath, [join(ROOT, 'runtime/inferbase.js'), ...args], { cwd });
    inferbase(['init', 'price-feed'], run.folder);
    const folder = join(run.folder, 'price-feed');
    inferbase(['build'], folder);
    const variables = { NODE_USER: /^NODE_USER=(.*)$/m.exec(await readFile(join(folder, '.env'), 'utf8'))?.[1] ?? '' };
    let network: Network | null = null;
    const compose = readCompose(join(folder, 'compose.yaml'), {
      folder,
      variables,
      start: (container) => (network ?? assert.fail('no network')).start(container),
    });
    network = await openNetwork({ addresses: [], hosts: compose.hosts, folder: run.folder });
    try {
      const images = new Map([['inferbase', image]]);
      const text = await readFile(join(folder, 'Dockerfile'), 'utf8');
      const own = buildImage(text, { context: folder, workspace: join(run.folder, 'image'), images });
      run.services.push(await compose.start('model', { ...image, entrypoint: [] }));
      await run.services[0]?.until(/^model server: /m);
      const head = await start(compose, 'head', image);
      run.services.push(head);
      // In one network there is one port 6000.
      const worker = await compose.start('worker', own, { INFERBASE_LISTEN_API: '127.0.0.1:6001' });
      run.services.push(worker);
      await worker.until(/^worker ready$/m);
      const [, cid = ''] = await worker.until(/^function price-feed (\S+)/m);
      const { answer, text: shown } = await ask(network, cid, 'price-feed.wasm');
      assert.match(answer.results?.[0]?.result.stdout ?? '', /^\{"infererValue":"[\d.]+"\}$/, shown + worker.output());
    } finally {
      for (const service of run.services.splice(0).toReversed()) await service.stop();
      await network.close();
    }
  });

  test('the entry point takes flags alone, commands of inferbase, and other programs', async () => {
    await using run = await stage();
    const network = await openNetwork({ addresses: [], hosts: [], folder: run.folder });
    const enter = (...args: string[]) =>
      network.run({ image, command: [...image.entrypoint, ...args], env: {}, workdir: '/data', mounts: [] });
    try {
      assert.match(enter('--version').stdout, /^\d+\.\d+\.\d+\n$/);
      assert.match(enter('--help').stdout, /^Usage: inferbase /);
      assert.match(enter('--role=worker', '--nope').stderr, /^unknown flag: --nope\nUsage of allora-node:/);
      assert.match(enter('allora-node', '--help').stdout, /^Usage of allora-node:/);
      assert.match(enter('allora-wkr', '--help').stdout, /^Usage: allora-wkr /);
      assert.match(enter('allora-keys', '-o', '/data/k').stdout, /^peer id 12D3KooW/);
      assert.match(enter('keys', 'show', '/data/k').stdout, /^peer id 12D3KooW/);
      assert.match(enter('inferbase', 'keys', '--help').stdout, /^Usage: inferbase keys /);
      assert.equal(
        enter('bash', '-c', 'echo $BASH_VERSION | cut -c1; id -u; id -un; pwd').stdout,
        '5\n1001\nappuser\n/data\n',
      );
      assert.equal(enter('/bin/sh', '-c', 'echo here').stdout, 'here\n');
      assert.equal(enter('nonsense').code, 2);
    } finally {
      await network.close();
    }
  });

  test('a head that is told everything by the variables of the older images', async () => {
    await using run = await stage();
    const network = await openNetwork({ addresses: [], hosts: [], folder: run.folder });
    try {
      const env = {
        NODE_ROLE: 'head',
        P2P_PORT: '9527',
        REST_API: '8080',
        NODE_KEY_PATH: '/app/keys/priv.bin',
        WORKSPACE_ROOT: '/tmp/node',
        BOOT_NODES: '',
        DIALBACK_ADDRESS: '203.0.113.5',
        DIALBACK_PORT: '9527',
      };
      const command = [...image.entrypoint, ...image.cmd];
      const node = await network.start({ image, command, env, workdir: image.workdir, mounts: [] });
      run.services.push(node);
      await node.until(/^head ready$/m);
      assert.match(node.output(), /^data folder \/tmp\/node$[\s\S]*^peer address \/ip4\/203\.0\.113\.5\/tcp\/9527\//m);
      const { stdout } = network.exec('curl', ['-s', 'http://localhost:8080/api/v1/health']);
      assert.match(stdout, /"code":200/);
    } finally {
      for (const service of run.services.splice(0)) await service.stop();
      await network.close();
    }
  });

  test('the head and the worker that deploy/README.md starts', async () => {
    await using run = await stage();
    const network = await openNetwork({ addresses: [], hosts: ['127.0.0.1 head'], folder: run.folder });
    const lines = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8').matchAll(
      /^docker run (.*\bINFERBASE_ROLE=.*)$/gm,
    );
    const [head = '', worker = ''] = [...lines].map(([, words = '']) => words);
    /** What `docker run` makes of such a line. */
    const container = (words: string, ...args: string[]): Container => ({
      image,
      command: [...image.entrypoint, ...(args.length > 0 ? args : image.cmd)],
      env: {
        ...Object.fromEntries([...words.matchAll(/ -e (\w+)=(\S+)/g)].map(([, name, value]) => [name, value])),
        // In one network there is one port 6000.
        ...(words === head ? {} : { INFERBASE_LISTEN_API: '127.0.0.1:6001' }),
      },
      workdir: image.workdir,
      mounts: [...words.matchAll(/ -v (\w+):(\/\w+)/g)].map(([, name = '', target = '']) => ({
        source: join(run.folder, name),
        target,
      })),
    });
    try {
      const { stdout } = network.run(container(head, 'keys', 'generate'));
      const [, peerId = ''] = /^peer id (\S+)$/m.exec(stdout) ?? [];
      const headNode = await network.start(container(head));
      run.services.push(headNode);
      await headNode.until(/^head ready$/m);
      assert.match(headNode.output(), new RegExp(`^peer id ${peerId}$`, 'm'));
      const functions = join(run.folder, 'functions');
      await mkdir(functions);
      await writeFile(join(functions, METHOD), await readFile(join(ROOT, 'functions/hello/build/hello.wasm')));
      const { mounts, ...rest } = container(worker.replace('PEER_ID', peerId));
      const all = [...mounts, { source: functions, target: '/functions' }];
      const workerNode = await network.start({ ...rest, mounts: all });
      run.services.push(workerNode);
      await workerNode.until(/^worker ready$/m);
      const [, cid = ''] = await workerNode.until(new RegExp(`function ${METHOD} (\\S+)`));
      const { answer, text } = await ask(network, cid, METHOD);
      assert.equal(answer.code, '200', text + workerNode.output());
    } finally {
      for (const service of run.services.splice(0).toReversed()) await service.stop();
      await network.close();
    }
  });

  test('the health check is that of what runs: a node, a worker without an API, nothing, one that hangs', async () => {
    await using run = await stage();
    const network = await openNetwork({ addresses: [], hosts: [], folder: run.folder });
    const healthy = (): number | null =>
      network.run({
        image,
        command: ['node', '/usr/local/lib/inferbase-health.mjs'],
        env: {},
        workdir: '/',
        mounts: [],
      }).code;
    const begin = async (command: string[], ready: RegExp): Promise<Service> => {
      const service = await network.start({ image, command, env: {}, workdir: '/data', mounts: [] });
      await service.until(ready);
      return service;
    };
    try {
      assert.equal(healthy(), 1, 'nothing listens');
      for (const [command, ready] of [
        [['inferbase', 'serve', '--listen-api', '127.0.0.1:8080', '--peers-enabled', 'true'], /^API /m],
        [['allora-node', '--role=worker'], /^worker ready$/m],
      ] as const) {
        const service = await begin([...command], ready);
        const code = healthy();
        await service.stop();
        assert.equal(code, 0, command.join(' '));
      }
      const mute = "require('net').createServer(() => {}).listen(6000, () => console.log('mute'))";
      const service = await begin(['node', '-e', mute], /mute/);
      const code = healthy();
      await service.stop();
      assert.equal(code, 1, 'it hangs');
    } finally {
      await network.close();
    }
  });
});
