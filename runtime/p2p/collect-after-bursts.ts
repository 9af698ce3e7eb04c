import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { Libp2p } from '@libp2p/interface';
import { collectGarbage, returnMemory } from '../core/collect-garbage.ts';

export interface CollectInit {
  /** How long no connection may have come, in ms; default 10 000. */
  readonly quietMs?: number;
  /** The part of that time in which this thread was at work, 0 to 1; default: as its event loop has it. */
  readonly busyness?: () => number;
}

/** Connections after which it is worth it. */
const BURST = 64;
const QUIET_MS = 10_000;
/** A thread that was at work for more of the time than this has work that would wait. */
const BUSY = 0.8;

/**
 * Has this thread's garbage collected once many peers have connected and no more come: handshakes leave behind more than
 * connections keep, and a head whose workers are idle does not allocate enough for V8 to look by itself. A thread that has
 * little to do gives memory back to the system as well, which takes a few tenths of a second; a busy one needs it anyway.
 * @returns stops watching
 */
export function collectAfterBursts(
  components: {
    readonly host: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>;
    /** Default: those of this thread. */
    readonly memory?: { readonly collectGarbage: () => void; readonly returnMemory: () => void };
  },
  init: CollectInit = {},
): () => void {
  const { host, memory = { collectGarbage, returnMemory } } = components;
  let since: EventLoopUtilization = performance.eventLoopUtilization();
  const { quietMs = QUIET_MS, busyness = () => performance.eventLoopUtilization(since).utilization } = init;
  let come = 0;
  const quiet = setTimeout(() => {
    if (come >= BURST) {
      if (busyness() > BUSY) memory.collectGarbage();
      else memory.returnMemory();
    }
    come = 0;
  }, quietMs).unref();
  const onConnect = (): void => {
    come++;
    since = performance.eventLoopUtilization();
    quiet.refresh();
  };
  host.addEventListener('peer:connect', onConnect);
  return () => {
    clearTimeout(quiet);
    host.removeEventListener('peer:connect', onConnect);
  };
}
