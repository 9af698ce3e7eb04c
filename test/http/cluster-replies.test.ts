import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { ExecuteReply } from '../../runtime/core/node.ts';
import { EXECUTE, peerResult, post, stubApi } from './stub-node.ts';

/** The body of an execute request's answer, with the request id replaced by `ID`. */
async function answered(reply: Partial<ExecuteReply> | InferbaseError): Promise<string> {
  const app = await stubApi({
    execute: async (_request, { requestId }) => {
      if (reply instanceof InferbaseError) throw reply;
      return { requestId, code: '200', results: [], cluster: [], remarks: [], ...reply };
    },
  });
  const { body, status } = await post(app, EXECUTE, '{}');
  assert.equal(status, 200);
  await app.close();
  return body.replaceAll(String(JSON.parse(body).request_id), 'ID');
}

test('fewer answers than the threshold wants are 206, with the workers that had the order and what became of them', async () => {
  const body = await answered({
    code: '206',
    results: [peerResult('a')],
    cluster: ['a', 'b'],
    remarks: ['no answer within 20000 ms from b'],
  });
  assert.match(
    body,
    /^\{"code":"206","request_id":"ID","message":"no answer within 20000 ms from b","results":\[\{"result":.*\],"cluster":\{"peers":\["a","b"\]\}\}\n$/,
  );
});

test('no answer at all is 204 without results', async () => {
  assert.equal(
    await answered({ code: '204', cluster: ['a'], remarks: ['no answer within 20000 ms from a'] }),
    '{"code":"204","request_id":"ID","message":"no answer within 20000 ms from a","cluster":{"peers":["a"]}}\n',
  );
});

test('too few workers are 408 with an empty cluster', async () => {
  assert.equal(
    await answered(new InferbaseError('ERR_NOT_ENOUGH_NODES', '2 nodes were asked for')),
    '{"code":"408","request_id":"ID","message":"2 nodes were asked for","cluster":{}}\n',
  );
});

test('a number computed from all results comes last', async () => {
  const aggregate = { type: 'mean', value: '0.1', count: 1, excluded: [{ peerId: 'b', reason: 'stdout is "<b>"' }] };
  const body = await answered({ results: [peerResult('a')], cluster: ['a'], aggregate });
  assert.ok(
    body.endsWith(
      '"cluster":{"peers":["a"]},"aggregate":{"type":"mean","value":"0.1","count":1,' +
        '"excluded":[{"peer":"b","reason":"stdout is \\"\\u003cb\\u003e\\""}]}}\n',
    ),
    body,
  );
  const none = await answered({ aggregate: { type: 'mean', value: null, count: 0, excluded: [] } });
  assert.ok(none.endsWith('"cluster":{},"aggregate":{"type":"mean","value":null,"count":0,"excluded":[]}}\n'), none);
});
