import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cleanEnv, runCommand, type Service, startService, temporaryFolder } from '../packaging/commands.ts';
import { post } from '../packaging/http.ts';
import { ROOT } from '../source-files.ts';
import { freePort } from '../support/free-port.ts';

const FUNCTION = join(ROOT, 'functions/coin-prediction/build/coin-prediction.wasm');
const SEED_PHRASE = 'fluid maid owner phrase say country early stamp donkey carbon frame pistol';

/** What compose files have bash do at the start of a container; `$1` is the volume, the rest goes to the node. */
const START = `if [ ! -f "$1/keys/priv.bin" ]; then
  echo "Generating new private keys..."
  mkdir -p "$1/keys"
  cd "$1/keys"
  allora-keys
fi
data=$1; shift
exec allora-node --peer-db=$data/peerdb --function-db=$data/function-db \\
  --runtime-path=/app/runtime --runtime-cli=bls-runtime --workspace=$data/workspace \\
  --private-key=$data/keys/priv.bin --log-level=debug --address=127.0.0.1 "$@"`;

suite('allora-node, as compose files start it', () => {
  let temporary = { path: '', remove: async (): Promise<void> => {} };
  let env: Record<string, string> = {};
  const model = createServer((request, response) => {
    response.end(JSON.stringify({ value: request.url === '/inference/ETH' ? '2976.97' : '0' }));
  });
  const services: Service[] = [];

  before(async () => {
    temporary = await temporaryFolder();
    const bin = join(temporary.path, 'bin');
    await mkdir(bin);
    for (const name of ['allora-node', 'allora-keys']) {
      // As an install puts it on the PATH.
      await writeFile(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/runtime/${name}.js" "$@"\n`);
      await chmod(join(bin, name), 0o755);
    }
    model.listen(0, '127.0.0.1');
    await once(model, 'listening');
    const functions = join(temporary.path, 'functions');
    await mkdir(functions);
    await cp(FUNCTION, join(functions, 'coin-prediction.wasm'));
    const { PATH = '' } = cleanEnv();
    env = cleanEnv({
      PATH: `${bin}:${PATH}`,
      INFERBASE_FUNCTIONS_DIR: functions,
      // No test asks the internet.
      INFERBASE_GATEWAYS: 'http://127.0.0.1:9',
      // Of the usual port there is one on this machine.
      INFERBASE_LISTEN_METRICS: '127.0.0.1:0',
      INFERENCE_API_ADDRESS: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
    });
  });
  after(async () => {
    for (const service of services) await service.stop();
    model.close();
    await temporary.remove();
  });

  function startNode(name: string, args: readonly string[]): Service {
    const volume = join(temporary.path, name);
    const service = startService('bash', ['-c', START, '-', volume, ...args], { cwd: temporary.path, env });
    services.push(service);
    return service;
  }

  test('a head and a worker make their keys, find each other and answer, and keep who they are', async () => {
    const [api, port] = [await freePort(), await freePort()];
    const headArgs = ['--role=head', `--port=${port}`, `--rest-api=127.0.0.1:${api}`];
    const head = startNode('head', headArgs);
    await head.until(/^head ready$/m);
    const headId = await readFile(join(temporary.path, 'head/keys/identity'), 'utf8');
    const worker = startNode('worker', [
      '--role=worker',
      '--port=0',
      `--boot-nodes=/ip4/127.0.0.1/tcp/${port}/p2p/${headId}`,
      '--topic=allora-topic-1-worker',
      '--allora-chain-key-name=testkey',
      `--allora-chain-restore-mnemonic=${SEED_PHRASE}`,
      '--allora-node-rpc-address=https://rpc.example/',
      '--allora-chain-topic-id=1',
    ]);
    await worker.until(/^worker ready$/m);
    assert.match(worker.output(), /Generating new private keys/);
    assert.match(worker.output(), /--allora-chain-restore-mnemonic,.* have no effect/);
    assert.doesNotMatch(worker.output(), /fluid|pistol/);
    assert.doesNotMatch(worker.output(), /^API /m, 'a worker has no REST API');
    const shown = await readFile(`/proc/${worker.pid}/cmdline`, 'utf8').catch(() => '');
    assert.doesNotMatch(shown, /fluid|pistol/, 'nor does the list of processes show the mnemonic');

    const [, cid = ''] = await worker.until(/^function coin-prediction\.wasm (\S+)$/m);
    const body = {
      function_id: cid,
      method: 'coin-prediction.wasm',
      parameters: null,
      topic: '1',
      config: { env_vars: [{ name: 'ALLORA_ARG_PARAMS', value: 'ETH' }], number_of_nodes: -1, timeout: 2 },
    };
    const workerId = await readFile(join(temporary.path, 'worker/keys/identity'), 'utf8');
    const ask = async (): Promise<string> => {
      // The worker may not have met the head yet.
      for (let attempt = 0; ; attempt++) {
        const { text } = await post(api, '/api/v1/functions/execute', body);
        if (JSON.parse(text).code === '200' || attempt === 20) return text;
        await setTimeout(250);
      }
    };
    const answer = JSON.parse(await ask());
    assert.equal(answer.results?.[0]?.result.stdout, '{"infererValue":"2976.97"}', JSON.stringify(answer));
    assert.deepEqual(answer.cluster, { peers: [workerId] });

    const scraped = async (node: Service): Promise<string> => {
      const [, url = ''] = await node.until(/^metrics (\S+)$/m);
      return await (await fetch(url)).text();
    };
    const ofHead = await scraped(head);
    assert.match(ofHead, /^allora_head_node_total_requests \d+$/m);
    assert.match(ofHead, new RegExp(`^b7s_node_function_executions{function="${cid}",consensus=""} \\d+$`, 'm'));
    const ofWorker = await scraped(worker);
    for (const name of ['b7s_node_workorders', 'b7s_executor_function_executions_ok']) {
      assert.match(ofWorker, new RegExp(`^${name}{function="${cid}"} \\d+$`, 'm'), ofWorker);
    }
    assert.match(ofWorker, /^allora_worker_node_total_response \d+$/m);

    // A container that is made anew has the volume and nothing else.
    assert.equal(await head.stop(), 0, head.output());
    const again = startNode('head', headArgs);
    await again.until(/^head ready$/m);
    assert.match(again.output(), new RegExp(`^peer id ${headId}$`, 'm'));
    assert.doesNotMatch(again.output(), /Generating/);
    assert.equal(JSON.parse(await ask()).code, '200');
    assert.equal(await worker.stop(), 0, worker.output());
  });

  test('a head whose API address is taken says so and ends, and leaves the other alone', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const args = ['--role=head', `--rest-api=127.0.0.1:${port}`, '-a', '127.0.0.1', '--function-db=taken'];
    const { code, stderr } = runCommand('allora-node', args, { cwd: temporary.path, env, timeoutMs: 60_000 });
    taken.close();
    assert.equal(code, 69);
    assert.match(
      stderr,
      new RegExp(
        `^error EADDRINUSE: 127\\.0\\.0\\.1:${port} is taken by another program; .*--rest-api=ADDRESS:PORT`,
        'm',
      ),
    );
  });
});
