import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

/** Last `signal` of preview 1, sys. */
const LAST_SIGNAL = 30;

/**
 * `proc_exit(code u32)`: ends the execution, finally. `proc_raise(signal)`: there are no signals here, and the host's
 * process has nothing to do with it. Errnos: inval (no such signal), notsup; success for signal 0, none.
 */
export function createProc(host: Host): HostModule {
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      proc_exit: (code: number) => host.exit(code >>> 0),
      proc_raise: (signal: number) => {
        if (signal === 0) return ERRNO.success;
        return signal >>> 0 > LAST_SIGNAL ? ERRNO.inval : ERRNO.notsup;
      },
    },
  };
}
