import assert from 'node:assert/strict';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { Storage } from '../../../runtime/guest/wasi/storage.ts';
import { ON_DIRECTORY, ON_FILE, ON_PATH, ON_PREOPEN, ON_SOCKET, readyPath } from './plain-calls.ts';
import { OFLAG, seed, type WasiGuest } from './wasi-guest.ts';

export type ErrnoName = keyof typeof ERRNO;
export type Row = readonly [call: string, what: string, run: (wasi: WasiGuest) => number];

/** What each errno is the answer to, call by call; and why no other call has it. */
export interface ErrnoRows {
  readonly rows: readonly Row[];
  readonly elsewhere: string;
}

const onFile = Object.entries(ON_FILE);
const onPath = Object.entries(ON_PATH);
const onFd = [...onFile, ...Object.entries(ON_DIRECTORY), ...Object.entries(ON_PREOPEN), ...Object.entries(ON_SOCKET)];
const WILD = 0x7fff_fff0;
const HUGE = 1n << 52n;
/** More than a file may have, less than there is room for in a number. */
const TOO_LARGE = BigInt(64 * 1_048_576 + 1);

function everyPath(what: string, path: string | Uint8Array, except: readonly string[] = []): Row[] {
  return onPath
    .filter(([call]) => !except.includes(call))
    .map(([call, run]) => [call, what, (wasi) => run(wasi, 3, wasi.path(path))]);
}

/** The guest with all but 10 bytes of its files taken. */
function full(wasi: WasiGuest): number {
  const fd = wasi.open('full', { oflags: OFLAG.create });
  assert.equal(wasi.call('fd_allocate', fd, 0n, TOO_LARGE - 11n), ERRNO.success);
  return wasi.open('other', { oflags: OFLAG.create });
}

function pwrite(wasi: WasiGuest, fd: number, length: number, offset: bigint): number {
  wasi.memory.setU32(512, 1024);
  wasi.memory.setU32(516, length);
  return wasi.call('fd_pwrite', fd, 512, 1, offset, 256);
}

function withoutRoom(run: () => number): number {
  const neighbours = Array.from({ length: 10 }, () => new Storage());
  for (const neighbour of neighbours) while (neighbour.takeEntries(1));
  try {
    return run();
  } finally {
    for (const neighbour of neighbours) neighbour.close();
  }
}

