import type { Host, HostModule } from '../host.ts';
import { readClock } from './clock.ts';
import type { Descriptors } from './descriptors.ts';
import { ERRNO } from './errno.ts';
import { type Layout, PREVIEW1 } from './layout.ts';
import { RIGHT } from './rights.ts';

const EVENT_BYTES = 32;
const EVENT_TYPE = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
const FLAG_ABSOLUTE = 1;
/** `eventrwflags`: what comes is the end. */
const FLAG_HANGUP = 1;
/** What a parked guest's subscriptions take is the host's memory; real programs wait for a handful. */
const MAX_SUBSCRIPTIONS = 1024;
const MAX_TIMER_MS = 2_147_483_647;

interface Event {
  readonly userdata: bigint;
  readonly type: number;
  readonly errno: number;
  readonly bytes: bigint;
  readonly flags: number;
}

interface Sleep {
  readonly userdata: bigint;
  /** ms from the call to when it is due. */
  readonly afterMs: number;
}

/**
 * `poll_oneoff(*subscriptions, *events, count, *nevents u32)` parks the guest until the first subscription is due.
 * Standard streams and files are always ready; an event's own errno says what is wrong with its descriptor (badf,
 * notcapable) or clock (inval). Errnos: inval (no subscription, over 1 024, or of no known kind), fault.
 *
 *     subscription (48 bytes): userdata u64 | tag u8, +8 | clock: id u32 +16, timeout u64 +24, flags u16 +40; fd u32 +16
 *     event (32 bytes):        userdata u64 | errno u16 +8 | type u8 +10 | nbytes u64 +16 | flags u16 +24
 *
 * Source: witx `subscription`, `event`.
 */
export function createPoll(host: Host, descriptors: Descriptors, layout: Layout = PREVIEW1): HostModule {
  const { subscription } = layout;
  const { memory } = host;

  function pollOneoff(subscriptions: number, events: number, count: number, out: number): number | Promise<number> {
    if (count === 0 || count >>> 0 > MAX_SUBSCRIPTIONS) return ERRNO.inval;
    memory.bytes(subscriptions, count * subscription.bytes);
    memory.bytes(events, count * EVENT_BYTES);
    const found = read(subscriptions, count);
    if (found === undefined) return ERRNO.inval;
    const { ready, sleeps } = found;
    if (ready.length > 0 || sleeps.length === 0) return answer(events, out, ready);
    const firstMs = Math.min(...sleeps.map((sleep) => sleep.afterMs));
    return wait(firstMs).then(() =>
      answer(
        events,
        out,
        sleeps.filter((sleep) => sleep.afterMs <= firstMs).map((sleep) => clockEvent(sleep.userdata)),
      ),
    );
  }

  /** `undefined` when one is of no known kind. */
  function read(pointer: number, count: number): { ready: Event[]; sleeps: Sleep[] } | undefined {
    const ready: Event[] = [];
    const sleeps: Sleep[] = [];
    for (let index = 0; index < count; index++) {
      const at = (pointer >>> 0) + index * subscription.bytes;
      const userdata = memory.getU64(at);
      const type = memory.getU8(at + 8);
      if (type === EVENT_TYPE.clock) {
        const clock = at + subscription.clock;
        const now = readClock(memory.getU32(clock), host);
        const timeout = memory.getU64(clock + 8);
        if (now === undefined) {
          ready.push({ userdata, type, errno: ERRNO.inval, bytes: 0n, flags: 0 });
          continue;
        }
        const leftNs = (memory.getU16(clock + 24) & FLAG_ABSOLUTE) === 0 ? timeout : timeout - now;
        if (leftNs <= 0n) ready.push(clockEvent(userdata));
        else sleeps.push({ userdata, afterMs: Number(leftNs) / 1e6 });
        continue;
      }
      if (type !== EVENT_TYPE.fdRead && type !== EVENT_TYPE.fdWrite) return undefined;
      ready.push({ userdata, type, ...readiness(memory.getU32(at + 16), type) });
    }
    return { ready, sleeps };
  }

  function readiness(fd: number, type: number): Pick<Event, 'errno' | 'bytes' | 'flags'> {
    const right = type === EVENT_TYPE.fdRead ? RIGHT.fdRead : RIGHT.fdWrite;
    const descriptor = descriptors.allowed(fd, right | RIGHT.pollFdReadwrite);
    if (typeof descriptor === 'number') return { errno: descriptor, bytes: 0n, flags: 0 };
    if (type === EVENT_TYPE.fdWrite) return { errno: ERRNO.success, bytes: 0n, flags: 0 };
    const size = descriptor.kind === 'file' ? descriptor.node.size : host.context.stdin.length;
    const left = Math.max(0, size - descriptor.position);
    return { errno: ERRNO.success, bytes: BigInt(left), flags: left === 0 ? FLAG_HANGUP : 0 };
  }

  function answer(events: number, out: number, ready: readonly Event[]): number {
    ready.forEach((event, index) => {
      const at = (events >>> 0) + index * EVENT_BYTES;
      memory.bytes(at, EVENT_BYTES).fill(0);
      memory.setU64(at, event.userdata);
      memory.setU16(at + 8, event.errno);
      memory.setU8(at + 10, event.type);
      memory.setU64(at + 16, event.bytes);
      memory.setU16(at + 24, event.flags);
    });
    memory.setU32(out, ready.length);
    return ERRNO.success;
  }

  /** Resolves after `ms`, or as soon as the execution ends. */
  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          forget();
          resolve();
        },
        Math.min(ms, MAX_TIMER_MS),
      );
      const forget = host.onClose(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return {
    faultErrno: ERRNO.fault,
    internalErrno: ERRNO.io,
    calls: {
      poll_oneoff: pollOneoff,
      sched_yield: () => new Promise((resolve) => setImmediate(resolve, ERRNO.success)),
    },
  };
}

function clockEvent(userdata: bigint): Event {
  return { userdata, type: EVENT_TYPE.clock, errno: ERRNO.success, bytes: 0n, flags: 0 };
}
