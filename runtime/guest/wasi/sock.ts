import type { Host, HostModule } from '../host.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';

/**
 * `sock_accept`, `sock_recv`, `sock_send`, `sock_shutdown`: no descriptor is ever a socket.
 * Errnos: badf (not open), notsock.
 */
export function createSock(_host: Host, descriptors: Descriptors): HostModule {
  const refuse = (fd: number): number => (descriptors.get(fd) === undefined ? ERRNO.badf : ERRNO.notsock);
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: { sock_accept: refuse, sock_recv: refuse, sock_send: refuse, sock_shutdown: refuse },
  };
}