/** One long table: every errno, and every call that answers with it. The tree is that of `FILES` and `makeLinks`. */
export const TABLE: Readonly<Record<Exclude<ErrnoName, 'io' | 'nosys'>, ErrnoRows>> = {
  success: {
    rows: [
      ...onFile.map(([call, run]): Row => [call, 'on a file', (wasi) => run(wasi, wasi.open('f'))]),
      ...[...Object.entries(ON_DIRECTORY), ...Object.entries(ON_PREOPEN)].map(
        ([call, run]): Row => [call, 'on /', (wasi) => run(wasi, 3)],
      ),
      ...onPath.map(([call, run]): Row => [call, 'on a good path', (wasi) => run(wasi, 3, wasi.path(readyPath(call)))]),
      ['proc_raise', 'of no signal', (wasi) => wasi.call('proc_raise', 0)],
    ],
    elsewhere: 'sock_* have nothing to succeed on; the others have tests of their own',
  },
  badf: {
    rows: [
      ...onFd.map(([call, run]): Row => [call, 'what is not open', (wasi) => run(wasi, 99)]),
      ...onPath.map(([call, run]): Row => [call, 'what is not open', (wasi) => run(wasi, 99, wasi.path('f'))]),
      ['fd_renumber', 'to what is not open', (wasi) => wasi.call('fd_renumber', 0, 99)],
      ['fd_write', 'to standard input', (wasi) => ON_FILE.fd_write?.(wasi, 0) ?? 0],
      ['fd_read', 'from standard output', (wasi) => ON_FILE.fd_read?.(wasi, 1) ?? 0],
      ['fd_filestat_set_times', 'of a stream', (wasi) => ON_FILE.fd_filestat_set_times?.(wasi, 1) ?? 0],
      [
        'fd_prestat_get',
        'what was not open from the start',
        (wasi) => ON_PREOPEN.fd_prestat_get?.(wasi, wasi.openDirectory('directory')) ?? 0,
      ],
    ],
    elsewhere: 'no descriptor in the call; poll_oneoff tells it in its events',
  },
  notdir: {
    rows: [
      ...onPath.map(([call, run]): Row => [call, 'below a file', (wasi) => run(wasi, wasi.open('f'), wasi.path('x'))]),
      ...onPath.map(([call, run]): Row => [call, 'below a stream', (wasi) => run(wasi, 0, wasi.path('x'))]),
      ...everyPath('through a file', 'f/x'),
      ...everyPath('a file with a slash', 'f/', ['path_create_directory']),
      ['fd_readdir', 'of a file', (wasi) => ON_DIRECTORY.fd_readdir?.(wasi, wasi.open('f')) ?? 0],
      ['path_open', 'a file as a directory', (wasi) => -wasi.open('f', { oflags: OFLAG.directory })],
      ['path_rename', 'a directory over a file', (wasi) => wasi.rename('directory', 'f')],
      ['path_rename', 'a file to a name with a slash', (wasi) => wasi.rename('f', 'g/')],
      ['path_remove_directory', 'a file', (wasi) => wasi.call('path_remove_directory', 3, ...wasi.path('f'))],
    ],
    elsewhere: 'neither a path nor a directory in the call',
  },
  notcapable: {
    rows: [
      ...onFile
        .filter(([call]) => !['fd_close', 'fd_renumber', 'fd_fdstat_get'].includes(call))
        .map(([call, run]): Row => [call, 'without the right', (wasi) => run(wasi, wasi.open('f', { rights: 0n }))]),
      [
        'fd_readdir',
        'without the right',
        (wasi) => ON_DIRECTORY.fd_readdir?.(wasi, wasi.openDirectory('directory', { rights: 0n })) ?? 0,
      ],
      ...onPath.map(
        ([call, run]): Row => [
          call,
          'without the right',
          (wasi) => run(wasi, wasi.openDirectory('directory', { rights: 0n }), wasi.path('x')),
        ],
      ),
      ...everyPath('out of the directory', '../x'),
      ...everyPath('an absolute path', '/f'),
      ...everyPath('out by a link', 'toOutside/x'),
      ...onFile
        .filter(([call]) =>
          [
            'fd_read',
            'fd_write',
            'fd_seek',
            'fd_tell',
            'fd_pread',
            'fd_pwrite',
            'fd_allocate',
            'fd_advise',
            'fd_filestat_set_size',
          ].includes(call),
        )
        .map(([call, run]): Row => [call, 'a directory never has the right', (wasi) => run(wasi, 3)]),
      ['path_symlink', 'an absolute target', (wasi) => wasi.symlink('/f', 'new')],
      [
        'path_open',
        'to write, where that is not handed on',
        (wasi) => -wasi.open('x', { dir: wasi.openDirectory('directory', { inheriting: 2n }), oflags: OFLAG.create }),
      ],
    ],
    elsewhere: 'closing, renumbering and looking at rights need none; the rest takes no descriptor',
  },
  noent: {
    rows: [
      ...everyPath('an empty path', ''),
      ...everyPath('below what is not there', 'none/x'),
      ...everyPath('what is not there', 'none', ['path_create_directory', 'path_symlink']),
      ['path_symlink', 'to an empty target', (wasi) => wasi.symlink('', 'new')],
      ['path_symlink', 'as a name with a slash', (wasi) => wasi.symlink('f', 'new/')],
      [
        'path_link',
        'as a name with a slash',
        (wasi) => wasi.call('path_link', 3, 0, ...wasi.path('f'), 3, ...wasi.path('new/')),
      ],
      [
        'fd_readdir',
        'of a removed directory',
        (wasi) => {
          const fd = wasi.openDirectory('emptyDirectory');
          wasi.call('path_remove_directory', 3, ...wasi.path('emptyDirectory'));
          return ON_DIRECTORY.fd_readdir?.(wasi, fd) ?? 0;
        },
      ],
    ],
    elsewhere: 'a descriptor leads to something that is there',
  },
  exist: {
    rows: [
      ['path_create_directory', 'where a file is', (wasi) => wasi.mkdir('f')],
      ['path_create_directory', 'where a directory is', (wasi) => wasi.mkdir('directory/')],
      ['path_create_directory', 'as .', (wasi) => wasi.mkdir('.')],
      ['path_symlink', 'where a link is', (wasi) => wasi.symlink('f', 'toFile')],
      ['path_symlink', 'where a directory is', (wasi) => wasi.symlink('f', 'directory/')],
      ['path_link', 'where a file is', (wasi) => wasi.call('path_link', 3, 0, ...wasi.path('f'), 3, ...wasi.path('f'))],
      ['path_open', 'to make anew', (wasi) => -wasi.open('f', { oflags: OFLAG.create | OFLAG.exclusive })],
      [
        'path_open',
        'to make anew where a link dangles',
        (wasi) => -wasi.open('dangling', { oflags: OFLAG.create | OFLAG.exclusive }),
      ],
    ],
    elsewhere: 'only these make a name that must be free; renaming replaces',
  },
  isdir: {
    rows: [
      ['path_open', 'a directory to write', (wasi) => -wasi.open('directory')],
      ['path_open', 'a directory to cut', (wasi) => -wasi.open('directory', { oflags: OFLAG.truncate, rights: 0n })],
      ['path_open', 'a directory to make', (wasi) => -wasi.open('directory', { oflags: OFLAG.create, rights: 0n })],
      ['path_open', 'a new name with a slash', (wasi) => -wasi.open('new/', { oflags: OFLAG.create })],
      ['path_unlink_file', 'a directory', (wasi) => wasi.unlink('directory')],
      ['path_unlink_file', '.', (wasi) => wasi.unlink('.')],
      ['path_rename', 'a file over a directory', (wasi) => wasi.rename('f', 'directory')],
    ],
    elsewhere: 'what reads and writes finds that a directory lacks the right, first',
  },
  notempty: {
    rows: [
      [
        'path_remove_directory',
        'a directory with a file',
        (wasi) => wasi.call('path_remove_directory', 3, ...wasi.path('directory')),
      ],
      ['path_remove_directory', '..', (wasi) => wasi.call('path_remove_directory', 3, ...wasi.path('directory/..'))],
      ['path_rename', 'over a directory with a file', (wasi) => wasi.rename('emptyDirectory', 'directory')],
    ],
    elsewhere: 'nothing else removes a directory',
  },
  busy: {
    rows: [
      ['path_rename', '.', (wasi) => wasi.rename('.', 'new')],
      ['path_rename', 'to ..', (wasi) => wasi.rename('f', 'directory/..')],
    ],
    elsewhere: 'nothing is locked or mounted',
  },
  perm: {
    rows: [
      [
        'path_link',
        'a directory',
        (wasi) => wasi.call('path_link', 3, 0, ...wasi.path('directory'), 3, ...wasi.path('new')),
      ],
    ],
    elsewhere: 'there are no users; rights are notcapable',
  },
  loop: {
    rows: [
      ...everyPath('through a link to itself', 'loop/x'),
      ...everyPath('through two links to each other', 'ping/x'),
      [
        'path_filestat_get',
        'a link to itself, followed',
        (wasi) => ON_PATH.path_filestat_get?.(wasi, 3, wasi.path('loop')) ?? 0,
      ],
      ['path_open', 'a link, not followed', (wasi) => -wasi.open('toFile', { follow: false })],
    ],
    elsewhere: 'no path in the call',
  },
  nametoolong: {
    rows: [
      ...everyPath('a name of 256 bytes', 'x'.repeat(256)),
      ...everyPath('a name of 86 letters of three bytes', '€'.repeat(86)),
      ...onPath.map(([call, run]): Row => [call, 'a path of 128 KiB', (wasi) => run(wasi, 3, [65_536, 131_072])]),
      ['fd_prestat_dir_name', 'into no room', (wasi) => wasi.call('fd_prestat_dir_name', 3, 256, 0)],
      ['path_symlink', 'a target of 4096 bytes', (wasi) => wasi.symlink('x/'.repeat(2048), 'new')],
    ],
    elsewhere: 'no name in the call',
  },
  ilseq: { rows: everyPath('what is not UTF-8', Uint8Array.of(0x66, 0xff)), elsewhere: 'no text in the call' },
  inval: {
    rows: [
      ...everyPath('a NUL at the end', 'f\0'),
      ...everyPath('a NUL inside', 'directory\0/x'),
      [
        'path_filestat_get',
        'unknown lookup flags',
        (wasi) => wasi.call('path_filestat_get', 3, 2, ...wasi.path('f'), 256),
      ],
      [
        'path_filestat_set_times',
        'unknown lookup flags',
        (wasi) => wasi.call('path_filestat_set_times', 3, 2, ...wasi.path('f'), 0n, 0n, 0),
      ],
      [
        'path_filestat_set_times',
        'to a time and to now',
        (wasi) => wasi.call('path_filestat_set_times', 3, 0, ...wasi.path('f'), 0n, 0n, 3),
      ],
      [
        'path_link',
        'unknown lookup flags',
        (wasi) => wasi.call('path_link', 3, 2, ...wasi.path('f'), 3, ...wasi.path('new')),
      ],
      [
        'path_open',
        'unknown lookup flags',
        (wasi) => wasi.call('path_open', 3, 2, ...wasi.path('f'), 0, 0n, 0n, 0, 256),
      ],
      ['path_open', 'unknown oflags', (wasi) => -wasi.open('f', { oflags: 16 })],
      ['path_open', 'unknown fdflags', (wasi) => -wasi.open('f', { flags: 32 })],
      ['path_open', 'to make a directory', (wasi) => -wasi.open('new', { oflags: OFLAG.create | OFLAG.directory })],
      ['path_readlink', 'of a file', (wasi) => ON_PATH.path_readlink?.(wasi, 3, wasi.path('f')) ?? 0],
      ['path_remove_directory', '.', (wasi) => wasi.call('path_remove_directory', 3, ...wasi.path('directory/.'))],
      ['path_rename', 'a directory into itself', (wasi) => wasi.rename('directory', 'directory/below')],
      ['fd_advise', 'unknown advice', (wasi) => wasi.call('fd_advise', wasi.open('f'), 0n, 0n, 6)],
      ['fd_allocate', 'nothing', (wasi) => wasi.call('fd_allocate', wasi.open('f'), 0n, 0n)],
      ['fd_fdstat_set_flags', 'unknown flags', (wasi) => wasi.call('fd_fdstat_set_flags', wasi.open('f'), 32)],
      [
        'fd_filestat_set_times',
        'to a time and to now',
        (wasi) => wasi.call('fd_filestat_set_times', wasi.open('f'), 0n, 0n, 12),
      ],
      [
        'fd_filestat_set_times',
        'unknown flags',
        (wasi) => wasi.call('fd_filestat_set_times', wasi.open('f'), 0n, 0n, 16),
      ],
      ['fd_filestat_set_size', 'of a stream', (wasi) => wasi.call('fd_filestat_set_size', 1, 0n)],
      ['fd_seek', 'before the start', (wasi) => wasi.call('fd_seek', wasi.open('f'), -1n, 0, 256)],
      ['fd_seek', 'from nowhere', (wasi) => wasi.call('fd_seek', wasi.open('f'), 0n, 3, 256)],
      ...['fd_read', 'fd_write'].map(
        (call): Row => [call, '1 025 pieces', (wasi) => wasi.call(call, wasi.open('f'), 512, 1025, 256)],
      ),
      ...['fd_pread', 'fd_pwrite'].map(
        (call): Row => [call, '1 025 pieces', (wasi) => wasi.call(call, wasi.open('f'), 512, 1025, 0n, 256)],
      ),
      ...['fd_sync', 'fd_datasync'].map((call): Row => [call, 'of a stream', (wasi) => wasi.call(call, 1)]),
      ['proc_raise', 'an unknown signal', (wasi) => wasi.call('proc_raise', 31)],
    ],
    elsewhere: 'no argument that could mean nothing; clocks and poll_oneoff have tests of their own',
  },
  spipe: {
    rows: onFile
      .filter(([call]) => ['fd_seek', 'fd_tell', 'fd_pread', 'fd_pwrite', 'fd_advise', 'fd_allocate'].includes(call))
      .map(([call, run]): Row => [call, 'in a stream', (wasi) => run(wasi, 1)]),
    elsewhere: 'no place in a file in the call',
  },
  overflow: {
    rows: [['fd_seek', 'past 2^53', (wasi) => wasi.call('fd_seek', wasi.open('f'), 1n << 62n, 0, 256)]],
    elsewhere: 'no other result can pass its type',
  },
  fbig: {
    rows: [
      ['fd_allocate', 'past the limit', (wasi) => wasi.call('fd_allocate', wasi.open('f'), HUGE, 1n)],
      ['fd_allocate', 'past 2^64', (wasi) => wasi.call('fd_allocate', wasi.open('f'), -1n, -1n)],
      [
        'fd_filestat_set_size',
        'past the limit',
        (wasi) => wasi.call('fd_filestat_set_size', wasi.open('f'), TOO_LARGE),
      ],
      ['fd_filestat_set_size', 'to 2^64 − 1', (wasi) => wasi.call('fd_filestat_set_size', wasi.open('f'), -1n)],
      ['fd_pwrite', 'past the limit', (wasi) => pwrite(wasi, wasi.open('f'), 1, HUGE)],
      ['fd_pwrite', 'at 2^64 − 1', (wasi) => pwrite(wasi, wasi.open('f'), 1, -1n)],
      [
        'fd_write',
        'past the limit',
        (wasi) => {
          const fd = wasi.open('f');
          wasi.call('fd_seek', fd, HUGE, 0, 256);
          return wasi.writeFd(fd, 'x');
        },
      ],
    ],
    elsewhere: 'nothing else makes a file larger',
  },
  nospc: {
    rows: [
      ['fd_allocate', 'with the quota used', (wasi) => wasi.call('fd_allocate', full(wasi), 0n, 11n)],
      ['fd_filestat_set_size', 'with the quota used', (wasi) => wasi.call('fd_filestat_set_size', full(wasi), 11n)],
      ['fd_pwrite', 'with the quota used', (wasi) => pwrite(wasi, full(wasi), 11, 0n)],
      ['fd_write', 'with the quota used', (wasi) => wasi.writeFd(full(wasi), 'eleven byte')],
      ...(['path_create_directory', 'path_symlink', 'path_link'] as const).map(
        (call): Row => [
          call,
          'with no name left',
          (wasi) => withoutRoom(() => ON_PATH[call]?.(wasi, 3, wasi.path(call === 'path_link' ? 'f' : 'new')) ?? 0),
        ],
      ),
      [
        'path_open',
        'with no name left',
        (wasi) => {
          let errno = 0;
          for (let index = 0; errno === 0 && index <= 10_000; index++) errno = wasi.mkdir(`directory/${index}`);
          assert.equal(errno, ERRNO.nospc);
          return -wasi.open('new', { oflags: OFLAG.create });
        },
      ],
    ],
    elsewhere: 'nothing else takes room',
  },
  mfile: {
    rows: [
      [
        'path_open',
        'for the 1 025th time',
        (wasi) => {
          for (let fd = 0; fd >= 0; ) {
            fd = wasi.open('f', { rights: 0n });
            if (fd < 0) return -fd;
          }
          return 0;
        },
      ],
    ],
    elsewhere: 'nothing else opens',
  },
  nfile: {
    rows: [['path_open', 'with too many open in the thread', (wasi) => withoutRoom(() => -wasi.open('f'))]],
    elsewhere: 'nothing else opens',
  },
  notsock: {
    rows: Object.entries(ON_SOCKET).map(([call, run]): Row => [call, 'on a stream', (wasi) => run(wasi, 1)]),
    elsewhere: 'not about sockets',
  },
  notsup: {
    rows: [['proc_raise', 'a signal', (wasi) => wasi.call('proc_raise', 9)]],
    elsewhere: 'everything else is done',
  },
  fault: {
    rows: [
      ...onPath.map(([call, run]): Row => [call, 'a path outside memory', (wasi) => run(wasi, 3, [WILD, 10])]),
      ['fd_fdstat_get', 'result outside memory', (wasi) => wasi.call('fd_fdstat_get', 1, WILD)],
      ['fd_filestat_get', 'result outside memory', (wasi) => wasi.call('fd_filestat_get', 3, WILD)],
      ['fd_prestat_get', 'result outside memory', (wasi) => wasi.call('fd_prestat_get', 3, WILD)],
      ['fd_prestat_dir_name', 'result outside memory', (wasi) => wasi.call('fd_prestat_dir_name', 3, WILD, 1)],
      ['fd_readdir', 'buffer outside memory', (wasi) => wasi.call('fd_readdir', 3, WILD, 512, 0n, 256)],
      ['fd_readdir', 'result outside memory', (wasi) => wasi.call('fd_readdir', 3, 512, 512, 0n, WILD)],
      ['fd_seek', 'result outside memory', (wasi) => wasi.call('fd_seek', wasi.open('f'), 1n, 0, WILD)],
      ['fd_tell', 'result outside memory', (wasi) => wasi.call('fd_tell', wasi.open('f'), WILD)],
      ...['fd_read', 'fd_write'].flatMap((call): Row[] => [
        [call, 'pieces outside memory', (wasi) => wasi.call(call, wasi.open('f'), WILD, 1, 256)],
        [call, 'result outside memory', (wasi) => wasi.call(call, wasi.open('f'), 512, 0, WILD)],
      ]),
      ...['fd_pread', 'fd_pwrite'].flatMap((call): Row[] => [
        [call, 'pieces outside memory', (wasi) => wasi.call(call, wasi.open('f'), WILD, 1, 0n, 256)],
        [call, 'result outside memory', (wasi) => wasi.call(call, wasi.open('f'), 512, 0, 0n, WILD)],
      ]),
      [
        'path_filestat_get',
        'result outside memory',
        (wasi) => wasi.call('path_filestat_get', 3, 0, ...wasi.path('f'), WILD),
      ],
      [
        'path_open',
        'result outside memory',
        (wasi) => wasi.call('path_open', 3, 0, ...wasi.path('f'), 0, 0n, 0n, 0, WILD),
      ],
      [
        'path_readlink',
        'buffer outside memory',
        (wasi) => wasi.call('path_readlink', 3, ...wasi.path('toFile'), WILD, 9, 256),
      ],
      [
        'path_readlink',
        'result outside memory',
        (wasi) => wasi.call('path_readlink', 3, ...wasi.path('toFile'), 256, 9, WILD),
      ],
      ['path_symlink', 'target outside memory', (wasi) => wasi.call('path_symlink', WILD, 3, 3, ...wasi.path('new'))],
    ],
    elsewhere: 'no pointer in the call, or none that is ever used (sock_*)',
  },
};

export const FILES = [seed('f', 'content'), seed('directory/file'), seed('emptyDirectory/')];

/** The links beside `FILES`. */
export function makeLinks(wasi: WasiGuest): void {
  for (const [target, name] of [
    ['f', 'toFile'],
    ['none', 'dangling'],
    ['../outside', 'toOutside'],
    ['loop', 'loop'],
    ['pong', 'ping'],
    ['ping', 'pong'],
  ] as const) {
    assert.equal(wasi.symlink(target, name), ERRNO.success);
  }
}
