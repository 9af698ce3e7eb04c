import type { WasiGuest } from './wasi-guest.ts';

type Path = [pointer: number, length: number];

/** Calls that need a descriptor, made as a well-behaved program would. Results go to 256 and above. */
export const ON_FILE: Readonly<Record<string, (wasi: WasiGuest, fd: number) => number>> = {
  fd_advise: (wasi, fd) => wasi.call('fd_advise', fd, 0n, 1n, 0),
  fd_allocate: (wasi, fd) => wasi.call('fd_allocate', fd, 0n, 1n),
  fd_datasync: (wasi, fd) => wasi.call('fd_datasync', fd),
  fd_fdstat_get: (wasi, fd) => wasi.call('fd_fdstat_get', fd, 256),
  fd_fdstat_set_flags: (wasi, fd) => wasi.call('fd_fdstat_set_flags', fd, 1),
  fd_fdstat_set_rights: (wasi, fd) => wasi.call('fd_fdstat_set_rights', fd, 2n, 0n),
  fd_filestat_get: (wasi, fd) => wasi.call('fd_filestat_get', fd, 256),
  fd_filestat_set_size: (wasi, fd) => wasi.call('fd_filestat_set_size', fd, 3n),
  fd_filestat_set_times: (wasi, fd) => wasi.call('fd_filestat_set_times', fd, 1n, 2n, 5),
  fd_pread: (wasi, fd) => wasi.call('fd_pread', fd, 512, 0, 0n, 256),
  fd_pwrite: (wasi, fd) => wasi.call('fd_pwrite', fd, 512, 0, 0n, 256),
  fd_read: (wasi, fd) => wasi.call('fd_read', fd, 512, 0, 256),
  fd_seek: (wasi, fd) => wasi.call('fd_seek', fd, 1n, 0, 256),
  fd_sync: (wasi, fd) => wasi.call('fd_sync', fd),
  fd_tell: (wasi, fd) => wasi.call('fd_tell', fd, 256),
  fd_write: (wasi, fd) => wasi.call('fd_write', fd, 512, 0, 256),
  fd_close: (wasi, fd) => wasi.call('fd_close', fd),
  fd_renumber: (wasi, fd) => wasi.call('fd_renumber', fd, 0),
};

export const ON_DIRECTORY: Readonly<Record<string, (wasi: WasiGuest, fd: number) => number>> = {
  fd_readdir: (wasi, fd) => wasi.call('fd_readdir', fd, 512, 512, 0n, 256),
};

export const ON_PREOPEN: Readonly<Record<string, (wasi: WasiGuest, fd: number) => number>> = {
  fd_prestat_get: (wasi, fd) => wasi.call('fd_prestat_get', fd, 256),
  fd_prestat_dir_name: (wasi, fd) => wasi.call('fd_prestat_dir_name', fd, 256, 1),
};

export const ON_SOCKET: Readonly<Record<string, (wasi: WasiGuest, fd: number) => number>> = {
  sock_accept: (wasi, fd) => wasi.call('sock_accept', fd, 0, 256),
  sock_recv: (wasi, fd) => wasi.call('sock_recv', fd, 512, 0, 0, 256, 260),
  sock_send: (wasi, fd) => wasi.call('sock_send', fd, 512, 0, 0, 256),
  sock_shutdown: (wasi, fd) => wasi.call('sock_shutdown', fd, 0),
};

/**
 * Calls that name something below a directory. Each leaves what it is given alone but for what it does; paths that lead
 * nowhere new are made by `readyPath`.
 */
export const ON_PATH: Readonly<Record<string, (wasi: WasiGuest, fd: number, path: Path) => number>> = {
  path_create_directory: (wasi, fd, path) => wasi.call('path_create_directory', fd, ...path),
  path_filestat_get: (wasi, fd, path) => wasi.call('path_filestat_get', fd, 1, ...path, 256),
  path_filestat_set_times: (wasi, fd, path) => wasi.call('path_filestat_set_times', fd, 1, ...path, 1n, 2n, 5),
  path_link: (wasi, fd, path) => wasi.call('path_link', fd, 1, ...path, 3, ...wasi.path('linked')),
  path_open: (wasi, fd, path) => wasi.call('path_open', fd, 1, ...path, 0, 0n, 0n, 0, 256),
  path_readlink: (wasi, fd, path) => wasi.call('path_readlink', fd, ...path, 256, 16, 300),
  path_remove_directory: (wasi, fd, path) => wasi.call('path_remove_directory', fd, ...path),
  path_rename: (wasi, fd, path) => wasi.call('path_rename', fd, ...path, 3, ...wasi.path('renamed')),
  path_symlink: (wasi, fd, path) => wasi.call('path_symlink', ...wasi.path('f'), fd, ...path),
  path_unlink_file: (wasi, fd, path) => wasi.call('path_unlink_file', fd, ...path),
};

/** A path below / with which the call succeeds; the tree is that of `errno-table.ts`. */
export function readyPath(name: string): string {
  if (name === 'path_create_directory' || name === 'path_symlink') return 'new';
  if (name === 'path_readlink') return 'toFile';
  return name === 'path_remove_directory' ? 'emptyDirectory' : 'f';
}
