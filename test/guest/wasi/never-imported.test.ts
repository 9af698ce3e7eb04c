import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { createWasi, OFLAG, seed } from './wasi-guest.ts';

describe('the six functions that the official suite never imports', () => {
  test('fd_sync and fd_datasync succeed on files, need a right, and refuse streams', (t) => {
    const wasi = createWasi(t);
    const both = wasi.open('f', { oflags: OFLAG.create });
    const sync = wasi.open('f', { rights: 1n << 4n });
    const datasync = wasi.open('f', { rights: 1n });
    const none = wasi.open('f', { rights: 2n });
    const rows: readonly [fd: number, sync: number, datasync: number][] = [
      [both, 0, 0],
      [sync, 0, 0],
      [datasync, ERRNO.notcapable, 0],
      [none, ERRNO.notcapable, ERRNO.notcapable],
      [3, 0, 0],
      [0, ERRNO.inval, ERRNO.inval],
      [1, ERRNO.inval, ERRNO.inval],
      [99, ERRNO.badf, ERRNO.badf],
      [-1, ERRNO.badf, ERRNO.badf],
    ];
    for (const [fd, expectSync, expectDatasync] of rows) {
      assert.equal(wasi.call('fd_sync', fd), expectSync);
      assert.equal(wasi.call('fd_datasync', fd), expectDatasync);
    }
  });

  test('proc_raise raises nothing, whatever the signal', (t) => {
    const wasi = createWasi(t);
    assert.equal(wasi.call('proc_raise', 0), ERRNO.success);
    for (let signal = 1; signal <= 30; signal++) assert.equal(wasi.call('proc_raise', signal), ERRNO.notsup);
    for (const signal of [31, 255, -1, 2 ** 31]) assert.equal(wasi.call('proc_raise', signal), ERRNO.inval);
  });

  test('sock_accept, sock_recv, sock_send and sock_shutdown know no socket', (t) => {
    const wasi = createWasi(t, { files: [seed('f')] });
    const file = wasi.open('f');
    const calls: readonly [name: string, rest: number[]][] = [
      ['sock_accept', [0, 64]],
      ['sock_recv', [128, 1, 0, 64, 68]],
      ['sock_send', [128, 1, 0, 64]],
      ['sock_shutdown', [2]],
    ];
    for (const [name, rest] of calls) {
      for (const fd of [0, 1, 2, 3, file]) assert.equal(wasi.call(name, fd, ...rest), ERRNO.notsock, `${name} ${fd}`);
      for (const fd of [99, -1, 2 ** 31 - 1]) assert.equal(wasi.call(name, fd, ...rest), ERRNO.badf, `${name} ${fd}`);
    }
    wasi.call('fd_close', 0);
    assert.equal(wasi.call('sock_recv', 0, 128, 1, 0, 64, 68), ERRNO.badf);
  });
});
