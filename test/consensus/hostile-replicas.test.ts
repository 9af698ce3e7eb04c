import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { mock, suite, type TestContext, test } from 'node:test';
import { type PbftMessage, type PbftRequest, pbftDigest } from '../../runtime/wire/pbft.ts';
import { randomFrom } from '../fuzz/random.ts';
import { signer } from '../wire/signer.ts';
import { type Node, PATIENCE_MS, type Simulation, signAs, signRequest, simulate } from './simulated-cluster.ts';

/** A cluster whose replicas hear nothing but what a test puts into the ears of one of them, 3. */
function alone(init: { readonly n?: number; readonly requestId?: string } = { requestId: 'r' }): Simulation {
  const cluster = simulate({ n: 4, random: randomFrom(1), ...init, tamper: () => [] });
  cluster.weather.delayMs = 1;
  return cluster;
}

function nodeOf(cluster: Simulation, index: number): Node {
  const node = cluster.nodes[index];
  assert.ok(node);
  return node;
}

function digestOf(request: PbftRequest): string {
  return pbftDigest({ type: 1, data: request });
}

function proposal(cluster: Simulation, request: PbftRequest, change: object = {}): PbftMessage {
  const data = { view: 0, sequence_number: 1, digest: digestOf(request), request: { data: request }, ...change };
  return signAs(nodeOf(cluster, 0), { type: 2, data });
}

function vote(cluster: Simulation, type: 3 | 4, from: number, digest: string, change: object = {}): PbftMessage {
  return signAs(nodeOf(cluster, from), { type, data: { view: 0, sequence_number: 1, digest, ...change } });
}

/** What replica 3 has said. */
function saidBy3(cluster: Simulation): string[] {
  const kinds = ['', 'request', 'pre-prepare', 'prepare', 'commit', 'view-change', 'new-view'];
  return cluster.sent.filter(({ from }) => from.index === 3).map(({ message }) => kinds[message.type] ?? '');
}

/** Counts how many signatures are verified from now on. */
function countVerified(t: TestContext): () => number {
  const counted = mock.method(crypto, 'verify');
  syncBuiltinESMExports();
  t.after(() => {
    counted.mock.restore();
    syncBuiltinESMExports();
  });
  return () => counted.mock.callCount();
}

