import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HOST_CALLS, type HostCall } from '../../../runtime/core/host-calls.ts';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { openTestRuntime, runIn } from '../../support/run-guest.ts';
import { wat } from '../../support/wat.ts';
import { createWasi, OFLAG, seed } from './wasi-guest.ts';

const WILD = [0x8000_0000, 0xffff_ffff, 0x7fff_ffff, 0xffff_fff8];
const DESCRIPTORS = [0, 1, 2, 3, 4, 5, 99, 0x8000_0000, 0xffff_ffff];

describe('every WASI call with pointers, lengths and numbers it should not have', () => {
  let runtime: Awaited<ReturnType<typeof openTestRuntime>>;
  before(async () => {
    runtime = await openTestRuntime();
  });
  after(() => runtime.close());

  const calls = HOST_CALLS.filter(({ module, name }) => module.startsWith('wasi_') && name !== 'proc_exit');

  /** Makes the call with every wild number in every place, on every descriptor; traps when a result is no errno. */
  function guestOf({ module, name, params }: HostCall): string {
    const types = params.length === 0 ? '' : `(param ${params.join(' ')})`;
    const lines: string[] = [];
    for (const fd of params[0] === 'i32' ? DESCRIPTORS : [0]) {
      // Descriptors 4 and 5, a file and a directory, are opened anew: the call before may have closed them.
      lines.push('(call $open (i32.const 8) (i32.const 1) (i64.const -1))');
      lines.push('(call $open (i32.const 9) (i32.const 1) (i64.const 0x3fffffbf))');
      for (const wild of WILD) {
        for (let place = 0; place <= params.length; place++) {
          const args = params.map((type, index) => {
            const number = index === 0 ? fd : place === params.length || place === index ? wild : 3;
            return type === 'i64' ? `(i64.const ${index === place ? -1 : wild})` : `(i32.const ${number})`;
          });
          lines.push(`(call $check (call $call ${args.join(' ')}))`);
        }
      }
    }
    return `(module
      (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "${module}" "${name}" (func $call ${types} (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "f.")
      (func $open (param $path i32) (param $length i32) (param $rights i64)
        (drop (call $path_open (i32.const 3) (i32.const 1) (local.get $path) (local.get $length) (i32.const 0)
          (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 16))))
      (func $check (param $errno i32) (if (i32.gt_u (local.get $errno) (i32.const 76)) (then unreachable)))
      (func (export "_start") ${lines.join('\n')}))`;
  }

  for (const call of calls) {
    test(`${call.module}.${call.name}: an errno, and the guest goes on`, async () => {
      const files = [seed('f', 'content')];
      const { cause, exitCode, message } = await runIn(runtime, await wat(guestOf(call)), { files });
      assert.deepEqual([cause, exitCode], ['exited', 0], message);
    });
  }

  test('none of it was a mistake of ours', () => {
    assert.deepEqual(
      runtime.logLines.filter((line) => line.includes('failed')),
      [],
    );
  });
});

