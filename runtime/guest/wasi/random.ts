import { randomFillSync } from 'node:crypto';
import type { Host, HostModule } from '../host.ts';
import { ERRNO } from './errno.ts';

/** Random bytes made ahead: a call to the system for 16 bytes costs more than the rest of the host call. */
const pool = new Uint8Array(16_384);
let used = pool.length;

/** `random_get(buffer, length)`. Errno: fault. */
export function createRandom(host: Host): HostModule {
  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      random_get: (buffer: number, length: number) => {
        const target = host.memory.bytes(buffer, length);
        if (target.length > pool.length) {
          randomFillSync(target);
          return ERRNO.success;
        }
        if (used + target.length > pool.length) {
          randomFillSync(pool);
          used = 0;
        }
        // A few bytes mostly: views of them would take longer to make than to copy from.
        for (let index = 0; index < target.length; index++) {
          target[index] = pool[used] as number;
          pool[used++] = 0;
        }
        return ERRNO.success;
      },
    },
  };
}
