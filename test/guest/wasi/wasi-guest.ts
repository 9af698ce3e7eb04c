import type { TestContext } from 'node:test';
import type { SeedFile } from '../../../runtime/core/execution.ts';
import type { Host, HostModule } from '../../../runtime/guest/host.ts';
import { type GuestMemory, MemoryFault } from '../../../runtime/guest/memory.ts';
import { Descriptors } from '../../../runtime/guest/wasi/descriptors.ts';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { createFd } from '../../../runtime/guest/wasi/fd.ts';
import { createFdStat } from '../../../runtime/guest/wasi/fd-stat.ts';
import { type Layout, PREVIEW1 } from '../../../runtime/guest/wasi/layout.ts';
import { createPath } from '../../../runtime/guest/wasi/path.ts';
import { createPathOpen } from '../../../runtime/guest/wasi/path-open.ts';
import { createPoll } from '../../../runtime/guest/wasi/poll.ts';
import { createProc } from '../../../runtime/guest/wasi/proc.ts';
import { createReaddir } from '../../../runtime/guest/wasi/readdir.ts';
import { createSock } from '../../../runtime/guest/wasi/sock.ts';
import { createGuest } from '../blockless/guest.ts';

export const OFLAG = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
const ALL_RIGHTS = (1n << 30n) - 1n;
/** Everything but writing: what a directory is opened with. */
const NO_WRITE = ALL_RIGHTS & ~(1n << 6n);
/** Where results of calls are written. */
const OUT = 64;

export interface OpenOptions {
  readonly dir?: number;
  readonly oflags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly flags?: number;
  readonly follow?: boolean;
}

export interface WasiGuest {
  readonly host: Host;
  readonly memory: GuestMemory;
  /** Calls a WASI function by name with raw values; a fault is an errno, as for a guest. */
  call(name: string, ...args: (number | bigint)[]): number;
  poll(...args: number[]): Promise<number>;
  /** Writes a path or text into memory; pointer and length, to be spread into a call. */
  path(text: string | Uint8Array): [pointer: number, length: number];
  /** Opens; minus an errno when refused. */
  open(path: string, options?: OpenOptions): number;
  openDirectory(path: string, options?: OpenOptions): number;
  mkdir(path: string, dir?: number): number;
  symlink(target: string, path: string, dir?: number): number;
  rename(from: string, to: string, fromDir?: number, toDir?: number): number;
  unlink(path: string, dir?: number): number;
  /** Makes a file with this text. */
  write(path: string, text: string, dir?: number): number;
  /** Text of a file; minus an errno when refused. */
  read(path: string, options?: OpenOptions): string | number;
  /** Text read on a descriptor from where it is; minus an errno. */
  readFd(fd: number): string | number;
  writeFd(fd: number, text: string): number;
  list(fd: number): string[];
  size(fd: number): bigint;
  result(): number;
  result64(): bigint;
  end(): void;
}

export interface WasiInit {
  readonly files?: readonly SeedFile[] | null;
  readonly stdin?: Uint8Array;
  readonly layout?: Layout;
}

