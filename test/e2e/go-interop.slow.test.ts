import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from 'undici';
import { temporaryFolder } from '../cli/command.ts';
import { guest } from '../support/wat.ts';
import { type Dialect, serveManifest, startGoNode } from './go-nodes.ts';
import { type Asked, cidOf, execute, executeUntil, type Reply, startNode } from './nodes.ts';

/**
 * Our nodes beside the real Go nodes, each pair of head and worker, as processes on loopback. Needs Go, and binaries that
 * are built from public sources by hand (each dialect is one binary for both roles):
 *
 *     git clone https://github.com/blocklessnetwork/b7s && cd b7s
 *     git checkout 0cb9ce3320f9 && go build -o b7s-c ./cmd/node    # dialect C: main after v0.7.0
 *     git checkout v0.6.2       && go build -o b7s-b ./cmd/node    # dialect B: the published images
 *     git checkout v0.7.0       && go build -o b7s-b7 ./cmd/node   # the last of dialect B, for tests of clusters
 *     git clone https://github.com/allora-network/allora-inference-base && cd allora-inference-base
 *     git checkout a8a3cef9 && go build -ldflags=-checklinkname=0 -o allora-node ./cmd/node    # dialect A
 *
 *     INFERBASE_TEST_GO_A=…/allora-node INFERBASE_TEST_GO_B=…/b7s-b INFERBASE_TEST_GO_C=…/b7s-c npm test -- --slow go-interop
 *
 * What is not theirs on the Go side: the runtime, which is a shell script that prints what it was given, and the gateway
 * that a function is installed from, which this test serves. A chain is not configured.
 */
const PROGRAMS: Readonly<Record<Dialect, string>> = {
  A: process.env.INFERBASE_TEST_GO_A ?? '',
  B: process.env.INFERBASE_TEST_GO_B ?? '',
  C: process.env.INFERBASE_TEST_GO_C ?? '',
};
/** Topic as a request to a Go head of the dialect names it; C does not look at it. */
const TOPIC: Readonly<Record<Dialect, string>> = { A: '1', B: 'allora-topic-1-worker', C: '' };
const LIMIT_MS = 400_000;

/** Text, number of peers and frequency of each group. */
const groups = ({ results = [] }: Reply): (string | number)[][] =>
  results.map(({ result, peers, frequency }) => [result.stdout, peers.length, frequency]);
const ok = ({ code }: Reply): boolean => code === '200';

