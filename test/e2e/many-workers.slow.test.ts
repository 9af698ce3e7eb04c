import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../cli/command.ts';
import { answered, type ScriptedWorker, startScriptedWorker } from '../p2p/scripted-worker.ts';
import { startModelServer } from './model-server.ts';
import { cidOf, execute, executeUntil, type NodeProcess, type Reply, startNode } from './nodes.ts';

const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';
const WORKERS = 50;
const REQUESTS = 500;
/** Clients at once. */
const AT_ONCE = 16;

const ok = ({ code }: Reply): boolean => code === '200';

suite('many workers', () => {
  test('50 workers and 500 requests: all are answered, and the work is spread', async (t) => {
    await using folder = await temporaryFolder();
    const head = await startNode(t, {
      dir: join(folder.path, 'head'),
      role: 'head',
      args: ['--work-execution-ms', '60000'],
    });
    const orders = new Map<string, number>();
    const workers: ScriptedWorker[] = [];
    for (let i = 0; i < WORKERS; i++) {
      workers.push(
        await startScriptedWorker(t, head.address, {
          topic: 'many',
          async onOrder({ request_id }, worker) {
            orders.set(worker.peerId, (orders.get(worker.peerId) ?? 0) + 1);
            await worker.say(answered(request_id, 'done'));
          },
        }),
      );
    }
    const everyone = await executeUntil(head, CID, { topic: 'many', nodes: WORKERS }, ok);
    assert.equal(everyone.results?.[0]?.peers.length, WORKERS);

    const ended = new Map<string, number>();
    let asked = 0;
    const client = async (): Promise<void> => {
      while (asked++ < REQUESTS) {
        // A busy machine takes its time: 50 hosts of libp2p are in this process.
        const { code, message = '' } = await execute(head, CID, { topic: 'many', config: { timeout: 60 } });
        const how = `${code} ${message}`;
        ended.set(how, (ended.get(how) ?? 0) + 1);
      }
    };
    orders.clear();
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    assert.deepEqual([...ended], [['200 ', REQUESTS]]);
    assert.ok(orders.size > WORKERS / 2, `only ${orders.size} of ${WORKERS} workers had any work`);

    for (let i = 0; i < 5; i++) {
      const all = await execute(head, CID, { topic: 'many', nodes: -1, config: { timeout: 60 } });
      assert.deepEqual([all.code, all.results?.[0]?.peers.length, all.results?.[0]?.frequency], ['200', WORKERS, 100]);
    }
    await Promise.all(workers.slice(10).map(({ host }) => host.stop()));
    const left = await executeUntil(head, CID, { topic: 'many', nodes: -1 }, (r) => r.cluster.peers?.length === 10);
    assert.equal(left.results?.[0]?.peers.length, 10);
  });

  test('a worker waits for a head that comes up last, and installs what it is asked for', async (t) => {
    await using folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    const once = await startNode(t, { dir: at('head'), role: 'head', guests: ['exit-three'] });
    once.process.kill('SIGTERM');
    await once.process.finished;
    await startNode(t, {
      ...{ dir: at('worker'), role: 'worker', guests: ['exit-three'] },
      args: ['--peers-connect', once.address, '--work-topics', '1'],
    });
    // It has tried, and failed, a few times.
    await setTimeout(5_000);
    const listen = once.address.replace(/\/p2p\/.*$/, '');
    const head = await startNode(t, { dir: at('head'), role: 'head', args: ['--peers-listen', listen] });
    const reply = await executeUntil(head, await cidOf('exit-three'), {}, ok);
    assert.equal(reply.results?.[0]?.result.exit_code, 3);
  });

  test('a worker that is full refuses, another gets the work, and none is left with too much', async (t) => {
    await using folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    const model = await startModelServer(t, null);
    const head = await startNode(t, { dir: at('head'), role: 'head' });
    const start = (name: string): Promise<NodeProcess> =>
      startNode(t, {
        ...{ dir: at(name), role: 'worker', guests: ['ask-the-model', 'exit-three'] },
        args: [
          ...['--peers-connect', head.address, '--work-topics', '1', '--upstream', `model=${model.url}`],
          ...['--limits-concurrency', '1', '--limits-queue', '0'],
        ],
      });
    const workers = await Promise.all(['a', 'b'].map(start));
    const [asks, exits] = [await cidOf('ask-the-model'), await cidOf('exit-three')];
    await executeUntil(head, exits, { nodes: 2 }, ok);

    const held: Promise<Reply>[] = [];
    for (let i = 0; i < 2; i++) {
      const begun = model.next();
      held.push(execute(head, asks));
      await begun;
    }
    const refused = await execute(head, asks, { config: { timeout: 1 } });
    assert.ok(['408', '503'].includes(refused.code), refused.code);
    assert.match(refused.message ?? '', /503|busy/);
    model.say('42');
    const replies = await Promise.all(held);
    assert.deepEqual(
      replies.flatMap(({ cluster }) => cluster.peers ?? []).toSorted(),
      workers.map(({ peerId }) => peerId).toSorted(),
    );
    assert.ok(replies.every(ok));
    assert.equal((await executeUntil(head, asks, {}, ok)).results?.[0]?.result.stdout, '42');
  });
});