suite('a PBFT replica among hostile ones', () => {
  test('executes when two prepares and three commits agree with the pre-prepare, whatever their order', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const digest = digestOf(request);
    for (const from of [0, 1, 2]) cluster.post(from, 3, vote(cluster, 4, from, digest));
    await cluster.run(10);
    for (const from of [1, 2]) cluster.post(from, 3, vote(cluster, 3, from, digest));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), []);
    cluster.post(0, 3, proposal(cluster, request));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare', 'commit']);
    assert.equal(nodeOf(cluster, 3).executed.length, 1);
  });

  test('counts no vote for another digest, none of the primary, and one of each replica', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const digest = digestOf(request);
    cluster.post(0, 3, proposal(cluster, request));
    await cluster.run(10);
    cluster.post(0, 3, vote(cluster, 3, 0, digest));
    cluster.post(1, 3, vote(cluster, 3, 1, '0'.repeat(64)));
    cluster.post(1, 3, vote(cluster, 3, 1, digest));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare']);
    cluster.post(2, 3, vote(cluster, 3, 2, digest));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare', 'commit']);
    for (const from of [1, 1, 1]) cluster.post(from, 3, vote(cluster, 4, from, digest));
    await cluster.run(10);
    assert.equal(nodeOf(cluster, 3).executed.length, 0);
    cluster.post(2, 3, vote(cluster, 4, 2, digest));
    await cluster.run(10);
    assert.equal(nodeOf(cluster, 3).executed.length, 1);
  });

  test('takes nothing that another signed, that is not signed, or that comes from outside of the cluster', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const digest = digestOf(request);
    cluster.post(0, 3, proposal(cluster, request));
    await cluster.run(10);
    // Replica 1 says what replica 2 signed, and the other way round.
    cluster.post(1, 3, vote(cluster, 3, 2, digest));
    cluster.post(2, 3, { type: 3, data: { view: 0, sequence_number: 1, digest } });
    nodeOf(cluster, 3).replica.receive(vote(cluster, 3, 2, digest), signer('a stranger').peerId);
    nodeOf(cluster, 3).replica.receive(vote(cluster, 3, 3, digest), nodeOf(cluster, 3).peerId);
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare']);
    assert.match(nodeOf(cluster, 3).lines.join('\n'), /a message of a replica is dropped .*wrong signature/);
  });

  const proposals: Record<string, (cluster: Simulation) => PbftMessage> = {
    'whose digest is of another request': (cluster) =>
      proposal(cluster, cluster.makeRequest('r'), { digest: digestOf(cluster.makeRequest('r2')) }),
    'of another cluster': (cluster) => proposal(cluster, cluster.makeRequest('r2')),
    'of another head': (cluster) => {
      const head = signer('another head');
      const request = cluster.makeRequest('r');
      return proposal(cluster, { ...request, origin: head.peerId, execute: signRequest(request.execute ?? {}, head) });
    },
    'that the head has not signed': (cluster) => {
      const { execute, ...request } = cluster.makeRequest('r');
      return proposal(cluster, { ...request, execute: { ...execute, signature: '' } });
    },
    'that is not what the head signed': (cluster) => {
      const { execute, ...request } = cluster.makeRequest('r');
      return proposal(cluster, { ...request, execute: { ...execute, method: 'g.wasm' } });
    },
    'of nothing': (cluster) => proposal(cluster, {}, { digest: '' }),
    'at sequence number 0': (cluster) => proposal(cluster, cluster.makeRequest('r'), { sequence_number: 0 }),
    'far ahead': (cluster) => proposal(cluster, cluster.makeRequest('r'), { sequence_number: 1_000 }),
  };
  for (const [name, propose] of Object.entries(proposals)) {
    test(`prepares no request ${name}`, async () => {
      const cluster = alone();
      cluster.post(0, 3, propose(cluster));
      await cluster.run(10);
      assert.deepEqual(saidBy3(cluster), []);
    });
  }

  test('prepares the first of two pre-prepares for one sequence number, and one request under one number only', async () => {
    const cluster = alone({});
    const [first, second] = [cluster.makeRequest('a'), cluster.makeRequest('b')];
    cluster.post(0, 3, proposal(cluster, first));
    await cluster.run(10);
    cluster.post(0, 3, proposal(cluster, second));
    cluster.post(0, 3, proposal(cluster, first, { sequence_number: 2 }));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare']);
  });

  test('prepares no variant of the request that it has from the head, and wants another primary', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    cluster.order(request, [3]);
    await cluster.run(10);
    // The time is not part of what the head signs.
    cluster.post(0, 3, proposal(cluster, { ...request, timestamp: '2027-01-01T00:00:00Z' }));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), []);
    await cluster.run(PATIENCE_MS);
    assert.equal(saidBy3(cluster)[0], 'view-change');
  });

  test('executes a request once, even if a quorum agrees on it under two numbers and with two times', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const requests = [request, request, { ...request, timestamp: '2027-01-01T00:00:00Z' }];
    for (const [index, one] of requests.entries()) {
      const change = { sequence_number: index + 1 };
      cluster.post(0, 3, proposal(cluster, one, change));
      for (const from of [0, 1, 2]) cluster.post(from, 3, vote(cluster, 4, from, digestOf(one), change));
    }
    await cluster.run(100);
    assert.deepEqual(
      nodeOf(cluster, 3).executed.map(({ digest }) => digest),
      [digestOf(request)],
    );
  });

  test('listens no more to a replica that sends wrong signatures again and again', async (t) => {
    const cluster = alone();
    const verified = countVerified(t);
    for (let i = 0; i < 200; i++) {
      cluster.post(1, 3, { type: 3, data: { view: 0, sequence_number: 1, digest: 'x', signature: 'f'.repeat(128) } });
    }
    await cluster.run(10);
    assert.equal(verified(), 8);
    assert.match(nodeOf(cluster, 3).lines.join('\n'), /not listened to any more/);
    const request = cluster.makeRequest('r');
    cluster.post(0, 3, proposal(cluster, request));
    cluster.post(1, 3, vote(cluster, 3, 1, digestOf(request)));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare']);
  });

  test('checks one signature of each replica, view, sequence number and kind, and none that cannot matter', async (t) => {
    const cluster = alone();
    const said: PbftMessage[] = [];
    for (const view of [0, 1, 2, 4, 5, 1_000_000]) {
      for (const sequence_number of [1, 16, 17, 1_000_000]) {
        for (const type of [3, 4] as const) {
          for (const digest of ['x', 'y', 'z']) said.push(vote(cluster, type, 2, digest, { view, sequence_number }));
        }
      }
    }
    const verified = countVerified(t);
    for (const message of said) cluster.post(2, 3, message);
    await cluster.run(10);
    // Views 0, 1, 2 and 4, numbers 1 and 16; of view 2 it is the primary, whose prepares do not count.
    assert.equal(verified(), 4 * 2 * 2 - 2);
  });

  test('keeps the latest view change of each replica, and goes nowhere for one alone', async (t) => {
    const cluster = alone();
    const said: PbftMessage[] = [];
    for (const view of [3, 2, 1, 3, 65, 64, 2 ** 50, 7])
      said.push(signAs(nodeOf(cluster, 1), { type: 5, data: { view } }));
    const verified = countVerified(t);
    for (const message of said) {
      cluster.post(1, 3, message);
      await cluster.run(10);
    }
    // 3 and 64; 65 is too far ahead.
    assert.equal(verified(), 2);
    assert.equal(nodeOf(cluster, 3).replica.view, 0);
  });
});

