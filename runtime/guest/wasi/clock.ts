import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

/** `clockid` of preview 1. */
const CLOCK = { realtime: 0, monotonic: 1, processCpu: 2, threadCpu: 3 } as const;

const NS_PER_MS = 1e6;

/** Now on a clock, in ns; `undefined` for a clock there is not. The CPU clocks tell the execution's own time on the CPU. */
export function readClock(id: number, host: Pick<Host, 'cpuMs'>): bigint | undefined {
  switch (id) {
    case CLOCK.realtime:
      return realtimeNs(performance.now());
    case CLOCK.monotonic:
      return BigInt(Math.round(performance.now() * NS_PER_MS));
    case CLOCK.processCpu:
    case CLOCK.threadCpu:
      return BigInt(Math.round(host.cpuMs * NS_PER_MS));
    default:
      return undefined;
  }
}

/** A time of `performance.now()` on the realtime clock. */
export function realtimeNs(ms: number): bigint {
  return BigInt(Math.round((performance.timeOrigin + ms) * 1e3)) * 1000n;
}

/** `clock_time_get(id, precision, *time u64)`, `clock_res_get(id, *resolution u64)`. Errnos: inval, fault. */
export function createClock(host: Host): HostModule {
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      clock_time_get: (id: number, _precision: bigint, out: number) => {
        const now = readClock(id, host);
        if (now === undefined) return ERRNO.inval;
        host.memory.setU64(out, now);
        return ERRNO.success;
      },
      clock_res_get: (id: number, out: number) => {
        if (readClock(id, host) === undefined) return ERRNO.inval;
        host.memory.setU64(out, 1000n);
        return ERRNO.success;
      },
    },
  };
}
