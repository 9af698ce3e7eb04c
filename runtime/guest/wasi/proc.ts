import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

/** `proc_exit(code u32)`: ends the execution, finally. */
export function createProc(host: Host): HostModule {
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: { proc_exit: (code: number) => host.exit(code >>> 0) },
  };
}