suite('a PBFT replica that is told of a new view', () => {
  /** View changes of these replicas, as a part of a new-view. */
  function support(cluster: Simulation, from: readonly number[], data: object = {}) {
    const entries = from.map((index) => {
      const message = signAs(nodeOf(cluster, index), { type: 5, data: { view: 1, ...data } });
      return [nodeOf(cluster, index).peerId, { data: message.data }] as const;
    });
    return Object.fromEntries(entries);
  }

  function newView(cluster: Simulation, change: object, by = 1): PbftMessage {
    return signAs(nodeOf(cluster, by), {
      type: 6,
      data: { view: 1, messages: support(cluster, [0, 1, 2]), preprepares: [], ...change },
    });
  }

  /** The proof that a request was prepared in view 0. */
  function proof(cluster: Simulation, request: PbftRequest, change: object = {}) {
    const digest = digestOf(request);
    const prepares = Object.fromEntries(
      [1, 2].map((from) => [nodeOf(cluster, from).peerId, { data: vote(cluster, 3, from, digest).data }]),
    );
    const preprepare = { data: proposal(cluster, request).data };
    return { view: 0, sequence_number: 1, digest, preprepare, prepares, ...change };
  }

  function carried(cluster: Simulation, request: PbftRequest, change: object = {}) {
    const data = { view: 1, sequence_number: 1, digest: digestOf(request), request: { data: request }, ...change };
    return { data: signAs(nodeOf(cluster, 1), { type: 2, data }).data };
  }

  test('enters it when its primary shows 2f+1 view changes, also where its own is the only one that is not signed', async () => {
    for (const signature of [undefined, '']) {
      const cluster = alone();
      const messages = support(cluster, [0, 1, 2]);
      const own = messages[nodeOf(cluster, 1).peerId];
      if (signature !== undefined) {
        Object.assign(messages, { [nodeOf(cluster, 1).peerId]: { data: { ...own?.data, signature } } });
      }
      cluster.post(1, 3, newView(cluster, { messages }));
      await cluster.run(10);
      assert.equal(nodeOf(cluster, 3).replica.view, 1);
    }
  });

  test('prepares what was prepared before', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const messages = { ...support(cluster, [0, 2]), ...support(cluster, [1], { prepares: [proof(cluster, request)] }) };
    cluster.post(1, 3, newView(cluster, { messages, preprepares: [carried(cluster, request)] }));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare']);
    assert.equal(nodeOf(cluster, 3).replica.view, 1);
  });

  test('uses what came before the new-view', async () => {
    const cluster = alone();
    const request = cluster.makeRequest('r');
    const digest = digestOf(request);
    cluster.post(2, 3, vote(cluster, 3, 2, digest, { view: 1 }));
    cluster.post(1, 3, { type: 2, data: carried(cluster, request).data });
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), []);
    cluster.post(1, 3, newView(cluster, {}));
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare', 'commit']);
  });

  const refused: Record<string, (cluster: Simulation, request: PbftRequest) => PbftMessage> = {
    'of someone who is not its primary': (cluster) => newView(cluster, {}, 2),
    'with two view changes': (cluster) => newView(cluster, { messages: support(cluster, [0, 1]) }),
    'with a view change that is not signed': (cluster) => {
      const messages = support(cluster, [0, 1]);
      const peer = nodeOf(cluster, 2).peerId;
      return newView(cluster, { messages: { ...messages, [peer]: { data: { view: 1 } } } });
    },
    'with view changes of another view': (cluster) =>
      newView(cluster, { messages: support(cluster, [0, 1, 2], { view: 2 }) }),
    'with view changes of strangers': (cluster) => {
      const messages = support(cluster, [0, 1]);
      return newView(cluster, { messages: { ...messages, [signer('a stranger').peerId]: { data: { view: 1 } } } });
    },
    'that proposes what nobody has prepared': (cluster, request) =>
      newView(cluster, { preprepares: [carried(cluster, request)] }),
    'that leaves out what was prepared': (cluster, request) =>
      newView(cluster, { messages: support(cluster, [0, 1, 2], { prepares: [proof(cluster, request)] }) }),
    'that proposes another request than the prepared one': (cluster, request) => {
      const messages = support(cluster, [0, 1, 2], { prepares: [proof(cluster, request)] });
      const other = { ...request, timestamp: '2027-01-01T00:00:00Z' };
      return newView(cluster, { messages, preprepares: [carried(cluster, other)] });
    },
    'with a proof of one prepare': (cluster, request) => {
      const { prepares, ...rest } = proof(cluster, request);
      const few = Object.fromEntries(Object.entries(prepares).slice(1));
      const messages = support(cluster, [0, 1, 2], { prepares: [{ ...rest, prepares: few }] });
      return newView(cluster, { messages, preprepares: [carried(cluster, request)] });
    },
    'with a proof of prepares of strangers': (cluster, request) => {
      const { prepares, ...rest } = proof(cluster, request);
      const [[, first] = [], [, second] = []] = Object.entries(prepares);
      const strange = { [nodeOf(cluster, 1).peerId]: first, [signer('a stranger').peerId]: second };
      const messages = support(cluster, [0, 1, 2], { prepares: [{ ...rest, prepares: strange }] });
      return newView(cluster, { messages, preprepares: [carried(cluster, request)] });
    },
    'with a proof of its own view': (cluster, request) => {
      const messages = support(cluster, [0, 1, 2], { prepares: [proof(cluster, request, { view: 1 })] });
      return newView(cluster, { messages, preprepares: [carried(cluster, request)] });
    },
  };
  for (const [name, make] of Object.entries(refused)) {
    test(`enters none ${name}`, async () => {
      const cluster = alone();
      cluster.post(1, 3, make(cluster, cluster.makeRequest('r')));
      await cluster.run(10);
      assert.equal(nodeOf(cluster, 3).replica.view, 0);
      assert.deepEqual(saidBy3(cluster), []);
    });
  }

  // b7s goes on with 2f+1, of six that are three; another three may have committed something else.
  for (const [count, agrees] of [
    [3, false],
    [4, true],
  ] as const) {
    test(`that ${count} of 6 want, it ${agrees ? 'may' : 'may not'} have another request prepared in place of its own`, async () => {
      const cluster = alone({ n: 6 });
      const [first, second] = [cluster.makeRequest('a'), cluster.makeRequest('b')];
      cluster.post(0, 3, proposal(cluster, first));
      for (const from of [1, 2]) cluster.post(from, 3, vote(cluster, 3, from, digestOf(first)));
      await cluster.run(10);
      assert.deepEqual(saidBy3(cluster), ['prepare', 'commit']);
      cluster.post(1, 3, newView(cluster, { messages: support(cluster, [1, 2, 4, 5].slice(0, count)) }));
      await cluster.run(10);
      assert.equal(nodeOf(cluster, 3).replica.view, 1);
      cluster.post(1, 3, { type: 2, data: carried(cluster, second).data });
      await cluster.run(10);
      assert.deepEqual(saidBy3(cluster), agrees ? ['prepare', 'commit', 'prepare'] : ['prepare', 'commit']);
    });
  }

  test('that three of 6 want and that has its own request, it prepares that again', async () => {
    const cluster = alone({ n: 6 });
    const request = cluster.makeRequest('a');
    cluster.post(0, 3, proposal(cluster, request));
    for (const from of [1, 2]) cluster.post(from, 3, vote(cluster, 3, from, digestOf(request)));
    await cluster.run(10);
    cluster.post(1, 3, newView(cluster, { messages: support(cluster, [1, 2, 4]) }));
    await cluster.run(10);
    cluster.post(1, 3, { type: 2, data: carried(cluster, request).data });
    await cluster.run(10);
    assert.deepEqual(saidBy3(cluster), ['prepare', 'commit', 'prepare']);
  });
});
