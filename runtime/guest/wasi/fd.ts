import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

const RIGHT_FD_READ = 2n;
const RIGHT_FD_WRITE = 64n;
const RIGHT_POLL = 134_217_728n;
const FDFLAG_APPEND = 1;
const FILESTAT_BYTES = 64;
/** `iovec`/`ciovec`: pointer u32, length u32. */
const IOVEC_BYTES = 8;
/** As POSIX systems have it: more pieces in one call are an error, not work without bound. */
const IOV_MAX = 1024;

/**
 * Standard input, output and error; there are no other descriptors and nothing is preopened.
 *
 * `fd_read(fd, iovs, iovs_len, *nread u32)`, `fd_write(fd, ciovs, ciovs_len, *nwritten u32)`: a write is taken whole in
 * one call (programs ignore short counts). Errnos: badf, inval (over 1 024 pieces), spipe
 * (streams cannot seek), fault.
 */
export function createFd(host: Host): HostModule {
  const { memory, context, output } = host;
  const open = [true, true, true];
  let position = 0;
  const isOpen = (fd: number) => open[fd] === true;

  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      fd_write: (fd: number, iovs: number, count: number, out: number) => {
        if (!isOpen(fd) || fd === 0) return ERRNO.badf;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const pieces = iovecs(iovs, count);
        // The out-pointer is tried first: what was printed cannot be taken back.
        memory.setU32(out, 0);
        let written = 0;
        for (const piece of pieces) {
          if (fd === 1) output.stdout(piece);
          else output.stderr(piece);
          written += piece.length;
        }
        memory.setU32(out, written);
        return ERRNO.success;
      },
      fd_read: (fd: number, iovs: number, count: number, out: number) => {
        if (!isOpen(fd) || fd !== 0) return ERRNO.badf;
        if (count >>> 0 > IOV_MAX) return ERRNO.inval;
        const targets = iovecs(iovs, count);
        memory.setU32(out, 0);
        let read = 0;
        for (const target of targets) {
          const piece = context.stdin.subarray(position, position + target.length);
          target.set(piece);
          position += piece.length;
          read += piece.length;
        }
        memory.setU32(out, read);
        return ERRNO.success;
      },
      fd_close: (fd: number) => {
        if (!isOpen(fd)) return ERRNO.badf;
        open[fd] = false;
        return ERRNO.success;
      },
      fd_fdstat_get: (fd: number, out: number) => {
        if (!isOpen(fd)) return ERRNO.badf;
        const stat = memory.bytes(out, 24);
        stat.fill(0);
        memory.setU16(out + 2, fd === 0 ? 0 : FDFLAG_APPEND);
        memory.setU64(out + 8, (fd === 0 ? RIGHT_FD_READ : RIGHT_FD_WRITE) | RIGHT_POLL);
        return ERRNO.success;
      },
      fd_filestat_get: (fd: number, out: number) => {
        if (!isOpen(fd)) return ERRNO.badf;
        memory.bytes(out, FILESTAT_BYTES).fill(0);
        return ERRNO.success;
      },
      fd_seek: (fd: number) => (isOpen(fd) ? ERRNO.spipe : ERRNO.badf),
      fd_tell: (fd: number) => (isOpen(fd) ? ERRNO.spipe : ERRNO.badf),
      fd_prestat_get: () => ERRNO.badf,
      fd_prestat_dir_name: () => ERRNO.badf,
    },
  };

  /** All pieces, checked before any is used. */
  function iovecs(pointer: number, count: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < count >>> 0; index++) {
      const at = (pointer >>> 0) + index * IOVEC_BYTES;
      pieces.push(memory.bytes(memory.getU32(at), memory.getU32(at + 4)));
    }
    return pieces;
  }
}
