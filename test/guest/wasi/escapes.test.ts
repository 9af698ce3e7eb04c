import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { createWasi, OFLAG, seed, type WasiGuest } from './wasi-guest.ts';

const FILES = [seed('outside/secret', 'secret'), seed('jail/own', 'own'), seed('jail/deep/er/x', 'x')];

/** A guest that was given `/jail` only, and the descriptor of it. What it does elsewhere, it does with 3. */
function jailed(t: Parameters<typeof createWasi>[0]): { wasi: WasiGuest; jail: number } {
  const wasi = createWasi(t, { files: FILES });
  const jail = wasi.openDirectory('jail');
  assert.ok(jail > 3);
  return { wasi, jail };
}

describe('a directory descriptor leads nowhere but down', () => {
  test('control: what lies below is found, also by a detour', (t) => {
    const { wasi, jail } = jailed(t);
    for (const path of ['own', './own', 'deep/../own', 'deep/er/../../own', './/deep/.././own']) {
      assert.equal(wasi.read(path, { dir: jail }), 'own', path);
    }
    assert.equal(wasi.read('outside/secret'), 'secret');
  });

  for (const path of [
    '../outside/secret',
    'deep/../../outside/secret',
    '/outside/secret',
    '/jail/own',
    '..',
    'deep/../..',
  ]) {
    test(`${path} is refused`, (t) => {
      const { wasi, jail } = jailed(t);
      assert.equal(wasi.open(path, { dir: jail, rights: 0n }), -ERRNO.notcapable);
    });
  }

  const changes: readonly [what: string, change: (wasi: WasiGuest, jail: number, path: string) => number][] = [
    ['create', (wasi, dir, path) => -Math.min(0, wasi.open(path, { dir, oflags: OFLAG.create }))],
    ['truncate', (wasi, dir, path) => -Math.min(0, wasi.open(path, { dir, oflags: OFLAG.truncate }))],
    ['mkdir', (wasi, dir, path) => wasi.mkdir(path, dir)],
    ['rmdir', (wasi, dir, path) => wasi.call('path_remove_directory', dir, ...wasi.path(path))],
    ['unlink', (wasi, dir, path) => wasi.unlink(path, dir)],
    ['symlink', (wasi, dir, path) => wasi.symlink('own', path, dir)],
    ['rename from', (wasi, dir, path) => wasi.rename(path, 'mine', dir, dir)],
    ['rename to', (wasi, dir, path) => wasi.rename('own', path, dir, dir)],
    [
      'hard link from',
      (wasi, dir, path) => wasi.call('path_link', dir, 0, ...wasi.path(path), dir, ...wasi.path('mine')),
    ],
    ['hard link to', (wasi, dir, path) => wasi.call('path_link', dir, 0, ...wasi.path('own'), dir, ...wasi.path(path))],
    ['stat', (wasi, dir, path) => wasi.call('path_filestat_get', dir, 1, ...wasi.path(path), 256)],
    ['set times', (wasi, dir, path) => wasi.call('path_filestat_set_times', dir, 1, ...wasi.path(path), 0n, 0n, 5)],
    ['readlink', (wasi, dir, path) => wasi.call('path_readlink', dir, ...wasi.path(path), 256, 16, 64)],
  ];
  for (const [what, change] of changes) {
    test(`${what} by .. and through a symbolic link of the guest's own is refused`, (t) => {
      const { wasi, jail } = jailed(t);
      // Making it is allowed, as everywhere; following it is not.
      assert.equal(wasi.symlink('../outside', 'd', jail), ERRNO.success);
      assert.equal(wasi.symlink('../../../outside', 'deep/er/up', jail), ERRNO.success);
      for (const path of ['../outside/secret', 'd/secret', 'd/new', 'deep/er/up/secret', 'd/../jail/own']) {
        assert.equal(change(wasi, jail, path), ERRNO.notcapable, path);
      }
      assert.equal(wasi.read('outside/secret'), 'secret');
      assert.deepEqual(wasi.list(wasi.openDirectory('outside')), ['.', '..', 'secret']);
    });
  }

  test('a file link that leads out is refused, also when it dangles and would be created', (t) => {
    const { wasi, jail } = jailed(t);
    wasi.symlink('../outside/secret', 'f', jail);
    wasi.symlink('../outside/new', 'g', jail);
    for (const oflags of [0, OFLAG.create, OFLAG.truncate]) {
      assert.equal(wasi.open('f', { dir: jail, oflags }), -ERRNO.notcapable);
      assert.equal(wasi.open('g', { dir: jail, oflags }), -ERRNO.notcapable);
    }
    assert.equal(wasi.open('outside/new'), -ERRNO.noent);
  });

  test('an absolute link cannot be made', (t) => {
    const { wasi, jail } = jailed(t);
    for (const target of ['/', '/outside', '//outside'])
      assert.equal(wasi.symlink(target, 'a', jail), ERRNO.notcapable);
  });

  test('a link that was harmless where it was made is judged where it lies', (t) => {
    const { wasi, jail } = jailed(t);
    wasi.symlink('../../own', 'deep/er/l', jail);
    assert.equal(wasi.read('deep/er/l', { dir: jail }), 'own');
    assert.equal(wasi.rename('deep/er/l', 'l', jail, jail), ERRNO.success);
    assert.equal(wasi.open('l', { dir: jail }), -ERRNO.notcapable);
    assert.equal(wasi.call('path_link', jail, 0, ...wasi.path('l'), jail, ...wasi.path('deep/l')), ERRNO.success);
    assert.equal(wasi.open('deep/l', { dir: jail }), -ERRNO.notcapable);
  });

  test('a directory that is moved takes its descriptor along, and a link in its old place changes nothing', (t) => {
    const { wasi, jail } = jailed(t);
    assert.equal(wasi.rename('jail', 'elsewhere'), ERRNO.success);
    assert.equal(wasi.symlink('outside', 'jail'), ERRNO.success);
    assert.equal(wasi.read('jail/secret'), 'secret', 'control: the link works from above');
    assert.equal(wasi.read('own', { dir: jail }), 'own');
    assert.equal(wasi.open('secret', { dir: jail }), -ERRNO.noent);
    assert.equal(wasi.open('../outside/secret', { dir: jail }), -ERRNO.notcapable);
  });

  test('a directory moved out from under a path is not a way up', (t) => {
    const { wasi, jail } = jailed(t);
    const deep = wasi.openDirectory('deep', { dir: jail });
    assert.equal(wasi.rename('deep', 'outside/deep', jail, 3), ERRNO.success);
    assert.equal(wasi.read('er/x', { dir: deep }), 'x');
    assert.equal(wasi.open('../secret', { dir: deep }), -ERRNO.notcapable);
  });

  test('in a removed directory nothing is found or made', (t) => {
    const { wasi, jail } = jailed(t);
    wasi.mkdir('gone', jail);
    const gone = wasi.openDirectory('gone', { dir: jail });
    assert.equal(wasi.call('path_remove_directory', jail, ...wasi.path('gone')), ERRNO.success);
    assert.equal(wasi.open('new', { dir: gone, oflags: OFLAG.create }), -ERRNO.noent);
    assert.equal(wasi.mkdir('new', gone), ERRNO.noent);
    assert.equal(wasi.open('..', { dir: gone, rights: 0n }), -ERRNO.notcapable);
    assert.equal(wasi.call('fd_readdir', gone, 256, 100, 0n, 64), ERRNO.noent);
    assert.equal(wasi.call('fd_filestat_get', gone, 256), ERRNO.success);
  });
});

test('rights only ever shrink on the way down', (t) => {
  const wasi = createWasi(t, { files: FILES });
  const readOnly = wasi.openDirectory('jail', { inheriting: 2n | (1n << 13n) });
  assert.equal(wasi.open('own', { dir: readOnly, rights: 64n }), -ERRNO.notcapable);
  const file = wasi.open('own', { dir: readOnly, rights: 2n });
  assert.equal(wasi.readFd(file), 'own');
  assert.equal(wasi.writeFd(file, 'x'), ERRNO.notcapable);
  assert.equal(wasi.call('fd_filestat_set_size', file, 0n), ERRNO.notcapable);
  assert.equal(wasi.call('fd_fdstat_set_rights', file, 66n, 0n), ERRNO.notcapable);
});

test('without a file system there is no descriptor 3', (t) => {
  const wasi = createWasi(t, { files: null });
  assert.equal(wasi.call('fd_prestat_get', 3, 64), ERRNO.badf);
  assert.equal(wasi.open('x', { oflags: OFLAG.create }), -ERRNO.badf);
});
