import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { WorkAnswer, WorkOrder } from '../../runtime/core/work.ts';
import type { HeadInit } from '../../runtime/head/head.ts';
import { encodeUnsignedRequest } from '../../runtime/wire/blockless-request.ts';
import { encodeTime } from '../../runtime/wire/go-writer.ts';
import { until } from '../p2p/support.ts';
import {
  execute,
  lost,
  printed,
  type Script,
  scriptedHead,
  scriptedNetwork,
  silent,
  texts,
} from './scripted-network.ts';

const PBFT: Partial<HeadInit> = { consensus: 'pbft', executionMs: 60_000, rollCallMs: 60_000 };
const ASKED = { consensus_algorithm: 'pBFT' };

/** What a replica answers that ran it. */
function says(text: string, { timestamp }: WorkOrder, over: Partial<WorkAnswer> = {}): Partial<WorkAnswer> {
  const pbft = { view: 0, requestTimestamp: encodeTime(timestamp), replica: '' };
  return { outcome: printed(text), pbft, ...over };
}

const saying = (text: string): Script => ({ work: (order) => says(text, order) });

/** Replicas `a`, `b`, … with these scripts. */
function replicas(...scripts: readonly Script[]): Record<string, Script> {
  return Object.fromEntries(scripts.map((script, i) => [String.fromCharCode(97 + i), script]));
}

const four = (script: Script): Record<string, Script> => replicas(script, script, script, script);

