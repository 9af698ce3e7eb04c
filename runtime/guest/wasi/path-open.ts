import type { Host, HostModule } from '../host.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import { DirectoryInode } from './inode.ts';
import { LOOKUP_FOLLOW, readPath } from './path.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT, toRights } from './rights.ts';

const OFLAG = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
const ALL_OFLAGS = 15;
const ALL_FDFLAGS = 31;

/**
 * `path_open(fd, lookup, path, path_len, oflags, rights u64, rights_inheriting u64, fdflags, *fd u32)`: opens, or makes, a
 * file or opens a directory. What it may do is what was asked for, as far as the directory hands it on and the kind of
 * file has it; reading or writing that the directory does not hand on is an error at once.
 *
 * Errnos: badf, notdir, notcapable, noent, exist, isdir (writing to a directory), inval, loop, nametoolong, ilseq, nospc,
 * mfile (1 024 open), nfile (too many open in this thread), fault.
 */
export function createPathOpen(host: Host, descriptors: Descriptors): HostModule {
  const { memory } = host;

  function pathOpen(
    fd: number,
    lookup: number,
    pointer: number,
    length: number,
    oflags: number,
    base: bigint,
    inheriting: bigint,
    flags: number,
    out: number,
  ): number {
    const create = (oflags & OFLAG.create) !== 0;
    const truncate = (oflags & OFLAG.truncate) !== 0;
    const needed = RIGHT.pathOpen | (create ? RIGHT.pathCreateFile : 0) | (truncate ? RIGHT.pathFilestatSetSize : 0);
    const directory = descriptors.directory(fd, needed);
    if (typeof directory === 'number') return directory;
    const path = readPath(memory, pointer, length);
    if (typeof path === 'number') return path;
    if ((oflags & ~ALL_OFLAGS) !== 0 || (flags & ~ALL_FDFLAGS) !== 0) return ERRNO.inval;
    if ((lookup & ~LOOKUP_FOLLOW) !== 0) return ERRNO.inval;
    const asked = toRights(base);
    if ((asked & (RIGHT.fdRead | RIGHT.fdWrite) & ~directory.inheriting) !== 0) return ERRNO.notcapable;
    // Before anything is made: a descriptor that cannot be handed over must not leave a file behind.
    memory.setU32(out, 0);
    const room = descriptors.room();
    if (room !== ERRNO.success) return room;
    const node = descriptors.fs.open(directory.node, path, {
      follow: lookup === LOOKUP_FOLLOW,
      create,
      exclusive: (oflags & OFLAG.exclusive) !== 0,
      truncate,
      directory: (oflags & OFLAG.directory) !== 0,
    });
    if (typeof node === 'number') return node;
    const rights = asked & directory.inheriting;
    if (node instanceof DirectoryInode) {
      if ((asked & RIGHT.fdWrite) !== 0) return ERRNO.isdir;
      const handedOn = toRights(inheriting) & directory.inheriting;
      const opened = { kind: 'directory', node, preopen: null, flags, position: 0 } as const;
      memory.setU32(out, descriptors.open({ ...opened, rights: rights & DIRECTORY_RIGHTS, inheriting: handedOn }));
    } else {
      const opened = { kind: 'file', node, flags, position: 0 } as const;
      memory.setU32(out, descriptors.open({ ...opened, rights: rights & FILE_RIGHTS, inheriting: 0 }));
    }
    return ERRNO.success;
  }

  return { faultErrno: ERRNO.fault, internalErrno: ERRNO.io, calls: { path_open: pathOpen } };
}
