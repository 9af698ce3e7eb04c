import type { Host, HostModule } from '../host.ts';
import type { GuestMemory } from '../memory.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import { setTimes } from './fstflags.ts';
import { LinkInode } from './inode.ts';
import { type Layout, PREVIEW1, writeFilestat } from './layout.ts';
import { RIGHT } from './rights.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const UTF8_OUT = new TextEncoder();
/** Bytes of a path, as Linux has it with its NUL. */
const MAX_PATH = 4_095;
/** The one lookup flag there is: follow a symbolic link as the last name. */
export const LOOKUP_FOLLOW = 1;

/**
 * A path out of guest memory.
 * @returns an errno for one that is too long (nametoolong), not UTF-8 (ilseq) or holds a NUL (inval)
 */
export function readPath(memory: GuestMemory, pointer: number, length: number): string | number {
  const bytes = memory.bytes(pointer, length);
  if (bytes.length > MAX_PATH) return ERRNO.nametoolong;
  if (bytes.includes(0)) return ERRNO.inval;
  try {
    return UTF8.decode(bytes);
  } catch {
    return ERRNO.ilseq;
  }
}

/**
 * Names below a directory that is open. Every path is two values, pointer and length, and may not leave the directory.
 *
 * `path_create_directory(fd, path)`, `path_filestat_get(fd, lookup, path, *filestat)`,
 * `path_filestat_set_times(fd, lookup, path, atim u64, mtim u64, fstflags)`,
 * `path_link(fd, lookup, path, new_fd, new_path)`, `path_readlink(fd, path, buffer, length, *used u32)` (cut off where
 * the buffer ends), `path_remove_directory(fd, path)`, `path_rename(fd, path, new_fd, new_path)`,
 * `path_symlink(target, fd, path)`, `path_unlink_file(fd, path)`.
 *
 * Errnos: badf, notdir, notcapable (no right; a path that leaves the directory, or is absolute), noent, exist, isdir,
 * notempty, busy (renaming `.` or `..`), inval, loop, nametoolong, ilseq, perm (a hard link to a directory), nospc, fault.
 */
export function createPath(host: Host, descriptors: Descriptors, layout: Layout = PREVIEW1): HostModule {
  const { memory } = host;

  /** A directory that has these rights, and a path; or an errno. */
  function at(fd: number, rights: number, pointer: number, length: number) {
    const directory = descriptors.directory(fd, rights);
    if (typeof directory === 'number') return directory;
    const path = readPath(memory, pointer, length);
    return typeof path === 'number' ? path : { base: directory.node, path };
  }

  function find(fd: number, right: number, lookup: number, pointer: number, length: number) {
    const from = at(fd, right, pointer, length);
    if (typeof from === 'number') return from;
    if ((lookup & ~LOOKUP_FOLLOW) !== 0) return ERRNO.inval;
    return descriptors.fs.find(from.base, from.path, lookup === LOOKUP_FOLLOW);
  }

  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      path_create_directory: (fd: number, path: number, length: number) => {
        const to = at(fd, RIGHT.pathCreateDirectory, path, length);
        return typeof to === 'number' ? to : descriptors.fs.makeDirectory(to.base, to.path);
      },
      path_filestat_get: (fd: number, lookup: number, path: number, length: number, out: number) => {
        const node = find(fd, RIGHT.pathFilestatGet, lookup, path, length);
        if (typeof node === 'number') return node;
        writeFilestat(memory, out, node, layout);
        return ERRNO.success;
      },
      path_filestat_set_times: (
        fd: number,
        lookup: number,
        path: number,
        length: number,
        atim: bigint,
        mtim: bigint,
        flags: number,
      ) => {
        const node = find(fd, RIGHT.pathFilestatSetTimes, lookup, path, length);
        return typeof node === 'number' ? node : setTimes(node, { atim, mtim, flags }, descriptors.fs.now);
      },
      path_link: (
        fd: number,
        lookup: number,
        path: number,
        length: number,
        newFd: number,
        newPath: number,
        newLength: number,
      ) => {
        const from = at(fd, RIGHT.pathLinkSource, path, length);
        if (typeof from === 'number') return from;
        const to = at(newFd, RIGHT.pathLinkTarget, newPath, newLength);
        if (typeof to === 'number') return to;
        if ((lookup & ~LOOKUP_FOLLOW) !== 0) return ERRNO.inval;
        return descriptors.fs.link({ ...from, follow: lookup === LOOKUP_FOLLOW }, to.base, to.path);
      },
      path_readlink: (fd: number, path: number, length: number, buffer: number, size: number, out: number) => {
        const from = at(fd, RIGHT.pathReadlink, path, length);
        if (typeof from === 'number') return from;
        const node = descriptors.fs.find(from.base, from.path, false);
        if (typeof node === 'number') return node;
        if (!(node instanceof LinkInode)) return ERRNO.inval;
        const target = memory.bytes(buffer, size);
        memory.setU32(out, 0);
        const { written } = cut(UTF8_OUT.encode(node.target), target);
        memory.setU32(out, written);
        return ERRNO.success;
      },
      path_remove_directory: (fd: number, path: number, length: number) => {
        const to = at(fd, RIGHT.pathRemoveDirectory, path, length);
        return typeof to === 'number' ? to : descriptors.fs.removeDirectory(to.base, to.path);
      },
      path_rename: (fd: number, path: number, length: number, newFd: number, newPath: number, newLength: number) => {
        const from = at(fd, RIGHT.pathRenameSource, path, length);
        if (typeof from === 'number') return from;
        const to = at(newFd, RIGHT.pathRenameTarget, newPath, newLength);
        return typeof to === 'number' ? to : descriptors.fs.rename(from, to.base, to.path);
      },
      path_symlink: (target: number, targetLength: number, fd: number, path: number, length: number) => {
        const to = at(fd, RIGHT.pathSymlink, path, length);
        if (typeof to === 'number') return to;
        const text = readPath(memory, target, targetLength);
        return typeof text === 'number' ? text : descriptors.fs.makeLink(text, to.base, to.path);
      },
      path_unlink_file: (fd: number, path: number, length: number) => {
        const to = at(fd, RIGHT.pathUnlinkFile, path, length);
        return typeof to === 'number' ? to : descriptors.fs.unlink(to.base, to.path);
      },
    },
  };
}

function cut(from: Uint8Array, into: Uint8Array): { written: number } {
  const piece = from.subarray(0, into.length);
  into.set(piece);
  return { written: piece.length };
}
