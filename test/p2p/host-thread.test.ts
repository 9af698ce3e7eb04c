import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { createProcessGroups } from '../../runtime/cli/process-groups.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import type { ExecuteReply } from '../../runtime/core/node.ts';
import { openRuntime, type Runtime } from '../../runtime/runtime.ts';
import { createLog } from '../../runtime/telemetry/log.ts';
import { toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { tempDir } from '../store/support.ts';
import { freePort } from '../support/free-port.ts';
import { guest } from '../support/wat.ts';
import { until } from './support.ts';

interface Node {
  readonly runtime: Runtime;
  readonly address: string;
  readonly peerId: string;
  readonly lines: readonly string[];
  /** The thread of its libp2p host, as it started. */
  readonly thread: Worker;
}

/** A whole node in this process, with its threads. */
async function openNode(t: TestContext, flags: Readonly<Record<string, unknown>>): Promise<Node> {
  const cwd = await tempDir(t);
  const { settings } = await loadSettings({
    cwd,
    env: {},
    flags: { 'peers.listen': ['/ip4/127.0.0.1/tcp/0'], 'sandbox.threads': 1, ...flags },
  });
  await mkdir(settings.dataDir, { recursive: true });
  const lines: string[] = [];
  const log = createLog({ level: 'info', pretty: false, write: (text) => lines.push(text) });
  const runtime = await openRuntime(settings, log, createProcessGroups());
  t.after(() => runtime.close());
  await runtime.openNode();
  const started = Promise.withResolvers<Worker>();
  process.once('worker', started.resolve);
  const [address = ''] = await runtime.joinPeers();
  return { runtime, address, peerId: address.split('/').at(-1) ?? '', lines, thread: await started.promise };
}

async function ask(head: Node, cid: string, config: object = {}): Promise<ExecuteReply> {
  const body = {
    function_id: cid,
    method: 'f.wasm',
    topic: '1',
    config: { number_of_nodes: 1, timeout: 2, ...config },
  };
  const node = await head.runtime.openNode();
  const signal = new AbortController().signal;
  return await node.execute(toExecuteRequest(body), { requestId: crypto.randomUUID(), signal });
}

async function askUntilAnswered(head: Node, cid: string): Promise<ExecuteReply> {
  for (const late = Date.now() + 60_000; ; ) {
    try {
      return await ask(head, cid);
    } catch (error) {
      if (Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

suite('the thread of the libp2p host', () => {
  test('when it dies it is replaced, under the same id, and everything comes back', async (t) => {
    // The port has to be the same when the host comes back.
    const port = await freePort();
    const head = await openNode(t, { role: 'head', 'peers.listen': [`/ip4/127.0.0.1/tcp/${port}`] });
    const worker = await openNode(t, { role: 'worker', 'work.topics': ['1'], 'peers.connect': [head.address] });
    const [{ cid }, { cid: slow }] = [
      await worker.runtime.store.add([{ path: '', bytes: await guest('exit-three') }]),
      await worker.runtime.store.add([{ path: '', bytes: await guest('sleep') }]),
    ];
    const before = await askUntilAnswered(head, cid);
    assert.deepEqual([before.results[0]?.outcome.exitCode, before.cluster], [3, [worker.peerId]]);

    const underWay = ask(head, slow);
    underWay.catch(() => {});
    await head.thread.terminate();
    // Workers that said so a moment ago are tried: 204, with the reason; else the roll call fails.
    const told = await ask(head, cid).then(
      ({ code, remarks }) => `${code} ${remarks.join()}`,
      (error) => `${error.code} ${error.message}`,
    );
    assert.match(told, /^(204|ERR_NOT_ENOUGH_NODES) .*being restarted/);
    const cut = await underWay.then(
      ({ code }) => code as string,
      (error) => error.code as string,
    );
    assert.ok(['204', 'ERR_NOT_ENOUGH_NODES', '200'].includes(cut), cut);
    assert.deepEqual((await askUntilAnswered(head, cid)).cluster, [worker.peerId]);

    await worker.thread.terminate();
    assert.deepEqual((await askUntilAnswered(head, cid)).cluster, [worker.peerId]);
  });

  test('where its port is taken when it comes back, it tries again until it is free', async (t) => {
    const port = await freePort();
    const head = await openNode(t, { role: 'head', 'peers.listen': [`/ip4/127.0.0.1/tcp/${port}`] });
    await head.thread.terminate();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await until(() => head.lines.some((line) => line.includes('does not come back')));
    other.close();
    for (let up = false; !up; ) {
      const socket = connect(port, '127.0.0.1');
      up = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (!up) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  test('blocks are exchanged on the host that work is given on', async (t) => {
    const first = await openNode(t, { role: 'head', 'peers.enabled': true, 'peers.serve': 'stored' });
    const { cid } = await first.runtime.store.add([{ path: '', bytes: await guest('exit-three') }]);
    const worker = await openNode(t, {
      ...{ role: 'worker', 'work.topics': ['1'], 'peers.connect': [first.address], 'peers.enabled': true },
    });
    // The worker has the function from its head, through the very connection that it is asked on.
    const { results } = await askUntilAnswered(first, cid);
    assert.equal(results[0]?.outcome.exitCode, 3);
    assert.equal(results[0]?.peerId, worker.peerId);
  });
});
