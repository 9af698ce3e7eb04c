import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOST_CALLS, type HostCall } from '../../runtime/core/host-calls.ts';
import { type Role, rolesOf, rowsAmiss } from './arguments.ts';
import { createEveryCall, type EveryCall, Exited } from './every-call.ts';
import { hostCall } from './sandbox.ts';

const SIZE = 65_536;
const POINTERS = [0, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffd, SIZE - 1, SIZE - 4, SIZE - 64, SIZE];
const LENGTHS = [0, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, SIZE, SIZE + 1];
/** Where good arguments point to; each parameter has a place of its own. */
const PLACE = 0x1000;
const PLACE_BYTES = 0x400;
/** Where a good list of buffers leads. */
const BUFFER = 0x8000;
const FILL = 0xa5;

const isPointer = (role: Role): boolean => /^(in:.*|out|some|iov|r|text|w\d+)$/.test(role);
const isLength = (role: Role): boolean => role === 'len' || role === 'cap' || role === 'count';

const bytesOf = (role: Role | undefined): Buffer => Buffer.from(role?.slice(3) ?? '');

/** Arguments that are as they should be. */
function goodArguments(roles: readonly Role[]): number[] {
  return roles.map((role, at) => {
    if (isPointer(role)) return PLACE + at * PLACE_BYTES;
    if (role === 'cap') return 100;
    if (role === 'count') return 1;
    return role === 'len' ? bytesOf(roles[at - 1]).length : Number(role.slice(1));
  });
}

/** One parameter wild, a pointer and its length wild together, all pointers wild, all at one place, one inside the next. */
function hostileArguments(roles: readonly Role[]): number[][] {
  const good = goodArguments(roles);
  const rows: number[][] = [good];
  const vary = (changes: Readonly<Record<number, number>>): void => {
    rows.push(good.map((value, at) => changes[at] ?? value));
  };
  const all = (value: (at: number) => number): void => {
    rows.push(good.map((given, at) => (isPointer(roles[at] as Role) ? value(at) : given)));
  };
  roles.forEach((role, at) => {
    if (isLength(role)) for (const length of LENGTHS) vary({ [at]: length });
    if (!isPointer(role)) return;
    for (const pointer of POINTERS) {
      vary({ [at]: pointer });
      if (isLength(roles[at + 1] as Role)) for (const length of LENGTHS) vary({ [at]: pointer, [at + 1]: length });
    }
  });
  for (const pointer of [...POINTERS, PLACE]) all(() => pointer);
  for (const step of [1, 2, 4]) all((at) => PLACE + at * step);
  return rows;
}

/** Byte ranges that a call with these arguments may write. */
function writable(bytes: Uint8Array, { name }: HostCall, roles: readonly Role[], args: readonly number[]): number[][] {
  const view = new DataView(bytes.buffer);
  const ranges: number[][] = [];
  roles.forEach((role, at) => {
    const from = (args[at] ?? 0) >>> 0;
    const next = (args[at + 1] ?? 0) >>> 0;
    if (role === 'out' || role === 'some') ranges.push([from, from + next]);
    else if (/^w\d/.test(role)) ranges.push([from, from + Number(role.slice(1))]);
    else if (role === 'iov' && /read|recv/.test(name)) {
      for (let item = from; item < from + next * 8 && item + 8 <= bytes.length; item += 8) {
        const start = view.getUint32(item, true);
        ranges.push([start, start + view.getUint32(item + 4, true)]);
      }
    }
  });
  return ranges;
}

/** Fills memory, and writes what good arguments point to. */
function prepare({ bytes }: EveryCall, { module }: HostCall, roles: readonly Role[]): void {
  bytes.fill(FILL);
  const view = new DataView(bytes.buffer);
  roles.forEach((role, at) => {
    const place = PLACE + at * PLACE_BYTES;
    if (role.startsWith('in:')) bytes.set(bytesOf(role), place);
    if (role === 'r') {
      // A subscription to the monotonic clock that is due at once.
      bytes.fill(0, place, place + 56);
      bytes[place + (module === 'wasi_unstable' ? 24 : 16)] = 1;
    }
    if (role !== 'iov') return;
    view.setUint32(place, BUFFER, true);
    view.setUint32(place + 4, 16, true);
  });
}

/** Descriptor 4 is a file; handle 1 a response, and a process or a list. */
async function openAll(every: EveryCall, { module, name }: HostCall): Promise<void> {
  const put = (text: string, at: number): number => every.bytes.set(Buffer.from(text), at) ?? text.length;
  put('flhttp://model/{"method":"GET"}{"command":"x"}', 0);
  await every.call(hostCall('wasi_snapshot_preview1', 'path_symlink'), [0, 1, 3, 1, 1]);
  await every.call(hostCall('wasi_snapshot_preview1', 'path_open'), [3, 0, 0, 1, 0, 0x1fff_ffffn, 0n, 0, 100]);
  if (module === 'blockless_http') {
    await every.call(hostCall(module, 'http_req'), [2, 13, 15, 16, 100, 104]);
  } else if (module === 'blockless_cgi') {
    if (name === 'cgi_list_read') await every.call(hostCall(module, 'cgi_list_exec'), [100]);
    else await every.call(hostCall(module, 'cgi_open'), [31, 15, 100]);
  }
}

const hex = (args: readonly number[]): string => args.map((value) => `0x${value.toString(16)}`).join(' ');

async function attack(t: { after(done: () => void): void }, row: HostCall, roles: readonly Role[]): Promise<void> {
  let served = 0;
  for (const args of hostileArguments(roles)) {
    const every = createEveryCall(t);
    await openAll(every, row);
    prepare(every, row, roles);
    const before = every.bytes.slice();
    const passed = args.map((value, at) => (row.params[at] === 'i64' ? BigInt(value) : value | 0));
    let errno: number | undefined;
    try {
      errno = await every.call(row, passed);
    } catch (error) {
      if (!(error instanceof Exited)) throw error;
    }
    const what = `${row.name}(${hex(args)}) = ${errno}`;
    if (row.results[0] === 'i32') assert.ok(Number.isInteger(errno) && Number(errno) >= -1 && Number(errno) < 80, what);
    if (row.unservedErrno !== null) assert.equal(errno, row.unservedErrno, what);
    // WASI's may have begun to write what they were to write before they met what is wrong.
    const allowed = errno === 0 || row.module.startsWith('wasi_') ? writable(before, row, roles, args) : [];
    if (errno === 0) {
      served++;
      for (const [start = 0, end = 0] of allowed) {
        assert.ok(end <= SIZE || start === end || roles.includes('some'), `${what}, with ${start} to ${end} to write`);
      }
    }
    for (const [start = 0, end = 0] of allowed) before.set(every.bytes.subarray(start, end), Math.min(start, SIZE));
    assert.ok(Buffer.compare(before, every.bytes) === 0, `${what} changed memory it was not given`);
  }
  if (row.unservedErrno === null && row.results[0] === 'i32' && !/^(sock_|proc_)/.test(row.name)) {
    assert.ok(served > 0, 'the good arguments are not good');
  }
}

test('every host call has a row that says what its parameters point to', () => {
  assert.deepEqual(rowsAmiss(), []);
});

describe('wild, overlapping and unaligned pointers and lengths: an errno, and no byte written elsewhere', () => {
  for (const row of HOST_CALLS) {
    test(`${row.module}.${row.name}`, async (t) => {
      const roles = rolesOf(row);
      assert.ok(roles !== undefined);
      const ends: (() => void)[] = [];
      t.after(() => ends.forEach((end) => void end()));
      await attack({ after: (end) => ends.push(end) }, row, roles);
    });
  }
});
