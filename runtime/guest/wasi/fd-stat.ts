import type { Host, HostModule } from '../host.ts';
import { type Descriptors, isStream } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import { setTimes } from './fstflags.ts';
import { FILETYPE } from './inode.ts';
import { type Layout, PREVIEW1, writeFilestat } from './layout.ts';
import { RIGHT } from './rights.ts';

const ALL_FDFLAGS = 31;
/** `advice`: normal, sequential, random, willneed, dontneed, noreuse. */
const LAST_ADVICE = 5;

/**
 * What is known of a descriptor and of the file behind it.
 *
 * `fd_fdstat_get(fd, *fdstat)`, `fd_fdstat_set_flags(fd, flags)`, `fd_fdstat_set_rights(fd, base u64, inheriting u64)`
 * (fewer only), `fd_filestat_get(fd, *filestat)`, `fd_filestat_set_size(fd, size u64)`,
 * `fd_filestat_set_times(fd, atim u64, mtim u64, fstflags)`, `fd_allocate(fd, offset u64, length u64)`,
 * `fd_advise(fd, offset u64, length u64, advice)`, `fd_sync(fd)`, `fd_datasync(fd)`.
 *
 *     fdstat (24 bytes): filetype u8 | flags u16, +2 | rights u64, +8 | rights inheriting u64, +16
 *
 * Errnos: badf, notcapable, inval, spipe (a stream has no places in it), fbig, nospc, fault.
 */
export function createFdStat(host: Host, descriptors: Descriptors, layout: Layout = PREVIEW1): HostModule {
  const { memory } = host;

  function sync(fd: number, right: number): number {
    const file = descriptors.get(fd);
    if (file === undefined) return ERRNO.badf;
    if (isStream(file)) return ERRNO.inval;
    return (file.rights & right) === 0 ? ERRNO.notcapable : ERRNO.success;
  }

  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      fd_fdstat_get: (fd: number, out: number) => {
        const descriptor = descriptors.get(fd);
        if (descriptor === undefined) return ERRNO.badf;
        memory.bytes(out, 24).fill(0);
        const at = out >>> 0;
        memory.setU8(at, isStream(descriptor) ? FILETYPE.unknown : descriptor.node.type);
        memory.setU16(at + 2, descriptor.flags);
        memory.setU64(at + 8, BigInt(descriptor.rights));
        memory.setU64(at + 16, BigInt(descriptor.inheriting));
        return ERRNO.success;
      },
      fd_fdstat_set_flags: (fd: number, flags: number) => {
        const descriptor = descriptors.get(fd);
        if (descriptor === undefined) return ERRNO.badf;
        if (!isStream(descriptor) && (descriptor.rights & RIGHT.fdFdstatSetFlags) === 0) return ERRNO.notcapable;
        if ((flags & ~ALL_FDFLAGS) !== 0) return ERRNO.inval;
        descriptor.flags = flags;
        return ERRNO.success;
      },
      fd_fdstat_set_rights: (fd: number, base: bigint, inheriting: bigint) => {
        const descriptor = descriptors.get(fd);
        if (descriptor === undefined) return ERRNO.badf;
        if ((base & ~BigInt(descriptor.rights)) !== 0n) return ERRNO.notcapable;
        if ((inheriting & ~BigInt(descriptor.inheriting)) !== 0n) return ERRNO.notcapable;
        descriptor.rights = Number(base);
        descriptor.inheriting = Number(inheriting);
        return ERRNO.success;
      },
      fd_filestat_get: (fd: number, out: number) => {
        const descriptor = descriptors.get(fd);
        if (descriptor === undefined) return ERRNO.badf;
        const stream = isStream(descriptor);
        if (!stream && (descriptor.rights & RIGHT.fdFilestatGet) === 0) return ERRNO.notcapable;
        writeFilestat(memory, out, stream ? null : descriptor.node, layout);
        return ERRNO.success;
      },
      fd_filestat_set_size: (fd: number, size: bigint) => {
        const file = descriptors.file(fd, RIGHT.fdFilestatSetSize, ERRNO.inval);
        if (typeof file === 'number') return file;
        const bytes = Number(BigInt.asUintN(64, size));
        if (!file.node.content.resize(bytes)) return descriptors.fullErrno(bytes);
        file.node.touch();
        return ERRNO.success;
      },
      fd_filestat_set_times: (fd: number, atim: bigint, mtim: bigint, flags: number) => {
        const descriptor = descriptors.allowed(fd, RIGHT.fdFilestatSetTimes);
        if (typeof descriptor === 'number') return descriptor;
        if (isStream(descriptor)) return ERRNO.badf;
        return setTimes(descriptor.node, { atim, mtim, flags }, descriptors.fs.now);
      },
      fd_allocate: (fd: number, offset: bigint, length: bigint) => {
        const file = descriptors.file(fd, RIGHT.fdAllocate, ERRNO.spipe);
        if (typeof file === 'number') return file;
        if (length === 0n) return ERRNO.inval;
        const end = Number(BigInt.asUintN(64, offset)) + Number(BigInt.asUintN(64, length));
        if (end <= file.node.size) return ERRNO.success;
        if (!file.node.content.reserve(end)) return descriptors.fullErrno(end);
        file.node.touch();
        return ERRNO.success;
      },
      fd_advise: (fd: number, _offset: bigint, _length: bigint, advice: number) => {
        const file = descriptors.file(fd, RIGHT.fdAdvise, ERRNO.spipe);
        if (typeof file === 'number') return file;
        return advice >>> 0 > LAST_ADVICE ? ERRNO.inval : ERRNO.success;
      },
      fd_sync: (fd: number) => sync(fd, RIGHT.fdSync),
      fd_datasync: (fd: number) => sync(fd, RIGHT.fdDatasync | RIGHT.fdSync),
    },
  };
}
