import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../../runtime/http/api.ts';

test('a worker answers health and nothing that a head is asked', async (t) => {
  const app = await createApi(null, { log: false, bodyLimitBytes: 1_000 });
  t.after(() => app.close());
  assert.equal((await app.inject('/api/v1/health')).body, '{"type":"health","code":200}\n');
  for (const path of ['functions/execute', 'functions/install', 'functions/requests/result', 'workers', 'peers']) {
    for (const method of ['GET', 'POST'] as const) {
      const { statusCode, body } = await app.inject({ method, url: `/api/v1/${path}` });
      assert.deepEqual([statusCode, body], [404, '{"message":"Not Found"}\n'], path);
    }
  }
});
