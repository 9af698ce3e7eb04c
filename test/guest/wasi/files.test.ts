import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { UNSTABLE } from '../../../runtime/guest/wasi/layout.ts';
import { openTestRuntime, runIn } from '../../support/run-guest.ts';
import { wat } from '../../support/wat.ts';
import { createWasi, OFLAG, seed, type WasiGuest } from './wasi-guest.ts';

const STAT = 256;

/** Times and link count of a path. */
function stat(
  wasi: WasiGuest,
  path: string,
  follow = 1,
): { ino: bigint; links: bigint; atim: bigint; mtim: bigint; ctim: bigint } {
  const { memory } = wasi;
  assert.equal(wasi.call('path_filestat_get', 3, follow, ...wasi.path(path), STAT), ERRNO.success);
  const [atim, mtim, ctim] = [memory.getU64(STAT + 40), memory.getU64(STAT + 48), memory.getU64(STAT + 56)];
  return { ino: memory.getU64(STAT + 8), links: memory.getU64(STAT + 24), atim, mtim, ctim };
}

function seek(wasi: WasiGuest, fd: number, offset: bigint, whence: number): bigint {
  assert.equal(wasi.call('fd_seek', fd, offset, whence, 64), ERRNO.success);
  return wasi.result64();
}

describe('files', () => {
  test('what is written past the end leaves zeros before it', (t) => {
    const wasi = createWasi(t);
    const fd = wasi.open('f', { oflags: OFLAG.create });
    seek(wasi, fd, 3n, 0);
    wasi.writeFd(fd, 'x');
    seek(wasi, fd, 0n, 0);
    assert.equal(wasi.readFd(fd), '\0\0\0x');
  });

  test('appending writes at the end wherever the descriptor is, until the flag is taken away', (t) => {
    const wasi = createWasi(t, { files: [seed('f', 'abc')] });
    const fd = wasi.open('f', { flags: 1 });
    wasi.writeFd(fd, 'd');
    assert.equal(seek(wasi, fd, 0n, 1), 4n);
    seek(wasi, fd, 0n, 0);
    wasi.writeFd(fd, 'e');
    wasi.call('fd_fdstat_set_flags', fd, 0);
    seek(wasi, fd, 0n, 0);
    wasi.writeFd(fd, 'X');
    assert.equal(wasi.read('f'), 'Xbcde');
  });

  test('what is cut off does not come back', (t) => {
    const wasi = createWasi(t, { files: [seed('f', 'a seed of the host')] });
    const fd = wasi.open('f');
    wasi.call('fd_filestat_set_size', fd, 6n);
    wasi.call('fd_filestat_set_size', fd, 8n);
    assert.equal(wasi.readFd(fd), 'a seed\0\0');
  });

  test('two descriptors of a file have places of their own; a removed file lives on while one is open', (t) => {
    const wasi = createWasi(t, { files: [seed('f', 'content')] });
    const [a, b] = [wasi.open('f'), wasi.open('f')];
    seek(wasi, a, 3n, 0);
    assert.deepEqual([wasi.readFd(b), wasi.readFd(a)], ['content', 'tent']);
    wasi.unlink('f');
    assert.equal(wasi.open('f'), -ERRNO.noent);
    seek(wasi, a, 0n, 0);
    assert.equal(wasi.readFd(a), 'content');
  });

  test('hard links are one file, and count', (t) => {
    const wasi = createWasi(t, { files: [seed('f', 'x')] });
    wasi.call('path_link', 3, 0, ...wasi.path('f'), 3, ...wasi.path('g'));
    assert.deepEqual([stat(wasi, 'g').ino, stat(wasi, 'g').links], [stat(wasi, 'f').ino, 2n]);
    wasi.write('g', 'new');
    assert.equal(wasi.read('f'), 'new');
    assert.equal(wasi.rename('f', 'g'), ERRNO.success, 'renaming one onto the other does nothing');
    wasi.unlink('f');
    assert.equal(stat(wasi, 'g').links, 1n);
  });

  test('times are kept to the nanosecond, of a link apart from what it names', (t) => {
    const wasi = createWasi(t, { files: [seed('f')] });
    wasi.symlink('f', 'l');
    const times = (path: string, follow: number, atim: bigint, mtim: bigint, flags: number): number =>
      wasi.call('path_filestat_set_times', 3, follow, ...wasi.path(path), atim, mtim, flags);
    assert.equal(times('l', 1, 1_234_567_890_123_456_789n, 5n, 5), ERRNO.success);
    assert.deepEqual([stat(wasi, 'f').atim, stat(wasi, 'f').mtim], [1_234_567_890_123_456_789n, 5n]);
    assert.equal(times('l', 0, 7n, -1n, 5), ERRNO.success);
    assert.deepEqual([stat(wasi, 'l', 0).atim, stat(wasi, 'l', 0).mtim], [7n, (1n << 64n) - 1n]);
    assert.equal(stat(wasi, 'f').atim, 1_234_567_890_123_456_789n);
    const before = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n;
    assert.equal(times('f', 0, 0n, 0n, 10), ERRNO.success);
    assert.ok(stat(wasi, 'f').mtim > before && stat(wasi, 'f').atim > before && stat(wasi, 'f').ctim > before);
  });

  test('descriptors move: standard output into a file, and / elsewhere', (t) => {
    const wasi = createWasi(t);
    const fd = wasi.open('log', { oflags: OFLAG.create });
    assert.equal(wasi.call('fd_renumber', fd, 1), ERRNO.success);
    wasi.writeFd(1, 'printed');
    assert.equal(wasi.read('log'), 'printed');
    wasi.mkdir('d');
    const d = wasi.openDirectory('d');
    assert.equal(wasi.call('fd_renumber', 3, d), ERRNO.success);
    assert.equal(wasi.open('log'), -ERRNO.badf);
    assert.equal(wasi.read('log', { dir: d }), 'printed');
    assert.equal(wasi.call('fd_prestat_get', d, STAT), ERRNO.success);
  });
});

