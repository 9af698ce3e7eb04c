import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { B7S_PROTOCOL, LASTING_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { type Running, run, start, temporaryFolder } from '../cli/command.ts';
import { importFiles } from '../store/support.ts';
import { guest } from '../support/wat.ts';

const LOOPBACK = '/ip4/127.0.0.1/tcp/0';

interface Reply {
  readonly code: string;
  readonly message?: string;
  readonly cluster: { readonly peers?: readonly string[] };
}

interface Served {
  readonly peerId: string;
  readonly address: string;
  readonly process: Running;
}

async function serve(
  t: TestContext,
  { dir, args = [], env = {} }: { dir: string; args?: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<Served> {
  const process = start(['serve', ...args], dir, env);
  t.after(async () => {
    process.kill('SIGKILL');
    await process.finished;
  });
  const [, peerId = ''] = await process.until(/^peer id (\S+)$/m);
  const [, address = ''] = await process.until(/^peer address (\S+)$/m);
  await process.until(/^(head|worker) ready$/m);
  return { peerId, address, process };
}

test('a head by WebSocket, a worker set up by variables of the older stack, and one that takes no work of this head', async (t) => {
  await using folder = await temporaryFolder();
  const [first, second, third] = ['head', 'worker', 'picky'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  for (const dir of [first, second, third]) await mkdir(join(dir, 'functions'), { recursive: true });
  const bytes = await guest('exit-three');
  for (const dir of [second, third]) await writeFile(join(dir, 'functions', 'f.wasm'), bytes);
  const cid = (await importFiles({ '': bytes })).cid.toString();

  const head = await serve(t, {
    dir: first,
    args: ['--role', 'head', '--listen-api', '127.0.0.1:0', '--peers-listen', `${LOOPBACK}/ws`],
  });
  assert.match(head.address, /\/ws\/p2p\//);
  const [, api = ''] = await head.process.until(/^API (\S+)$/m);
  const worker = await serve(t, {
    dir: second,
    env: {
      ...{
        NODE_ROLE: 'worker',
        BOOT_NODES: head.address,
        TOPICS: '1',
        DIALBACK_ADDRESS: '127.0.0.1',
        DIALBACK_PORT: '7',
      },
      ...{ INFERBASE_FUNCTIONS_DIR: 'functions', INFERBASE_PEERS_LISTEN: LOOPBACK },
    },
  });
  assert.equal(worker.address, `/ip4/127.0.0.1/tcp/7/p2p/${worker.peerId}`);
  const picky = await serve(t, {
    dir: third,
    args: [
      ...['--role', 'worker', '--work-topics', '1', '--boot-nodes', head.address, '--peers-listen', LOOPBACK],
      ...['--functions-dir', 'functions', '--work-heads', worker.peerId],
    ],
  });

  const ask = async (config: object): Promise<Reply> => {
    const body = JSON.stringify({ function_id: cid, method: 'f.wasm', topic: '1', config });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${api}/api/v1/functions/execute`, { method: 'POST', headers, body });
    return (await answer.json()) as Reply;
  };
  const seen = async (): Promise<string> => (await fetch(`${api}/api/v1/workers?topic=1`)).text();
  for (const { peerId } of [worker, picky]) {
    while (!(await seen()).includes(peerId)) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual((await ask({ number_of_nodes: -1, timeout: 2 })).cluster.peers, [worker.peerId]);
  const two = await ask({ number_of_nodes: 2, timeout: 1 });
  assert.equal(two.code, '408');

  const { peers } = (await (await fetch(`${api}/api/v1/peers`)).json()) as { peers: Record<string, unknown>[] };
  assert.deepEqual(
    peers.find(({ peer_id }) => peer_id === worker.peerId),
    {
      ...peers.find(({ peer_id }) => peer_id === worker.peerId),
      ...{ agent: 'inferbase', inbound: true, topics: ['blockless/b7s/general', 'allora-topic-1-worker'] },
      protocols: [B7S_PROTOCOL, LASTING_PROTOCOL],
    },
  );
  assert.match(String(peers.find(({ peer_id }) => peer_id === worker.peerId)?.heard_at), /^20\d\d-/);

  // Nobody needs a port for HTTP to be a worker.
  worker.process.kill('SIGTERM');
  const { code, stdout, stderr } = await worker.process.finished;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /^API /m);
  assert.doesNotMatch(stderr, /no effect/);
  picky.process.kill('SIGTERM');
  assert.match((await picky.process.finished).stderr, /a head that work\.heads does not name is ignored/);
});

test('addresses that are none are refused with their names, wherever they were set', async () => {
  await using folder = await temporaryFolder();
  const cases: readonly (readonly [args: readonly string[], env: Record<string, string>, message: RegExp])[] = [
    [['--role', 'worker', '--boot-nodes', '/ip4/10.0.0.4/tcp/9010'], {}, /peers\.connect is .*--boot-nodes/s],
    [['--role', 'worker'], { BOOT_NODES: 'ws://10.0.0.4:9010' }, /peers\.connect is .*BOOT_NODES/s],
    [['--role', 'head'], { P2P_PORT: 'nine' }, /peers\.listen is .*P2P_PORT/s],
    [['--role', 'head', '--peers-listen', '/ip4/127.0.0.1/tcp/0/wss'], {}, /peers\.listen is .*--peers-listen/s],
    [['--role', 'leader'], {}, /role is .*one of solo, head, worker/s],
  ];
  for (const [args, env, message] of cases) {
    const { code, stderr } = await run(['serve', ...args], folder.path, { env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});