async function install(api: string, body: object): Promise<void> {
  const answer = await request(`${api}/api/v1/functions/install`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(((await answer.body.json()) as Reply).code, '200');
}

for (const dialect of ['A', 'B', 'C'] as const) {
  const program = PROGRAMS[dialect];
  const skip = program === '' && `INFERBASE_TEST_GO_${dialect} names no Go node; how to build one is told in this file`;

  test(`our head and two Go workers of dialect ${dialect}`, { timeout: LIMIT_MS, skip }, async (t) => {
    await using folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    let head = await startNode(t, { dir: at('head'), role: 'head' });
    const start = async (name: string) => {
      const made = { program, dialect, role: 'worker', dir: at(name), name } as const;
      return await startGoNode(t, { ...made, bootNodes: [head.address], topics: ['allora-topic-1-worker'] });
    };
    const [one, two] = [await start('one'), await start('two')];
    const cid = await cidOf('echo');
    const ask = (asked: Asked): Promise<Reply> => execute(head, cid, asked);
    const variables = (env: Readonly<Record<string, string>>): object => ({
      env_vars: Object.entries(env).map(([name, value]) => ({ name, value })),
    });

    await t.test('a function that they cannot get is told', async () => {
      // Without a network they say so at once; with one they are still asking their gateway.
      const reply = await executeUntil(head, cid, { config: { timeout: 2 } }, ({ message = '' }) =>
        /2 known/.test(message),
      );
      assert.deepEqual([reply.code, reply.results], ['408', undefined]);
    });

    await t.test('they install by our REST API what the request names', async () => {
      const uri = await serveManifest(t, { name: 'f.wasm', data: await guest('echo') });
      await install(head.api, { cid, uri, topic: '1' });
      const config = { timeout: 2, ...variables({ ECHO_STDOUT: '<&> \u2028 é' }) };
      const both = await executeUntil(head, cid, { nodes: 2, config }, ok);
      assert.deepEqual(groups(both), [['<&> \u2028 é', 2, 100]]);
    });

    await t.test('one of them, both that disagree, and more than there are', async () => {
      const first = await ask({ nodes: 1, config: { stdin: 'in' } });
      assert.match(String(groups(first)), /^(one|two) f\.wasm \[\] TOPIC_ID=1 stdin=in,1,100$/);
      const all = await ask({ nodes: -1 });
      assert.deepEqual(groups(all).toSorted(), [
        ['one f.wasm [] TOPIC_ID=1 stdin=', 1, 50],
        ['two f.wasm [] TOPIC_ID=1 stdin=', 1, 50],
      ]);
      assert.deepEqual(all.cluster.peers?.toSorted(), [one.peerId, two.peerId].toSorted());
      const three = await ask({ nodes: 3, config: { timeout: 1 } });
      assert.deepEqual([three.code, three.results], ['408', undefined]);
    });

    await t.test('an exit code, and a consensus that nobody keeps', async () => {
      const exit = await ask({ config: variables({ ECHO_EXIT: '7', ECHO_STDOUT: 'so far' }) });
      assert.equal(exit.code, '200');
      assert.deepEqual(exit.results?.[0]?.result, { stdout: 'so far', stderr: '', exit_code: 7 });
      const pbft = await ask({ nodes: 2, config: { consensus_algorithm: 'pbft', ...variables({ ECHO_STDOUT: 'x' }) } });
      assert.deepEqual(groups(pbft), [['x', 2, 100]]);
      assert.match(pbft.message ?? '', /pbft/);
    });

    await t.test('a worker of ours beside them', async () => {
      const args = ['--boot-nodes', head.address, '--work-topics', '1'];
      const ours = await startNode(t, { dir: at('ours'), role: 'worker', args, guests: ['echo'] });
      const config = { timeout: 2, stdin: 'same', ...variables({ ECHO_STDOUT: 'same' }) };
      assert.deepEqual(groups(await executeUntil(head, cid, { nodes: 3, config }, ok)), [['same', 3, 100]]);
      ours.process.kill('SIGKILL');
      await ours.process.finished;
    });

    await t.test('a head that was killed comes back, and they with it', async () => {
      // The peers it met are written down after a moment.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      head.process.kill('SIGKILL');
      await head.process.finished;
      const listen = head.address.replace(/\/p2p\/.*$/, '');
      head = await startNode(t, { dir: head.dir, role: 'head', args: ['--peers-listen', listen] });
      const config = { timeout: 2, ...variables({ ECHO_STDOUT: 'again' }) };
      assert.deepEqual(groups(await executeUntil(head, cid, { nodes: 2, config }, ok)), [['again', 2, 100]]);
    });

    await t.test('one that is killed while it works is missed at once', async () => {
      const config = { threshold: 1, ...variables({ ECHO_SLEEP: '6', ECHO_STDOUT: 'late' }) };
      const replied = ask({ nodes: 2, config });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await two.kill();
      const reply = await replied;
      assert.deepEqual([reply.code, groups(reply)], ['206', [['late', 1, 100]]]);
      assert.match(reply.message ?? '', new RegExp(two.peerId));
    });
    // Before the folder goes that they write to.
    await Promise.all([one.kill(), two.kill()]);
  });

  test(`a Go head of dialect ${dialect} and our workers`, { timeout: LIMIT_MS, skip }, async (t) => {
    await using folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    await mkdir(at('head'));
    const goHead = { program, dialect, role: 'head', dir: at('head') } as const;
    let head = await startGoNode(t, goHead);
    const args = ['--boot-nodes', head.address, '--work-topics', '1'];
    const guests = ['show-environment', 'exit-three', 'echo'];
    const full = await startNode(t, { dir: at('full'), role: 'worker', args, guests });
    const empty = await startNode(t, { dir: at('empty'), role: 'worker', args: [...args, '--gateways', full.api] });
    const [shows, exits, echoes] = [await cidOf('show-environment'), await cidOf('exit-three'), await cidOf('echo')];
    const topic = TOPIC[dialect];
    const ask = (cid: string, asked: Asked): Promise<Reply> => execute(head, cid, { topic, ...asked });
    const askUntil = (cid: string, asked: Asked): Promise<Reply> => executeUntil(head, cid, { topic, ...asked }, ok);

    await t.test('both do the work, the one that lacked the function too', async () => {
      const env_vars = [{ name: 'A', value: '<b> & "c"' }];
      const both = await askUntil(shows, { nodes: 2, config: { timeout: 2, env_vars } });
      const topicId = dialect === 'A' ? ',"TOPIC_ID": "1"' : '';
      assert.deepEqual(groups(both), [[`{"A": "<b> & \\"c\\""${topicId}}`, 2, 100]]);
      assert.deepEqual(both.cluster.peers?.toSorted(), [full.peerId, empty.peerId].toSorted());
    });

    await t.test('one of them, all of them, and more than there are', async () => {
      assert.equal((await ask(shows, { nodes: 1 })).results?.[0]?.peers.length, 1);
      const all = await ask(shows, { nodes: -1, config: { timeout: 2 } });
      assert.equal(all.results?.[0]?.peers.length, 2);
      assert.equal((await ask(shows, { nodes: 3, config: { timeout: 1 } })).code, '408');
    });

    await t.test('stdin, an exit code and both outputs', async () => {
      const echo = await askUntil(echoes, { nodes: 2, config: { timeout: 2, stdin: 'a\n<b> \u2028' } });
      assert.deepEqual(groups(echo), [['a\n<b> \u2028', 2, 100]]);
      await install(head.api, { cid: exits, topic: dialect === 'A' ? 'allora-topic-1-worker' : topic });
      const exit = await askUntil(exits, { nodes: 2, config: { timeout: 2 } });
      assert.deepEqual(exit.results?.[0]?.result, { stdout: 'out', stderr: 'err', exit_code: 3 });
    });

    await t.test('Raft is refused, a function that is nowhere is told, and the next request is served', async () => {
      // A head of A makes PBFT of it, whose results it does not get.
      const raft = await ask(shows, { nodes: 2, config: { timeout: 1, consensus_algorithm: 'raft' } });
      assert.deepEqual([raft.code, raft.results], [dialect === 'A' ? '200' : '408', undefined]);
      const nowhere = 'bafkreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi';
      assert.equal((await ask(nowhere, { nodes: 1, config: { timeout: 1 } })).code, '408');
      assert.equal((await ask(shows, { nodes: 2, config: { timeout: 2 } })).code, '200');
    });

    await t.test('a head that was killed comes back, and they find it', async () => {
      await head.kill();
      head = await startGoNode(t, { ...goHead, port: Number(/\/tcp\/(\d+)/.exec(head.address)?.[1]) });
      const both = await askUntil(shows, { nodes: 2, config: { timeout: 2 } });
      assert.equal(both.results?.[0]?.peers.length, 2);
    });
    await head.kill();
  });
}