describe('listing a directory', () => {
  test('cookies stay good while names come and go', (t) => {
    const wasi = createWasi(t);
    for (const name of ['a', 'b', 'c', 'd', 'e']) wasi.mkdir(name);
    const seen: string[] = [];
    let cookie = 0n;
    for (let round = 0; round < 20; round++) {
      // A buffer for one entry with a name of up to two bytes.
      assert.equal(wasi.call('fd_readdir', 3, 512, 26, cookie, 64), ERRNO.success);
      if (wasi.result() < 25) break;
      seen.push(wasi.memory.text(536, wasi.memory.getU32(528)));
      cookie = wasi.memory.getU64(512);
      if (seen.length === 4) {
        for (const name of ['a', 'b', 'c']) wasi.call('path_remove_directory', 3, ...wasi.path(name));
        wasi.mkdir('b');
      }
    }
    assert.deepEqual(seen, ['.', '..', 'a', 'b', 'd', 'e', 'b']);
  });

  test('the last entry is cut off where the buffer ends, and a cookie past the end lists nothing', (t) => {
    const wasi = createWasi(t, { files: [seed('long-name')] });
    for (const length of [0, 1, 23, 24, 25, 48, 60, 80]) {
      wasi.call('fd_readdir', 3, 512, length, 0n, 64);
      assert.equal(wasi.result(), length);
    }
    for (const cookie of [3n, 1n << 40n, -1n]) {
      wasi.call('fd_readdir', 3, 512, 512, cookie, 64);
      assert.equal(wasi.result(), 0);
    }
  });

  test('.. of a directory is the one it lies in now', (t) => {
    const wasi = createWasi(t, { files: [seed('a/d/'), seed('b/')] });
    const d = wasi.openDirectory('a/d');
    wasi.rename('a/d', 'b/d');
    wasi.call('fd_readdir', d, 512, 512, 1n, 64);
    assert.equal(wasi.memory.getU64(520), stat(wasi, 'b').ino);
  });
});

describe('wasi_unstable', () => {
  test('counts whence from elsewhere and has a smaller filestat', (t) => {
    const wasi = createWasi(t, { files: [seed('f', 'twelve bytes')], layout: UNSTABLE });
    const fd = wasi.open('f');
    assert.equal(seek(wasi, fd, 5n, 2), 5n);
    assert.equal(seek(wasi, fd, 1n, 0), 6n);
    assert.equal(seek(wasi, fd, 0n, 1), 12n);
    wasi.memory.bytes(STAT, 64).fill(0xaa);
    wasi.call('fd_filestat_get', fd, STAT);
    assert.deepEqual([wasi.memory.getU32(STAT + 20), wasi.memory.getU64(STAT + 24)], [1, 12n]);
    assert.equal(wasi.memory.getU8(STAT + 56), 0xaa);
  });

  test('is linked with its own layout, beside preview 1', async (t) => {
    const runtime = await openTestRuntime();
    t.after(() => runtime.close());
    const { cause, exitCode } = await runIn(
      runtime,
      await wat(`(module
        (import "wasi_unstable" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_unstable" "fd_seek" (func $old (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func $new (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 32) "f")
        (func (export "_start")
          (drop (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 0)
            (i64.const 36) (i64.const 0) (i32.const 0) (i32.const 0)))
          (drop (call $old (i32.load (i32.const 0)) (i64.const 5) (i32.const 2) (i32.const 8)))
          (drop (call $new (i32.load (i32.const 0)) (i64.const 4) (i32.const 1) (i32.const 16)))
          (call $exit (i32.add (i32.mul (i32.load (i32.const 8)) (i32.const 10)) (i32.load (i32.const 16))))))`),
      { files: [seed('f', 'twelve bytes')] },
    );
    assert.deepEqual([cause, exitCode], ['exited', 59]);
  });
});

test('an execution starts with nothing under /, and finds nothing of the one before', async (t) => {
  const runtime = await openTestRuntime();
  t.after(() => runtime.close());
  const module = await wat(`(module
    (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "d")
    (func (export "_start") (call $exit (call $mkdir (i32.const 3) (i32.const 0) (i32.const 1)))))`);
  for (let round = 0; round < 3; round++) assert.equal((await runIn(runtime, module)).exitCode, 0);
  assert.equal((await runIn(runtime, module, { files: [seed('d/')] })).exitCode, ERRNO.exist);
  assert.equal((await runIn(runtime, module, { files: null })).exitCode, ERRNO.badf);
});
