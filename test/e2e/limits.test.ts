import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecuteRequest } from '../../runtime/core/node.ts';
import { openTestRuntime } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

const NOTHING: Omit<ExecuteRequest, 'functionId' | 'limits'> = {
  ...{
    method: '',
    parameters: [],
    env: [],
    stdin: new Uint8Array(0),
    permissions: null,
    nodeCount: 1,
    consensus: '',
    topic: '',
    body: {},
  },
};

/** Host calls that operator, manifest and request each allow; `undefined` where one says nothing. */
type Asked = readonly [operator: number, manifest: number | undefined, request: number | undefined];

const ROWS: readonly (readonly [asked: Asked, holds: number])[] = [
  [[30, 20, 10], 10],
  [[10, 20, 30], 10],
  [[30, 10, 20], 10],
  [[30, undefined, 10], 10],
  [[30, 10, undefined], 10],
  [[10, undefined, undefined], 10],
  [[30, 20, 0], 0],
];

for (const [[operator, manifest, request], holds] of ROWS) {
  test(`of ${operator}, ${manifest} and ${request} host calls by operator, manifest and request, ${holds} are made`, async (t) => {
    const runtime = await openTestRuntime({ 'limits.hostCalls': operator });
    t.after(() => runtime.close());
    const limits = manifest === undefined ? {} : { hostCalls: manifest };
    const text = JSON.stringify({ inferbase: { limits }, modules: [{ file: 'a.wasm', type: 'entry' }] });
    const { cid } = await runtime.store.add([
      { path: 'manifest.json', bytes: Buffer.from(text) },
      { path: 'a.wasm', bytes: await guest('call-for-ever') },
    ]);
    const node = await runtime.openNode();
    const asked = { ...NOTHING, functionId: cid, limits: request === undefined ? {} : { hostCalls: request } };
    const { results } = await node.execute(asked, { requestId: 'x', signal: new AbortController().signal });
    const outcome = results[0]?.outcome;
    assert.deepEqual([outcome?.cause, outcome?.exitCode], ['calls', 255]);
    assert.match(outcome?.message ?? '', new RegExp(`more than ${holds} host calls`));
  });
}
