import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { compile } from '../support/asc.ts';
import { freePort } from '../support/free-port.ts';
import { type Service, startService, temporaryFolder } from './commands.ts';
import { buildImage, type Image, startCommand } from './dockerfile.ts';
import { get, post } from './http.ts';
import { folderBytes } from './packed.ts';

const HELLO = join(ROOT, 'functions/hello/build/hello.wasm');
const COIN_PREDICTION = join(ROOT, 'functions/coin-prediction/build/coin-prediction.wasm');

/** Arguments of `node` in the image's health check, the path turned into ours. */
function healthCheck(image: Image): string[] {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const check: string[] = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]');
  assert.equal(check[0], 'node');
  return check.slice(1).map((word) => (word.startsWith('/') ? join(image.root, word) : word));
}

/** Dockerfiles that deploy/README.md shows. */
function documentedDockerfiles(): string[] {
  const readme = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8');
  return [...readme.matchAll(/```dockerfile\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
}

/** Starts what a container of this image would start, as its user where the tests run as root. */
async function startContainer(
  image: Image,
  extra: Record<string, string>,
): Promise<{ service: Service; port: number; as: { uid?: number; gid?: number } }> {
  const port = await freePort();
  const { command, args, cwd, env } = startCommand(image, { INFERBASE_LISTEN_API: `127.0.0.1:${port}`, ...extra });
  const asRoot = process.getuid?.() === 0;
  const uid = image.user ?? 0;
  const mayRead = asRoot && spawnSync(process.execPath, ['-v'], { uid, gid: uid, cwd }).status === 0;
  const service = startService(command, args, { cwd, env, ...(mayRead ? { uid } : {}) });
  await service.until(new RegExp(`127\\.0\\.0\\.1:${port}`));
  return { service, port, as: mayRead ? { uid, gid: uid } : {} };
}

function cidIn(service: Service, name: string): string {
  const line =
    service
      .output()
      .split('\n')
      .find((text) => text.includes(name)) ?? '';
  return /\bbaf[a-z0-9]+\b/.exec(line)?.[0] ?? assert.fail(`no CID of ${name} in: ${service.output()}`);
}

suite('the image', () => {
  let temporary = { path: '', remove: async (): Promise<void> => {} };
  let image: Image;

  before(async () => {
    temporary = await temporaryFolder();
    chmodSync(temporary.path, 0o755);
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    image = buildImage(dockerfile, { context: ROOT, workspace: join(temporary.path, 'image') });
  });
  after(() => temporary.remove());

  async function derive(
    text: string,
    files: Readonly<Record<string, string>>,
    bases: Readonly<Record<string, Image>> = { inferbase: image },
  ): Promise<Image> {
    const context = join(temporary.path, `context-${Math.random().toString(36).slice(2)}`);
    await mkdir(context);
    for (const [name, source] of Object.entries(files)) await cp(source, join(context, name), { recursive: true });
    const images = new Map(Object.entries(bases));
    return buildImage(text, { context, workspace: `${context}-image`, images });
  }

  test('runs as an unprivileged user, listens on every interface and adds less than 20 MB to its base', () => {
    assert.equal(image.user, 1001);
    assert.equal(image.env.INFERBASE_LISTEN_API, '0.0.0.0:6000');
    assert.equal(image.env.INFERBASE_PEERS_LISTEN, '/ip4/0.0.0.0/tcp/9011');
    assert.deepEqual([image.entrypoint, image.cmd], [['inferbase-entrypoint'], ['serve']]);
    assert.ok(folderBytes(image.root) < 20_000_000, `${folderBytes(image.root)} bytes`);
  });

  test('starts and answers its own health check', async () => {
    const { service, port, as } = await startContainer(image, {});
    try {
      // Its own sockets only: what else listens on this machine is nothing to it.
      const { status, stderr } = spawnSync(process.execPath, healthCheck(image), { ...as, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.match((await get(port, '/api/v1/health')).text, /"code":200/);
    } finally {
      assert.equal(await service.stop(), 0, service.output());
    }
  });

  test('as a base image, a .wasm in /functions is served by CID with no further file', async () => {
    const [text = ''] = documentedDockerfiles();
    const derived = await derive(text, { 'hello.wasm': HELLO });
    const { service, port } = await startContainer(derived, {});
    try {
      const body = { function_id: cidIn(service, 'hello.wasm'), method: 'hello.wasm' };
      const answer = await post(port, '/api/v1/functions/execute', body);
      assert.match(answer.text, /^\{"code":"200"/);
    } finally {
      assert.equal(await service.stop(), 0, service.output());
    }
  });

  test('as a base image, a function and a model server beside it answer an inference', async () => {
    const [, text = ''] = documentedDockerfiles();
    const modelPort = await freePort();
    const derived = await derive(text.replace('/model/server.ts', `/model/server.ts --port ${modelPort}`), {
      'coin-prediction.wasm': COIN_PREDICTION,
      'model-server': join(ROOT, 'functions/coin-prediction/model-server'),
    });
    const upstream = { INFERBASE_UPSTREAMS_MODEL_URL: `http://127.0.0.1:${modelPort}` };
    const { service, port } = await startContainer(derived, upstream);
    try {
      await service.until(new RegExp(`127\\.0\\.0\\.1:${modelPort}`));
      const config = { env_vars: [{ name: 'ALLORA_ARG_PARAMS', value: 'ETH' }], number_of_nodes: 1 };
      const body = { function_id: cidIn(service, 'coin-prediction.wasm'), method: 'coin-prediction.wasm', config };
      const answer = await post(port, '/api/v1/functions/execute', body);
      assert.match(answer.text, /infererValue/);
    } finally {
      await service.stop();
    }
  });

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  test("with Python, Allora's function is answered by a main.py in /app", {
    skip: !hasPython && 'no python3 here',
  }, async () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const workspace = join(temporary.path, 'python');
    const base = buildImage(dockerfile, { context: ROOT, workspace, target: 'python' });
    assert.equal(base.user, 1001);
    assert.equal(base.env.INFERBASE_EXTENSIONS_ALLORA_ENABLED, 'true');
    assert.match(dockerfile, /AS python\n[\s\S]*apt-get install .*\bpython3\b/);

    const main = join(temporary.path, 'main.py');
    const wasm = join(temporary.path, 'allora-inference-function.wasm');
    const script = 'import json, sys\nprint(json.dumps({"infererValue": "3213.45", "argv": sys.argv[1:]}), end="")\n';
    await writeFile(main, script);
    await writeFile(wasm, await compile(new URL('../e2e/assembly/allora-client/', import.meta.url)));
    const [, , text = ''] = documentedDockerfiles();
    const files = { 'main.py': main, 'allora-inference-function.wasm': wasm };
    const derived = await derive(text, files, { 'inferbase:python': base });
    // Found by its place in a container; a folder that stands for one has to say where that is.
    const settings = { INFERBASE_EXTENSIONS_ALLORA_SCRIPT: join(derived.root, 'app/main.py') };
    const { service, port } = await startContainer(derived, settings);
    try {
      const variables = { ALLORA_ARG_PARAMS: 'ETH', ALLORA_BLOCK_HEIGHT_CURRENT: '1234' };
      const config = {
        env_vars: Object.entries(variables).map(([name, value]) => ({ name, value })),
        number_of_nodes: 1,
      };
      const method = 'allora-inference-function.wasm';
      const answer = await post(port, '/api/v1/functions/execute', {
        topic: '1',
        function_id: cidIn(service, method),
        method,
        config,
      });
      assert.match(answer.text, /infererValue.*3213\.45.*argv.*"1.*ETH/);
    } finally {
      assert.equal(await service.stop(), 0, service.output());
    }
  });
});
