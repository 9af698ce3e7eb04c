import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cause, Outcome } from '../../runtime/core/execution.ts';
import { HOST_CALLS, type HostCall } from '../../runtime/core/host-calls.ts';
import type { Limits } from '../../runtime/core/limits.ts';
import {
  assemble,
  type Code,
  call,
  callWith,
  drop,
  ENCODINGS,
  type Encoding,
  forEver,
  i32,
  store,
  store64,
  swallow,
} from '../support/assemble.ts';
import { guest } from '../support/wat.ts';
import { HANGS, type Hostile, hostCall, openHostile } from './sandbox.ts';

let hostile: Hostile;
before(async () => {
  hostile = await openHostile();
});
after(() => hostile.close());

const FD_WRITE = hostCall('wasi_snapshot_preview1', 'fd_write');
const IOVEC = 1024;
const TEXT = 1040;
const OUT = 2048;
const BUFFER = 4096;
const HALF_AT = 8192;
const NONE_AT = 8292;
const OPTIONS_AT = 8400;
const COMMAND_AT = 8600;
const OPTIONS = '{"method":"GET"}';
const COMMAND = '{"command":"any"}';
const HANGING_AT = 8700;
const HANGING = `{"command":"${HANGS}"}`;
/** Of an answer that never ends, and of one that never begins. */
const URL_BYTES = 17;

const DATA = [
  [IOVEC, Uint8Array.of(TEXT & 0xff, TEXT >> 8, 0, 0, 9, 0, 0, 0)],
  [TEXT, 'swallowed'],
  [HALF_AT, 'http://model/half'],
  [NONE_AT, 'http://model/none'],
  [OPTIONS_AT, OPTIONS],
  [COMMAND_AT, COMMAND],
  [HANGING_AT, HANGING],
] as const;
/** `fd_write` is the first import of every guest here: says aloud that something was swallowed. */
const confess: Code = callWith(0, FD_WRITE, [1, IOVEC, 1, 1060]);

/** Goes on for ever, whatever comes out of `code`. */
function guestOf(
  encoding: Encoding,
  imports: readonly HostCall[],
  code: Code,
  { before = [], others = [] }: { before?: Code; others?: readonly Code[] } = {},
): Uint8Array {
  return assemble({
    imports: [FD_WRITE, ...imports],
    functions: [[...before, ...forEver(swallow(encoding, code, confess))], ...others],
    data: DATA,
    table: others.map((_, at) => imports.length + 2 + at),
  });
}

interface Kill {
  readonly cause: Cause;
  readonly limits: Partial<Limits>;
  /** The caller goes away after so many ms. */
  readonly afterMs?: number;
}
const CALLS: Kill = { cause: 'calls', limits: { hostCalls: 5 } };
const FUEL: Kill = { cause: 'fuel', limits: { fuel: 30_000 } };
const DEADLINE: Kill = { cause: 'deadline', limits: { deadlineMs: 15 } };
const CANCEL: Kill = { cause: 'cancelled', limits: {}, afterMs: 15 };
/** Late enough that a guest has come to wait by then, also on a machine with too much to do. */
const WHILE_IT_WAITS: readonly Kill[] = [
  { ...DEADLINE, limits: { deadlineMs: 150 } },
  { ...CANCEL, afterMs: 150 },
];
const OUTPUT: Kill = { cause: 'output', limits: { stdoutBytes: 0, stderrBytes: 0 } };

/** Runs one guest into each kill, side by side; nothing it did may have been swallowed. */
async function endsFinally(bytes: Uint8Array, kills: readonly Kill[], place = hostile): Promise<Outcome[]> {
  const outcomes = await Promise.all(kills.map(({ limits, afterMs }) => place.run(bytes, { limits, afterMs })));
  assert.deepEqual(
    outcomes.map(({ cause }) => cause),
    kills.map(({ cause }) => cause),
  );
  for (const { stdout } of outcomes) assert.equal(Buffer.from(stdout).toString(), '');
  return outcomes;
}

/** Calls that end the execution themselves, with the exit code they give. */
const ENDING: Readonly<Record<string, number>> = {
  'wasi_snapshot_preview1.proc_exit': 7,
  'wasi_unstable.proc_exit': 7,
  'env.abort': 255,
};

describe('a guest that swallows whatever comes out of a host call and goes on', () => {
  for (const row of HOST_CALLS) {
    const name = `${row.module}.${row.name}`;
    for (const encoding of ENCODINGS) {
      test(`${name} in ${encoding}`, async () => {
        const exitCode = ENDING[name];
        const bytes = guestOf(encoding, [row], callWith(1, row, exitCode === 7 ? [7] : []));
        if (exitCode !== undefined) {
          const [exited] = await endsFinally(bytes, [{ cause: 'exited', limits: {} }]);
          assert.deepEqual([exited?.exitCode, exited?.usage.hostCalls], [exitCode, 1]);
          return;
        }
        const [counted] = await endsFinally(bytes, [CALLS, FUEL, DEADLINE, CANCEL]);
        // The one too many is counted and not served.
        assert.equal(counted?.usage.hostCalls, 6);
      });
    }
  }
});

describe('a guest that swallows whatever comes out of a print that is too much', () => {
  const iovec = [0, 64, 1, 128] as const;
  const prints: readonly (readonly [name: string, row: HostCall, args: readonly number[]])[] = [
    ...(['wasi_snapshot_preview1', 'wasi_unstable'] as const).flatMap((module) =>
      [1, 2].map(
        (fd) => [`${module}.fd_write to ${fd}`, hostCall(module, 'fd_write'), [fd, IOVEC, ...iovec.slice(2)]] as const,
      ),
    ),
    ['env.trace', hostCall('env', 'trace'), []],
    ['env.abort', hostCall('env', 'abort'), []],
  ];
  for (const [name, row, args] of prints) {
    for (const encoding of ENCODINGS) {
      test(`${name} in ${encoding}`, async () => {
        await endsFinally(guestOf(encoding, [row], callWith(1, row, args)), [OUTPUT]);
      });
    }
  }
});

