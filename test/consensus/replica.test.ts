import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pbftDigest } from '../../runtime/wire/pbft.ts';
import { randomFrom } from '../fuzz/random.ts';
import { simulate } from './simulated-cluster.ts';

suite('a PBFT replica', () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7]) {
    test(`of ${n} executes a request that the head sends to all, once, under the digest that Go gives it`, async () => {
      const cluster = simulate({ n, random: randomFrom(n), requestId: 'r' });
      const request = cluster.makeRequest('r');
      cluster.order(request);
      cluster.order(request);
      assert.ok(await cluster.run(5_000, () => cluster.nodes.every(({ executed }) => executed.length > 0)));
      await cluster.run(60_000);
      const digest = pbftDigest({ type: 1, data: request });
      for (const { executed } of cluster.nodes) assert.deepEqual(executed, [{ request: 'r', digest, view: 0 }]);
    });
  }
});
