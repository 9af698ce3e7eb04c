import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOST_CALLS } from '../../../runtime/core/host-calls.ts';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { type ErrnoName, FILES, makeLinks, TABLE } from './errno-table.ts';
import { createWasi } from './wasi-guest.ts';

for (const [name, { rows }] of Object.entries(TABLE)) {
  describe(`errno ${name}`, () => {
    for (const [call, what, run] of rows) {
      test(`${call}: ${what}`, (t) => {
        const wasi = createWasi(t, { files: FILES });
        makeLinks(wasi);
        assert.equal(run(wasi), ERRNO[name as ErrnoName]);
      });
    }
  });
}

test('every errno there is has its rows, but for what only our own mistakes would show', () => {
  const without = Object.keys(ERRNO).filter((name) => !(name in TABLE));
  assert.deepEqual(without, ['io', 'nosys']);
});

test('every call on files is in the table for everything that all of its kind have in common', () => {
  const calls = HOST_CALLS.filter(({ module }) => module === 'wasi_snapshot_preview1').map(({ name }) => name);
  const has = (errno: keyof typeof TABLE, call: string): boolean => TABLE[errno].rows.some(([name]) => name === call);
  for (const call of calls.filter((name) => /^(fd|path|sock)_/.test(name))) {
    assert.ok(has('badf', call), `badf of ${call}`);
    if (!call.startsWith('sock_')) assert.ok(has('success', call), `success of ${call}`);
    if (!call.startsWith('path_')) continue;
    for (const errno of ['noent', 'notdir', 'notcapable', 'nametoolong', 'ilseq', 'inval', 'loop', 'fault'] as const) {
      assert.ok(has(errno, call), `${errno} of ${call}`);
    }
  }
});
