import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assemble, type Code, i32, store, store64 } from '../support/assemble.ts';
import { type Hostile, hostCall, openHostile } from './sandbox.ts';

let hostile: Hostile;
before(async () => {
  hostile = await openHostile();
});
after(() => hostile.close());

const POLL = hostCall('wasi_snapshot_preview1', 'poll_oneoff');
const ARGUMENTS = [0, 64, 1, 128].flatMap(i32);
/** Its own type is 1, after `() -> ()`. */
const ROADS: Readonly<Record<string, Code>> = {
  'out of a table': [...ARGUMENTS, ...i32(0), 0x11, 1, 0, 0x1a],
  'by reference': [...ARGUMENTS, 0xd2, 0, 0x14, 1, 0x1a],
  'out of a table, in a function that is called by reference': [0xd2, 2, 0x14, 0],
};

describe('a host call that waits, reached', () => {
  for (const [road, code] of Object.entries(ROADS)) {
    const guest = (ns: bigint): Uint8Array =>
      assemble({
        imports: [POLL],
        functions: [
          [...store(16, 1), ...store64(24, ns), ...code],
          [...ARGUMENTS, ...i32(0), 0x11, 1, 0, 0x1a],
        ],
        table: [0, 2],
      });

    test(`${road}: parks its guest and comes back`, async () => {
      const { cause, message, usage } = await hostile.run(guest(20_000_000n));
      assert.deepEqual([cause, usage.hostCalls], ['exited', 1], message);
      assert.ok(usage.wallMs >= 15);
    });

    test(`${road}: ends at the deadline`, async () => {
      assert.equal((await hostile.run(guest(60_000_000_000n), { limits: { deadlineMs: 50 } })).cause, 'deadline');
    });
  }
});