/** The WASI calls of one execution over a real linear memory, without a module. */
export function createWasi(t: TestContext, init: WasiInit = {}): WasiGuest {
  const guest = createGuest(t, { stdin: init.stdin ?? new Uint8Array(0) });
  const host: Host = {
    ...guest.host,
    context: { ...guest.host.context, files: init.files ?? (init.files === null ? null : []) },
  };
  const descriptors = new Descriptors(host);
  const { memory } = guest;
  const layout = init.layout ?? PREVIEW1;
  const modules: HostModule[] = [
    createFd(host, descriptors, layout),
    createFdStat(host, descriptors, layout),
    createReaddir(host, descriptors),
    createPath(host, descriptors, layout),
    createPathOpen(host, descriptors),
    createPoll(host, descriptors, layout),
    createSock(host, descriptors),
    createProc(host),
  ];
  const handlers = Object.assign({}, ...modules.map((module) => module.calls)) as Record<
    string,
    (...args: (number | bigint)[]) => number | Promise<number>
  >;
  const invoke = (name: string, args: (number | bigint)[]): number | Promise<number> => {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`no call ${name}`);
    try {
      return handler(...args);
    } catch (error) {
      if (error instanceof MemoryFault) return ERRNO.fault;
      throw error;
    }
  };
  const call = (name: string, ...args: (number | bigint)[]): number => {
    const result = invoke(name, args);
    if (typeof result !== 'number') throw new Error(`${name} parks`);
    return result;
  };
  // Paths go to one place, over and over; a call with two paths has them side by side.
  let next = 4096;
  const path = (text: string | Uint8Array): [number, number] => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    if (next + bytes.length > 65_536) next = 4096;
    memory.write(next, bytes);
    next += bytes.length;
    return [next - bytes.length, bytes.length];
  };
  const iovec = (length: number): void => {
    memory.setU32(128, 131_072);
    memory.setU32(132, length);
  };
  const open = (name: string, options: OpenOptions = {}): number => {
    const { dir = 3, oflags = 0, rights = ALL_RIGHTS, inheriting = ALL_RIGHTS, flags = 0, follow = true } = options;
    const errno = call('path_open', dir, follow ? 1 : 0, ...path(name), oflags, rights, inheriting, flags, OUT);
    return errno === 0 ? memory.getU32(OUT) : -errno;
  };
  const readFd = (fd: number): string | number => {
    iovec(65_536);
    const errno = call('fd_read', fd, 128, 1, OUT);
    return errno === 0 ? Buffer.from(memory.bytes(131_072, memory.getU32(OUT))).toString() : -errno;
  };
  const writeFd = (fd: number, text: string): number => {
    const bytes = Buffer.from(text);
    memory.write(131_072, bytes);
    iovec(bytes.length);
    return call('fd_write', fd, 128, 1, OUT);
  };
  return {
    host,
    memory,
    call,
    poll: async (...args) => invoke('poll_oneoff', args),
    path,
    open,
    openDirectory: (name, options) => open(name, { rights: NO_WRITE, oflags: OFLAG.directory, ...options }),
    mkdir: (name, dir = 3) => call('path_create_directory', dir, ...path(name)),
    symlink: (target, name, dir = 3) => call('path_symlink', ...path(target), dir, ...path(name)),
    rename: (from, to, fromDir = 3, toDir = 3) => call('path_rename', fromDir, ...path(from), toDir, ...path(to)),
    unlink: (name, dir = 3) => call('path_unlink_file', dir, ...path(name)),
    write(name, text, dir = 3) {
      const fd = open(name, { dir, oflags: OFLAG.create | OFLAG.truncate });
      if (fd < 0) return -fd;
      const errno = writeFd(fd, text);
      call('fd_close', fd);
      return errno;
    },
    read(name, options) {
      const fd = open(name, options);
      if (fd < 0) return fd;
      const text = readFd(fd);
      call('fd_close', fd);
      return text;
    },
    readFd,
    writeFd,
    list(fd) {
      const errno = call('fd_readdir', fd, 131_072, 65_536, 0n, OUT);
      if (errno !== 0) throw new Error(`errno ${errno}`);
      const names: string[] = [];
      const end = 131_072 + memory.getU32(OUT);
      for (let at = 131_072; at < end; ) {
        const length = memory.getU32(at + 16);
        names.push(memory.text(at + 24, length));
        at += 24 + length;
      }
      return names;
    },
    size(fd) {
      const errno = call('fd_filestat_get', fd, 256);
      if (errno !== 0) throw new Error(`errno ${errno}`);
      return memory.getU64(256 + layout.filestat.size);
    },
    result: () => memory.getU32(OUT),
    result64: () => memory.getU64(OUT),
    end: () => guest.end(),
  };
}

/** A file to start with. */
export function seed(path: string, text = ''): SeedFile {
  return { path, bytes: new TextEncoder().encode(text) };
}
