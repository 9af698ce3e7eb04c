import type { Host, HostModule } from '../host.ts';
import { type Descriptors, FDFLAG_APPEND, type FileDescriptor } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import { IOV_MAX, readIovecs } from './iovecs.ts';
import { type Layout, PREVIEW1 } from './layout.ts';
import { RIGHT } from './rights.ts';

const MAX_POSITION = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Reading, writing and seeking through a descriptor; closing and renumbering it.
 *
 * `fd_read(fd, iovs, iovs_len, *nread u32)`, `fd_write(fd, ciovs, ciovs_len, *nwritten u32)`, the same with an offset
 * u64 before the result as `fd_pread` and `fd_pwrite`: a write is taken whole in one call or not at all (programs ignore
 * short counts). `fd_seek(fd, offset i64, whence, *position u64)`, `fd_tell(fd, *position u64)`, `fd_close(fd)`,
 * `fd_renumber(from, to)`. `fd_prestat_get(fd, *prestat)`, `fd_prestat_dir_name(fd, path, path_len)`:
 *
 *     prestat (8 bytes): tag u8 (0: directory) | length of its name u32, +4
 *
 * Errnos: badf, notcapable (the descriptor lacks the right), inval (over 1 024 pieces; seeking before 0), spipe (streams
 * cannot seek), fbig, nospc (the quota), nametoolong (of the buffer for a name: too short), fault.
 */
export function createFd(host: Host, descriptors: Descriptors, layout: Layout = PREVIEW1): HostModule {
  const { memory, context, output } = host;

  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      fd_write: (fd: number, iovs: number, count: number, out: number) => {
        const target = descriptors.allowed(fd, RIGHT.fdWrite);
        if (typeof target === 'number') return target;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const pieces = readIovecs(memory, iovs, count);
        // The out-pointer is tried first: what was printed cannot be taken back.
        memory.setU32(out, 0);
        let written = 0;
        if (target.kind === 'file') {
          const from = (target.flags & FDFLAG_APPEND) === 0 ? target.position : target.node.size;
          written = writeAt(target, from, pieces);
          if (written < 0) return -written;
          target.position = from + written;
        } else {
          for (const piece of pieces) {
            if (target.kind === 'stdout') output.stdout(piece);
            else output.stderr(piece);
            written += piece.length;
          }
        }
        memory.setU32(out, written);
        return ERRNO.success;
      },
      fd_read: (fd: number, iovs: number, count: number, out: number) => {
        const source = descriptors.allowed(fd, RIGHT.fdRead);
        if (typeof source === 'number') return source;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const targets = readIovecs(memory, iovs, count);
        memory.setU32(out, 0);
        let read = 0;
        if (source.kind === 'file') {
          read = readAt(source, source.position, targets);
        } else {
          for (const target of targets) {
            const from = source.position + read;
            const piece = context.stdin.subarray(from, from + target.length);
            target.set(piece);
            read += piece.length;
          }
          host.traffic.bytesIn += read;
        }
        source.position += read;
        memory.setU32(out, read);
        return ERRNO.success;
      },
      fd_pwrite: (fd: number, iovs: number, count: number, offset: bigint, out: number) => {
        const target = descriptors.file(fd, RIGHT.fdWrite | RIGHT.fdSeek, ERRNO.spipe);
        if (typeof target === 'number') return target;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const pieces = readIovecs(memory, iovs, count);
        memory.setU32(out, 0);
        const written = writeAt(target, Number(BigInt.asUintN(64, offset)), pieces);
        if (written < 0) return -written;
        memory.setU32(out, written);
        return ERRNO.success;
      },
      fd_pread: (fd: number, iovs: number, count: number, offset: bigint, out: number) => {
        const source = descriptors.file(fd, RIGHT.fdRead | RIGHT.fdSeek, ERRNO.spipe);
        if (typeof source === 'number') return source;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const targets = readIovecs(memory, iovs, count);
        memory.setU32(out, 0);
        memory.setU32(out, readAt(source, Number(BigInt.asUintN(64, offset)), targets));
        return ERRNO.success;
      },
      fd_seek: (fd: number, offset: bigint, whence: number, out: number) => {
        // Asking where it is takes either right.
        const asks = layout.whence[whence] === 'cur' && offset === 0n;
        const file = seekable(fd, asks);
        if (typeof file === 'number') return file;
        const base = layout.whence[whence];
        const from = base === undefined ? undefined : { set: 0, cur: file.position, end: file.node.size }[base];
        if (from === undefined) return ERRNO.inval;
        const position = BigInt(from) + BigInt.asIntN(64, offset);
        if (position < 0n) return ERRNO.inval;
        if (position > MAX_POSITION) return ERRNO.overflow;
        memory.setU64(out, position);
        file.position = Number(position);
        return ERRNO.success;
      },
      fd_tell: (fd: number, out: number) => {
        const file = seekable(fd, true);
        if (typeof file === 'number') return file;
        memory.setU64(out, BigInt(file.position));
        return ERRNO.success;
      },
      fd_close: (fd: number) => descriptors.close(fd),
      fd_renumber: (from: number, to: number) => descriptors.renumber(from, to),
      fd_prestat_get: (fd: number, out: number) => {
        const name = preopenName(fd);
        if (name === undefined) return ERRNO.badf;
        memory.bytes(out, 8).fill(0);
        memory.setU32((out >>> 0) + 4, name.length);
        return ERRNO.success;
      },
      fd_prestat_dir_name: (fd: number, path: number, length: number) => {
        const name = preopenName(fd);
        if (name === undefined) return ERRNO.badf;
        if (length >>> 0 < name.length) return ERRNO.nametoolong;
        memory.write(path, name);
        return ERRNO.success;
      },
    },
  };

  function preopenName(fd: number): Uint8Array | undefined {
    const descriptor = descriptors.get(fd);
    return descriptor?.kind === 'directory' ? (descriptor.preopen ?? undefined) : undefined;
  }

  function seekable(fd: number, asks: boolean): FileDescriptor | number {
    const file = descriptors.file(fd, asks ? 0 : RIGHT.fdSeek, ERRNO.spipe);
    if (typeof file === 'number') return file;
    return (file.rights & (RIGHT.fdSeek | RIGHT.fdTell)) === 0 ? ERRNO.notcapable : file;
  }

  /** @returns bytes written, or minus an errno: then none was */
  function writeAt({ node }: FileDescriptor, at: number, pieces: readonly Uint8Array[]): number {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length === 0) return 0;
    const end = at + length;
    if (!node.content.reserve(end)) return -descriptors.fullErrno(end);
    let position = at;
    for (const piece of pieces) {
      node.content.write(position, piece);
      position += piece.length;
    }
    node.touch();
    return length;
  }

  function readAt({ node }: FileDescriptor, at: number, targets: readonly Uint8Array[]): number {
    let read = 0;
    for (const target of targets) read += node.content.read(at + read, target);
    return read;
  }
}