describe('a guest that takes what it can', () => {
  test('opens 10 000 times: 1 024 descriptors, then mfile, and closed ones can be had again', (t) => {
    const wasi = createWasi(t, { files: [seed('f')] });
    const opened = Array.from({ length: 10_000 }, () => wasi.open('f', { rights: 0n }));
    assert.deepEqual(new Set(opened.slice(1_020)), new Set([-ERRNO.mfile]));
    assert.equal(opened[1_019], 1_023);
    wasi.call('fd_close', 500);
    assert.equal(wasi.open('f', { rights: 0n }), 500);
    assert.equal(wasi.open('new', { oflags: OFLAG.create }), -ERRNO.mfile);
    wasi.call('fd_close', 500);
    assert.equal(wasi.open('new'), -ERRNO.noent, 'nothing was made for a descriptor there was none of');
  });

  test('a path of 1 MB is refused, wherever it points', (t) => {
    const wasi = createWasi(t);
    assert.equal(wasi.call('path_open', 3, 0, 0, 200_000, 0, 0n, 0n, 0, 64), ERRNO.nametoolong);
    assert.equal(wasi.call('path_open', 3, 0, 0, 1_048_576, 0, 0n, 0n, 0, 64), ERRNO.fault);
  });

  test('a file grown by terabytes costs nothing and is refused', (t) => {
    const wasi = createWasi(t);
    const fd = wasi.open('f', { oflags: OFLAG.create });
    for (const size of [1n << 27n, 1n << 40n, 1n << 62n, -1n]) {
      assert.equal(wasi.call('fd_filestat_set_size', fd, size), ERRNO.fbig);
      assert.equal(wasi.call('fd_allocate', fd, size, 1n), ERRNO.fbig);
      assert.equal(wasi.call('fd_allocate', fd, 1n, size), ERRNO.fbig);
    }
    assert.equal(wasi.size(fd), 0n);
  });

  test('removing and cutting gives room back, an open descriptor keeps it', (t) => {
    const wasi = createWasi(t);
    const half = BigInt(32 * 1_048_576);
    for (let round = 0; round < 5; round++) {
      const fd = wasi.open('a', { oflags: OFLAG.create });
      assert.equal(wasi.call('fd_allocate', fd, 0n, half * 2n), ERRNO.success);
      assert.equal(wasi.unlink('a'), ERRNO.success);
      const other = wasi.open('b', { oflags: OFLAG.create });
      assert.equal(wasi.writeFd(other, 'x'), ERRNO.nospc);
      assert.equal(wasi.call('fd_filestat_set_size', fd, half), ERRNO.success);
      assert.equal(wasi.call('fd_allocate', other, 0n, half), ERRNO.success);
      wasi.call('fd_close', fd);
      assert.equal(wasi.call('fd_allocate', other, 0n, half * 2n), ERRNO.success);
      wasi.call('fd_close', other);
      assert.equal(wasi.open('b', { oflags: OFLAG.truncate }), 4);
      wasi.call('fd_close', 4);
    }
  });

  test('names come back, hard links count, and long symbolic links count more', (t) => {
    const wasi = createWasi(t, { files: [seed('f')] });
    const fill = (make: (index: number) => number): number => {
      for (let index = 0; ; index++) {
        const errno = make(index);
        if (errno === ERRNO.success) continue;
        assert.equal(errno, ERRNO.nospc);
        return index;
      }
    };
    const links = fill((index) => wasi.call('path_link', 3, 0, ...wasi.path('f'), 3, ...wasi.path(`l${index}`)));
    assert.equal(links, 10_000);
    for (let index = 0; index < links; index++) wasi.unlink(`l${index}`);
    const long = fill((index) => wasi.symlink('x'.repeat(2_560), `s${index}`));
    assert.equal(long, Math.floor(10_000 / 11));
    for (let index = 0; index < long; index++) wasi.unlink(`s${index}`);
    assert.equal(
      fill((index) => wasi.mkdir(`d${index}`)),
      10_000,
    );
  });

  test('links through links end in loop, however they multiply', (t) => {
    const wasi = createWasi(t, { files: [seed('deep/er/x')] });
    const many = `${'deep/../'.repeat(500)}.`;
    wasi.symlink(many, 'l0');
    for (let index = 1; index <= 45; index++) wasi.symlink(`l${index - 1}/${many}`, `l${index}`);
    const errnos = Array.from({ length: 46 }, (_, index) => wasi.open(`l${index}`, { rights: 0n }));
    assert.ok((errnos[1] ?? -1) > 3);
    assert.equal(errnos[45], -ERRNO.loop);
    wasi.symlink('grow/grow/grow', 'grow');
    assert.equal(wasi.open('grow'), -ERRNO.loop);
  });

  test('a tree of 9 999 directories, each in the one before, is made, renamed and not its own parent', (t) => {
    const wasi = createWasi(t);
    let at = 3;
    for (let depth = 0; depth < 9_999; depth++) {
      assert.equal(wasi.mkdir('d', at), ERRNO.success);
      const next = wasi.openDirectory('d', { dir: at });
      if (at !== 3) wasi.call('fd_close', at);
      at = next;
    }
    assert.equal(wasi.rename('d', 'e', 3, at), ERRNO.inval);
    assert.equal(wasi.rename('d', 'e'), ERRNO.success);
    assert.deepEqual(wasi.list(at), ['.', '..']);
  });
});

describe('executions beside each other', () => {
  test('share what they began with and see nothing of what the other wrote', (t) => {
    const files = [seed('f', 'first')];
    const [a, b] = [createWasi(t, { files }), createWasi(t, { files })];
    a.write('f', 'changed by a');
    a.write('g', 'of a');
    assert.equal(b.read('f'), 'first');
    assert.equal(b.open('g'), -ERRNO.noent);
    assert.equal(createWasi(t, { files }).read('f'), 'first');
  });

  test('take room from each other only while they run', (t) => {
    const hold = (): boolean => {
      const wasi = createWasi(t);
      const errno = wasi.call('fd_allocate', wasi.open('f', { oflags: OFLAG.create }), 0n, BigInt(64 * 1_048_576));
      if (errno === ERRNO.nospc) wasi.end();
      else ends.push(() => wasi.end());
      return errno === ERRNO.success;
    };
    const ends: (() => void)[] = [];
    assert.deepEqual(Array.from({ length: 10 }, hold), [...Array(8).fill(true), false, false]);
    for (const end of ends.splice(0)) end();
    assert.ok(hold());
    for (const end of ends) end();
  });
});