suite('a request that names PBFT, on a head that runs it', () => {
  test('is asked about, formed, signed, and answered by what f + 1 replicas say alike', async () => {
    const network = scriptedNetwork(four(saying('42')));
    const head = scriptedHead(network, PBFT);
    const config = { ...ASKED, number_of_nodes: 4, stdin: 'in' };
    const reply = await execute(head, config, { requestId: 'id' });
    assert.equal(reply.code, '200');
    assert.deepEqual(reply.remarks, []);
    assert.ok(reply.results.length >= 2);
    assert.deepEqual(new Set(texts(reply).map((line) => line.slice(3))), new Set(['42']));
    assert.deepEqual(reply.cluster.toSorted(), ['a', 'b', 'c', 'd']);
    assert.equal(network.calls[0]?.consensus, 2);
    assert.deepEqual(network.clusters, [{ requestId: 'id', peers: reply.cluster, consensus: 2 }]);
    assert.equal(network.orders.length, 4);
    for (const { order } of network.orders) {
      const { signature, ...request } = order.request;
      assert.deepEqual([order.consensus, order.requestId, order.peers], [2, 'id', reply.cluster]);
      assert.equal(request.config?.consensus_algorithm, 'PBFT');
      assert.equal(signature, `signed ${hash('sha256', encodeUnsignedRequest(request))}`);
      assert.equal(order.timestamp, network.orders[0]?.order.timestamp);
    }
    await until(() => network.disbanded.length === 1);
    assert.deepEqual(network.disbanded, ['id']);
  });

  test('goes to all that can where no number is asked for, once there are four', async () => {
    let late = false;
    const script = saying('x');
    const network = scriptedNetwork({
      ...replicas(script, script, script, script),
      e: { ...script, answer: () => (late ? {} : { code: '404' }) },
      f: { ...script, answer: () => ({ code: '501' }) },
    });
    const head = scriptedHead(network, PBFT);
    const reply = await execute(head, { ...ASKED, number_of_nodes: -1 });
    assert.deepEqual(reply.cluster.toSorted(), ['a', 'b', 'c', 'd']);
    late = true;
    assert.deepEqual((await execute(head, ASKED)).cluster.toSorted(), ['a', 'b', 'c', 'd', 'e']);
  });

  test('waits for a fourth worker that comes within the window', async () => {
    const script = saying('x');
    const late: Script = { ...script, answer: (_call, times) => (times === 1 ? null : {}) };
    const network = scriptedNetwork(replicas(script, script, script, late), () => ['a', 'b', 'c']);
    const head = scriptedHead(network, PBFT);
    assert.deepEqual((await execute(head, ASKED)).cluster.toSorted(), ['a', 'b', 'c', 'd']);
  });

  test('asks by roll call each time, whatever was said a moment ago', async () => {
    const script: Script = { ...saying('x'), answer: () => ({ lasting: true }) };
    const network = scriptedNetwork(four(script));
    const head = scriptedHead(network, { ...PBFT, keepMs: 60_000 });
    await execute(head);
    await execute(head, ASKED);
    await execute(head, ASKED);
    assert.deepEqual(
      network.calls.map(({ consensus }) => consensus),
      [0, 2, 2],
    );
  });

  test('has its primary by chance where all are taken', async () => {
    const network = scriptedNetwork(four(saying('x')));
    const head = scriptedHead(network, PBFT);
    const primaries = new Set<string | undefined>();
    // One of four a hundred times over: once in 10^60.
    for (let i = 0; i < 100 && primaries.size < 2; i++) {
      await execute(head, ASKED);
      primaries.add(network.clusters.at(-1)?.peers[0]);
    }
    assert.ok(primaries.size > 1);
  });

  test('is answered though f replicas are silent, gone, or lie', async () => {
    for (const [bad, remark] of [
      [{ work: silent }, null],
      [{ work: lost }, /it went away/],
      [saying('lie'), /^no result from d: its result is another one$/],
    ] as const) {
      const good = saying('42');
      const head = scriptedHead(scriptedNetwork(replicas(good, good, good, bad)), PBFT);
      const reply = await execute(head, ASKED);
      assert.equal(reply.code, '200');
      assert.ok(
        texts(reply).every((line) => line.endsWith(': 42')),
        String(texts(reply)),
      );
      // Whether the fourth was heard before two agreed is a matter of chance.
      if (remark === null) assert.deepEqual(reply.remarks, []);
      else for (const line of reply.remarks) assert.match(line, remark);
    }
  });

  test('counts no answer that is unsigned, of another time, or of no result', async () => {
    const unsigned: Script = { work: () => ({ outcome: printed('42') }) };
    const older: Script = {
      work: (order) => says('42', order, { pbft: { view: 0, requestTimestamp: '2020-01-01T00:00:00Z', replica: '' } }),
    };
    const refuses: Script = { work: () => ({ code: '404', outcome: null, message: 'not here' }) };
    const network = scriptedNetwork(replicas(saying('42'), unsigned, older, refuses));
    await assert.rejects(execute(scriptedHead(network, PBFT), ASKED, { requestId: 'id' }), {
      code: 'ERR_NO_CONSENSUS',
      message:
        /^2 of the 4 workers of a PBFT cluster have to give the same result, and 1 did give one, at most 1 of them the same; (?=.*from b: its answer is not signed)(?=.*from c: its answer is to a request of 2020-01-01T00:00:00Z, and not)(?=.*from d: not here)/,
    });
    await until(() => network.disbanded.length === 1);
  });

  test('that all replicas see differently is refused, and leaves no order waiting', async () => {
    const network = scriptedNetwork(replicas(saying('1'), saying('2'), saying('3'), { work: silent }));
    const head = scriptedHead(network, { ...PBFT, executionMs: 50 });
    await assert.rejects(execute(head, ASKED), {
      code: 'ERR_NO_CONSENSUS',
      message: /and 3 did give one, at most 1 of them the same; no answer within \d+ ms from d$/,
    });
    assert.ok(network.aborted.includes('d'));
  });

  test('that no replica answers in time is 204, with those that have it', async () => {
    const network = scriptedNetwork(four({ work: silent }));
    const reply = await execute(scriptedHead(network, { ...PBFT, executionMs: 50 }), ASKED);
    assert.deepEqual([reply.code, reply.results], ['204', []]);
    assert.match(reply.remarks.join(), /^no answer within 50 ms from [a-d], [a-d], [a-d], [a-d]$/);
    await until(() => network.disbanded.length === 1);
  });

  test('adds late results that agree, and no others, to those that are kept', async () => {
    const open = Promise.withResolvers<void>();
    const slow = (text: string): Script => ({
      work: async (order) => {
        await open.promise;
        return says(text, order);
      },
    });
    const network = scriptedNetwork(replicas(saying('42'), saying('42'), slow('42'), slow('lie')));
    const head = scriptedHead(network, PBFT);
    assert.equal((await execute(head, ASKED, { requestId: 'id' })).results.length, 2);
    open.resolve();
    for (let kept = 0; kept !== 3; kept = (await head.results('id'))?.length ?? 0) await setImmediate();
    assert.deepEqual(texts({ results: (await head.results('id')) ?? [] }), ['a: 42', 'b: 42', 'c: 42']);
  });

  test('is 500 with fewer than four workers, and says how many there are and what to do', async () => {
    const remedy = /name no consensus_algorithm, or set work.consensus of this head to none/;
    const three = scriptedNetwork(replicas(saying('x'), saying('x'), saying('x')));
    await assert.rejects(execute(scriptedHead(three, { ...PBFT, rollCallMs: 50 }), ASKED), (error: Error) => {
      assert.match(error.message, /^PBFT takes at least 4 workers, and 3 said that they can; start more/);
      assert.match(error.message, remedy);
      return 'code' in error && error.code === 'ERR_NO_CONSENSUS';
    });
    const any = scriptedNetwork(four(saying('x')));
    for (const number_of_nodes of [1, 3]) {
      await assert.rejects(execute(scriptedHead(any, PBFT), { ...ASKED, number_of_nodes }), {
        code: 'ERR_NO_CONSENSUS',
        message: new RegExp(`^PBFT takes at least 4 workers, and number_of_nodes is ${number_of_nodes}; ask for 4`),
      });
    }
    assert.deepEqual([any.calls, three.clusters], [[], []]);
  });

  test('is refused where too many workers would have to talk to each other', async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`w${i}`, saying('x')]));
    const network = scriptedNetwork(many);
    const refusal = { code: 'ERR_NO_CONSENSUS', message: /^PBFT among 101 workers .* at most 100 nodes$/ };
    await assert.rejects(execute(scriptedHead(network, PBFT), ASKED), refusal);
    await assert.rejects(execute(scriptedHead(network, PBFT), { ...ASKED, number_of_nodes: 101 }), refusal);
    assert.equal(network.clusters.length, 0);
  });

  test('tells of workers that take no part when too few are left', async () => {
    const network = scriptedNetwork(four({ answer: () => ({ code: '501' }) }));
    await assert.rejects(
      execute(scriptedHead(network, { ...PBFT, rollCallMs: 50 }), { ...ASKED, number_of_nodes: 4 }),
      {
        code: 'ERR_NOT_ENOUGH_NODES',
        message: /4 that they take no part in a consensus \(code 501\); .*name no consensus_algorithm/,
      },
    );
  });

  test('is 500 where a worker does not join, naming it, and all are told to disband', async () => {
    const network = scriptedNetwork(replicas(saying('x'), saying('x'), { joins: '501' }, { joins: '' }));
    await assert.rejects(execute(scriptedHead(network, { ...PBFT, joinMs: 7 }), ASKED, { requestId: 'id' }), {
      code: 'ERR_NO_CONSENSUS',
      message:
        /^some peers failed to join the PBFT cluster \(have: 2, want: 4\): (?=.*code 501 from c)(?=.*no answer within 7 ms from d)/,
    });
    assert.equal(network.orders.length, 0);
    await until(() => network.disbanded.length === 1);
    assert.deepEqual(network.clusters[0]?.peers.toSorted(), ['a', 'b', 'c', 'd']);
  });

  test('passes a worker over for a while that said it can and did not join', async () => {
    const network = scriptedNetwork({ e: { ...saying('x'), joins: '500' }, ...four(saying('x')) });
    const head = scriptedHead(network, PBFT);
    const ask = () => execute(head, { ...ASKED, number_of_nodes: 4 }).catch(() => ({ cluster: [] }));
    await ask();
    assert.ok(network.clusters[0]?.peers.includes('e'), 'it answers first');
    let cluster: readonly string[] = [];
    // One that nobody trusts is waited past for 10 ms only, in which a busy machine may not have heard the fourth.
    for (let i = 0; i < 100 && cluster.length === 0; i++) cluster = (await ask()).cluster;
    assert.deepEqual(cluster.toSorted(), ['a', 'b', 'c', 'd']);
  });

  test('is 200 without results where only the primary learns of them', async () => {
    const fork: Script = { work: () => ({ code: '204', outcome: null, message: 'told the primary' }) };
    for (const others of [[fork], [saying('42')]]) {
      const network = scriptedNetwork(replicas(fork, fork, fork, ...others));
      const reply = await execute(scriptedHead(network, PBFT), ASKED);
      assert.deepEqual([reply.code, reply.results], ['200', []]);
      assert.match(reply.remarks.join(), /^no result from .*: told the primary$/);
    }
    const mixed = scriptedNetwork(replicas(fork, fork, saying('42'), saying('42')));
    assert.deepEqual(texts(await execute(scriptedHead(mixed, PBFT), ASKED)), ['c: 42', 'd: 42']);
  });

  test('disbands its cluster when its caller goes, and when the head closes', async () => {
    const network = scriptedNetwork(four({ work: silent }));
    const head = scriptedHead(network, PBFT);
    const caller = new AbortController();
    const asked = execute(head, ASKED, { signal: caller.signal, requestId: 'gone' });
    asked.catch(() => {});
    await until(() => network.orders.length === 4);
    caller.abort(new Error('gone'));
    await assert.rejects(asked, /gone/);
    await until(() => network.disbanded.length === 1);
    const last = execute(head, ASKED, { requestId: 'last' });
    last.catch(() => {});
    await until(() => network.orders.length === 8);
    await head.close();
    assert.deepEqual(network.disbanded, ['gone', 'last']);
    await assert.rejects(last, { code: 'ERR_CLOSED' });
  });

  test('closes though nobody takes the word to disband', async () => {
    const network = scriptedNetwork(four({ work: silent }));
    const head = scriptedHead({ ...network, disbandCluster: () => new Promise(() => {}) }, PBFT);
    const asked = execute(head, ASKED);
    asked.catch(() => {});
    await until(() => network.orders.length === 4);
    await head.close();
    await assert.rejects(asked, { code: 'ERR_CLOSED' });
  });

  test('leaves requests that name Raft, or none, as they are', async () => {
    const network = scriptedNetwork(four({}));
    const head = scriptedHead(network, PBFT);
    const raft = await execute(head, { consensus_algorithm: 'raft' });
    assert.deepEqual(raft.remarks, ['consensus raft was asked for; the workers ran the function without it']);
    const none = await execute(head);
    assert.deepEqual([raft.results.length, none.results.length, none.remarks], [4, 4, []]);
    assert.equal(network.clusters.length, 0);
    assert.ok(
      network.orders.every(({ order }) => order.consensus === undefined && order.request.signature === undefined),
    );
  });
});
