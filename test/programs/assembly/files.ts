// Files by preview 1, as a program would wrap them: the SDK has none. Every path lies under descriptor 3, the first directory that is given.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(directory: i32, lookup: i32, path: usize, length: usize, oflags: i32, rights: i64, inheriting: i64, flags: i32, fd: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_create_directory")
declare function path_create_directory(directory: i32, path: usize, length: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_remove_directory")
declare function path_remove_directory(directory: i32, path: usize, length: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_unlink_file")
declare function path_unlink_file(directory: i32, path: usize, length: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_rename")
declare function path_rename(from: i32, old: usize, oldLength: usize, to: i32, path: usize, length: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_filestat_get")
declare function path_filestat_get(directory: i32, lookup: i32, path: usize, length: usize, stat: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_readdir")
declare function fd_readdir(fd: i32, buffer: usize, length: usize, cookie: i64, used: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_seek")
declare function fd_seek(fd: i32, offset: i64, whence: i32, position: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, iovs: usize, count: usize, read: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovs: usize, count: usize, written: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "poll_oneoff")
declare function poll_oneoff(subscriptions: usize, events: usize, count: usize, answered: usize): i32;

const ROOT: i32 = 3;
const CREATE: i32 = 1;
const TRUNCATE: i32 = 8;
const APPEND: i32 = 1;
const SEEK_END: i32 = 2;
const READ_RIGHTS: i64 = 1 << 1 | 1 << 2 | 1 << 14 | 1 << 21;
const WRITE_RIGHTS: i64 = 1 << 6;
const scratch = memory.data(256, 8);

/** The errno of the last call that failed. */
export let errno: i32 = 0;

function openAt(path: string, oflags: i32, rights: i64, flags: i32): i32 {
  const name = String.UTF8.encode(path);
  errno = path_open(ROOT, 1, changetype<usize>(name), name.byteLength, oflags, rights, rights, flags, scratch);
  return errno == 0 ? load<i32>(scratch) : -1;
}

/** The bytes of a file from an offset on, counted from its end when negative; `null`: see `errno`. */
export function read(path: string, from: i64 = 0): string | null {
  const fd = openAt(path, 0, READ_RIGHTS, 0);
  if (fd < 0) return null;
  if (from < 0) fd_seek(fd, from, SEEK_END, scratch);
  const buffer = new ArrayBuffer(4096);
  store<usize>(scratch, changetype<usize>(buffer));
  store<u32>(scratch, buffer.byteLength, 4);
  errno = fd_read(fd, scratch, 1, scratch + 8);
  fd_close(fd);
  return String.UTF8.decode(buffer.slice(0, load<i32>(scratch, 8)));
}

export function write(path: string, text: string, append: bool = false): void {
  const fd = openAt(path, append ? CREATE : CREATE | TRUNCATE, WRITE_RIGHTS, append ? APPEND : 0);
  const bytes = String.UTF8.encode(text);
  store<usize>(scratch, changetype<usize>(bytes));
  store<u32>(scratch, bytes.byteLength, 4);
  errno = fd_write(fd, scratch, 1, scratch + 8);
  fd_close(fd);
}

export function makeDirectory(path: string): void {
  const name = String.UTF8.encode(path);
  errno = path_create_directory(ROOT, changetype<usize>(name), name.byteLength);
}

export function removeDirectory(path: string): void {
  const name = String.UTF8.encode(path);
  errno = path_remove_directory(ROOT, changetype<usize>(name), name.byteLength);
}

export function remove(path: string): void {
  const name = String.UTF8.encode(path);
  errno = path_unlink_file(ROOT, changetype<usize>(name), name.byteLength);
}

export function rename(from: string, to: string): void {
  const old = String.UTF8.encode(from);
  const name = String.UTF8.encode(to);
  errno = path_rename(ROOT, changetype<usize>(old), old.byteLength, ROOT, changetype<usize>(name), name.byteLength);
}

export function size(path: string): i64 {
  const name = String.UTF8.encode(path);
  errno = path_filestat_get(ROOT, 1, changetype<usize>(name), name.byteLength, scratch);
  return load<i64>(scratch, 32);
}

/** Names in a directory, sorted. */
export function list(path: string): string[] {
  const fd = openAt(path, 2, READ_RIGHTS, 0);
  const buffer = new ArrayBuffer(4096);
  const start = changetype<usize>(buffer);
  errno = fd_readdir(fd, start, buffer.byteLength, 0, scratch);
  fd_close(fd);
  const names: string[] = [];
  for (let at: usize = 0, end = load<u32>(scratch); at < end; ) {
    const length = load<u32>(start + at, 16);
    const name = String.UTF8.decodeUnsafe(start + at + 24, length);
    if (name != "." && name != "..") names.push(name);
    at += 24 + length;
  }
  return names.sort();
}

/** Waits by `poll_oneoff` on the monotonic clock. */
export function sleep(ms: i64): void {
  memory.fill(scratch, 0, 48);
  store<u32>(scratch, 1, 16);
  store<u64>(scratch, ms * 1000000, 24);
  errno = poll_oneoff(scratch, scratch + 64, 1, scratch + 128);
}
