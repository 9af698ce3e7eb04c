import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../runtime/core/limits.ts';
import { createSoloNode } from '../runtime/execute.ts';
import { createSandbox } from '../runtime/sandbox/sandbox.ts';
import { toExecuteRequest } from '../runtime/wire/execute-request.ts';
import { openStore } from './store/support.ts';
import { guest } from './support/wat.ts';

test('a solo node adds its one result up to a number where a request asks for it', async (t) => {
  const store = await openStore(t, { gateways: [] });
  const { concurrency, queue } = DEFAULT_LIMITS;
  const sandbox = createSandbox({
    ...{ threads: 1, concurrency, queue, upstreams: {}, memoryPages: 256, processes: false, log: () => {} },
    services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
  });
  t.after(() => sandbox.close());
  await sandbox.ready;
  const init = { limits: DEFAULT_LIMITS, policy: [], aggregates: true };
  const node = createSoloNode({ peerId: 'self', store, sandbox }, init);
  const { cid } = await store.add([{ path: '', bytes: await guest('echo') }]);
  const aggregateOf = async (stdin: string, type: string) => {
    const config = { stdin, result_aggregation: { enable: true, type } };
    const request = toExecuteRequest({ function_id: cid, method: 'echo.wasm', config });
    const { signal } = new AbortController();
    return (await node.execute(request, { requestId: stdin, signal })).aggregate;
  };
  assert.deepEqual(await aggregateOf('{"value":"2.50"}', 'median'), {
    ...{ type: 'median', value: '2.5', count: 1, excluded: [] },
  });
  assert.deepEqual(await aggregateOf('none', 'mean'), {
    ...{ type: 'mean', value: null, count: 0 },
    excluded: [{ peerId: 'self', reason: 'stdout is neither a decimal number nor JSON' }],
  });
  await assert.rejects(aggregateOf('1', 'sum'), { code: 'ERR_INVALID_REQUEST', message: /give one of mean/ });
  const plain = toExecuteRequest({ function_id: cid, method: 'echo.wasm' });
  const { signal } = new AbortController();
  assert.equal((await node.execute(plain, { requestId: 'plain', signal })).aggregate, undefined);
});
