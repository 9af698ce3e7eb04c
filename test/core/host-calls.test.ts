import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHostCall, HOST_CALLS } from '../../runtime/core/host-calls.ts';
import { isServed } from '../../runtime/guest/host-imports.ts';

test('every host call is either served or says which errno it returns', () => {
  for (const call of HOST_CALLS) {
    if (call.unservedErrno === null) assert.ok(isServed(call), `${call.module}.${call.name} has no code behind it`);
  }
});

test('all 46 functions of WASI preview 1 are known', () => {
  assert.equal(HOST_CALLS.filter(({ module }) => module === 'wasi_snapshot_preview1').length, 46);
});

test('names that every JavaScript object has are no host calls', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    assert.equal(findHostCall(name, name), undefined);
    assert.equal(findHostCall('wasi_snapshot_preview1', name), undefined);
  }
});
