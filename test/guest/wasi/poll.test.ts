import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ERRNO } from '../../../runtime/guest/wasi/errno.ts';
import { type Layout, PREVIEW1, UNSTABLE } from '../../../runtime/guest/wasi/layout.ts';
import { createWasi, seed, type WasiGuest, type WasiInit } from './wasi-guest.ts';

const IN = 1024;
const EVENTS = 8192;
const COUNT = 16_384;
const READ = 1;
const WRITE = 2;

interface Subscription {
  readonly userdata?: bigint;
  readonly tag: number;
  readonly fd?: number;
  readonly clock?: number;
  readonly timeout?: bigint;
  readonly absolute?: boolean;
}

interface Event {
  readonly userdata: bigint;
  readonly errno: number;
  readonly type: number;
  readonly bytes: bigint;
  readonly flags: number;
}

function put({ memory }: WasiGuest, subscriptions: readonly Subscription[], { subscription }: Layout): void {
  subscriptions.forEach((given, index) => {
    const at = IN + index * subscription.bytes;
    memory.bytes(at, subscription.bytes).fill(0);
    memory.setU64(at, given.userdata ?? BigInt(index));
    memory.setU8(at + 8, given.tag);
    if (given.tag === 0) {
      const clock = at + subscription.clock;
      memory.setU32(clock, given.clock ?? 1);
      memory.setU64(clock + 8, given.timeout ?? 0n);
      memory.setU16(clock + 24, given.absolute ? 1 : 0);
    } else memory.setU32(at + 16, given.fd ?? 0);
  });
}

async function poll(wasi: WasiGuest, subscriptions: readonly Subscription[], layout = PREVIEW1): Promise<Event[]> {
  put(wasi, subscriptions, layout);
  assert.equal(await wasi.poll(IN, EVENTS, subscriptions.length, COUNT), ERRNO.success);
  const { memory } = wasi;
  return Array.from({ length: memory.getU32(COUNT) }, (_, index) => {
    const at = EVENTS + index * 32;
    return {
      userdata: memory.getU64(at),
      errno: memory.getU16(at + 8),
      type: memory.getU8(at + 10),
      bytes: memory.getU64(at + 16),
      flags: memory.getU16(at + 24),
    };
  });
}

const guest = (t: TestContext, init: WasiInit = {}): WasiGuest =>
  createWasi(t, { files: [seed('f', 'twelve bytes'), seed('empty')], stdin: Buffer.from('hello'), ...init });

describe('poll_oneoff', () => {
  test('a file is ready to be read for what is left of it, and to be written', async (t) => {
    const wasi = guest(t);
    const fd = wasi.open('f');
    const empty = wasi.open('empty');
    wasi.call('fd_seek', fd, 5n, 0, 64);
    assert.deepEqual(
      await poll(wasi, [
        { tag: READ, fd, userdata: 7n },
        { tag: WRITE, fd },
        { tag: READ, fd: empty },
      ]),
      [
        { userdata: 7n, errno: 0, type: READ, bytes: 7n, flags: 0 },
        { userdata: 1n, errno: 0, type: WRITE, bytes: 0n, flags: 0 },
        { userdata: 2n, errno: 0, type: READ, bytes: 0n, flags: 1 },
      ],
    );
    wasi.call('fd_seek', fd, 500n, 0, 64);
    assert.equal((await poll(wasi, [{ tag: READ, fd }]))[0]?.bytes, 0n);
  });

  test('standard input tells what is left of it', async (t) => {
    const wasi = guest(t);
    assert.equal((await poll(wasi, [{ tag: READ, fd: 0 }]))[0]?.bytes, 5n);
    assert.equal(wasi.readFd(0), 'hello');
    const [end] = await poll(wasi, [{ tag: READ, fd: 0 }]);
    assert.deepEqual([end?.errno, end?.bytes, end?.flags], [0, 0n, 1]);
  });

  const rows: readonly [what: string, subscription: Subscription, errno: number][] = [
    ['writing to standard output', { tag: WRITE, fd: 1 }, ERRNO.success],
    ['writing to standard error', { tag: WRITE, fd: 2 }, ERRNO.success],
    ['reading standard output', { tag: READ, fd: 1 }, ERRNO.badf],
    ['writing to standard input', { tag: WRITE, fd: 0 }, ERRNO.badf],
    ['a descriptor that is not open', { tag: READ, fd: 99 }, ERRNO.badf],
    ['descriptor −1', { tag: WRITE, fd: 0xffff_ffff }, ERRNO.badf],
    ['reading a directory', { tag: READ, fd: 3 }, ERRNO.notcapable],
    ['a clock there is not', { tag: 0, clock: 9 }, ERRNO.inval],
    ['a timeout of 0', { tag: 0 }, ERRNO.success],
    ['a time that is past', { tag: 0, clock: 0, timeout: 1n, absolute: true }, ERRNO.success],
    ['the CPU clock', { tag: 0, clock: 2, timeout: 0n }, ERRNO.success],
  ];
  for (const [what, subscription, errno] of rows) {
    test(`${what}: event with errno ${errno}`, async (t) => {
      const events = await poll(guest(t), [subscription]);
      assert.deepEqual(
        events.map((event) => [event.errno, event.type]),
        [[errno, subscription.tag]],
      );
    });
  }

  test('a file without the right to be polled says so', async (t) => {
    const wasi = guest(t);
    const fd = wasi.open('f', { rights: 2n });
    assert.equal((await poll(wasi, [{ tag: READ, fd }]))[0]?.errno, ERRNO.notcapable);
  });

  test('what is ready comes before a timeout; alone, the earliest timeouts come', async (t) => {
    const wasi = guest(t);
    const soon = { tag: 0, timeout: 1_000_000n };
    const late = { tag: 0, timeout: 3_600_000_000_000n };
    assert.deepEqual(
      (await poll(wasi, [late, { tag: READ, fd: 0 }, soon])).map((event) => event.userdata),
      [1n],
    );
    assert.deepEqual(
      (await poll(wasi, [late, soon, soon])).map((event) => event.userdata),
      [1n, 2n],
    );
  });

  test('no subscription, one of no known kind, and too many are refused', async (t) => {
    const wasi = guest(t);
    put(wasi, [{ tag: READ }, { tag: 3 }], PREVIEW1);
    assert.equal(await wasi.poll(IN, EVENTS, 2, COUNT), ERRNO.inval);
    assert.equal(await wasi.poll(IN, EVENTS, 0, COUNT), ERRNO.inval);
    assert.equal(await wasi.poll(IN, EVENTS, 1025, COUNT), ERRNO.inval);
    assert.equal(await wasi.poll(IN, 262_140, 1, COUNT), ERRNO.fault);
    assert.equal(await wasi.poll(-4, EVENTS, 1, COUNT), ERRNO.fault);
    assert.equal(await wasi.poll(IN, EVENTS, 1, -1), ERRNO.fault);
  });

  test('in the layout of wasi_unstable', async (t) => {
    const wasi = guest(t, { layout: UNSTABLE });
    const fd = wasi.open('f');
    const late = { tag: 0, timeout: 3_600_000_000_000n };
    const events = await poll(wasi, [late, { tag: READ, fd }, { tag: 0, clock: 9 }], UNSTABLE);
    assert.deepEqual(
      events.map(({ userdata, errno, bytes }) => [userdata, errno, bytes]),
      [
        [1n, 0, 12n],
        [2n, ERRNO.inval, 0n],
      ],
    );
    assert.equal((await poll(wasi, [late, { tag: 0, timeout: 1n }], UNSTABLE))[0]?.userdata, 1n);
  });
});
