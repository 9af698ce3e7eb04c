import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PEER, stubApi } from './stub-node.ts';

test('a head tells which workers it sees on a topic, named as in an execute request', async () => {
  const app = await stubApi({ workers: async (topic) => (topic === 'allora-topic-1-worker' ? [PEER] : []) });
  const ask = async (query: string) => (await app.inject(`/api/v1/workers${query}`)).body;
  assert.equal(await ask('?topic=1'), `{"topic":"allora-topic-1-worker","peers":["${PEER}"]}\n`);
  assert.equal(await ask('?topic=7/reputer'), '{"topic":"allora-topic-7-reputer","peers":[]}\n');
  assert.equal(await ask(''), '{"topic":"blockless/b7s/general","peers":[]}\n');
  assert.equal(await ask('?topic=1&topic=2'), '{"topic":"blockless/b7s/general","peers":[]}\n');
  assert.equal((await app.inject({ method: 'POST', url: '/api/v1/workers' })).headers.allow, 'OPTIONS, GET');
});

test('a solo node, which gives work to nobody, has no such page', async () => {
  assert.equal((await (await stubApi()).inject('/api/v1/workers?topic=1')).statusCode, 404);
});