describe('a guest that swallows whatever comes out of', () => {
  const kinds: Readonly<Record<string, { code: Code; others?: readonly Code[]; kills?: readonly Kill[] }>> = {
    'a loop that never ends': { code: forEver([]) },
    'an empty try': { code: [] },
    'recursion that never ends, which is caught by the stack': {
      code: call(1),
      others: [call(2)],
      kills: [
        { cause: 'trapped', limits: {} },
        { ...FUEL, limits: { fuel: 20_000 } },
      ],
    },
    'a loop in a callback': { code: [...i32(0), 0x11, 0, 0], others: [forEver([])] },
    'calls by reference that never end': { code: forEver([0xd2, 2, 0x14, 0]), others: [[]] },
    'tail calls that never end': { code: call(2), others: [[0x12, 2]] },
    'growth of memory': { code: [...i32(1), 0x40, 0, ...drop] },
    'growth of memory by everything': { code: [...i32(-1), 0x40, 0, ...drop] },
    'filling of memory': { code: [...i32(0), ...i32(0), ...i32(65_536), 0xfc, 0x0b, 0] },
  };
  for (const [name, { code, others = [], kills = [FUEL, DEADLINE, CANCEL] }] of Object.entries(kinds)) {
    for (const encoding of ENCODINGS) {
      test(`${name}, in ${encoding}`, async () => {
        await endsFinally(guestOf(encoding, [], code, { others }), kills);
      });
    }
  }
});

/** A guest that is parked in a call: what it does before, what it passes, and what it imports beside. */
interface Parked {
  readonly imports?: readonly HostCall[];
  readonly before?: Code;
  readonly args: readonly number[];
}

const request = (at: number): readonly number[] => [at, URL_BYTES, OPTIONS_AT, OPTIONS.length, OUT, OUT + 4];
const HTTP_REQ = hostCall('blockless_http', 'http_req');
const CGI_OPEN = hostCall('blockless_cgi', 'cgi_open');
const openChild: Omit<Parked, 'args'> = {
  imports: [CGI_OPEN],
  before: callWith(2, CGI_OPEN, [COMMAND_AT, COMMAND.length, OUT]),
};
const sleepAt = (timeoutAt: number): Parked => ({
  before: [...store(16, 1), ...store64(timeoutAt, 30_000_000_000n)],
  args: [0, 64, 1, OUT],
});

/** By name; a reason where the call never waits. A suspending call that is not here fails the suite. */
const PARKED: Readonly<Record<string, Parked | string>> = {
  'wasi_snapshot_preview1.poll_oneoff': sleepAt(24),
  'wasi_unstable.poll_oneoff': {
    ...sleepAt(32),
    before: [...store(16, 1), ...store(24, 1), ...store64(32, 30_000_000_000n)],
  },
  'wasi_snapshot_preview1.sched_yield': 'it comes back at once',
  'wasi_unstable.sched_yield': 'it comes back at once',
  'blockless_http.http_req': { args: request(NONE_AT) },
  'blockless_http.http_read_body': {
    imports: [HTTP_REQ],
    before: callWith(2, HTTP_REQ, request(HALF_AT)),
    args: [1, BUFFER, 1000, OUT],
  },
  'blockless_cgi.cgi_list_exec': { args: [OUT] },
  'blockless_cgi.cgi_list_read': 'the list is there',
  'blockless_cgi.cgi_open': { args: [HANGING_AT, HANGING.length, OUT] },
  'blockless_cgi.cgi_stdout_read': { ...openChild, args: [1, BUFFER, 100, OUT] },
  'blockless_cgi.cgi_stderr_read': { ...openChild, args: [1, BUFFER, 100, OUT] },
  'blockless_cgi.cgi_stdin_write': { ...openChild, args: [1, BUFFER, 100, OUT] },
  'blockless_cgi.cgi_close': { ...openChild, args: [1] },
};

test('every host call that can park has its case here, or why it never does', () => {
  const suspending = HOST_CALLS.filter(({ suspends }) => suspends).map(({ module, name }) => `${module}.${name}`);
  assert.deepEqual(Object.keys(PARKED).toSorted(), suspending.toSorted());
});

describe('a guest that is killed while it waits, inside a catch-all, for', () => {
  let slow: Hostile;
  before(async () => {
    slow = await openHostile({ listHangs: true });
  });
  after(() => slow.close());

  for (const [name, parked] of Object.entries(PARKED)) {
    if (typeof parked === 'string') continue;
    const [module = '', field = ''] = name.split('.');
    const { imports = [], before: first = [], args } = parked;
    for (const encoding of ENCODINGS) {
      test(`${name} in ${encoding}`, async () => {
        const row = hostCall(module, field);
        const bytes = guestOf(encoding, [row, ...imports], callWith(1, row, args), { before: first });
        for (const outcome of await endsFinally(bytes, WHILE_IT_WAITS, slow)) {
          assert.equal(outcome.usage.hostCalls, 1 + imports.length, 'it did wait');
        }
        // Whoever has the memory next sees nothing of an answer that comes now.
        const next = slow.run(await guest('nap-in-a-clean-memory'));
        slow.answerNow();
        const { cause, exitCode } = await next;
        assert.deepEqual([cause, exitCode], ['exited', 0]);
      });
    }
  }
});
