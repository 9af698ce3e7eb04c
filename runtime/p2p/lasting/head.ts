import { InferbaseError, messageOf } from '../../core/errors.ts';
import type { RollCall, RollCallAnswer, WorkAnswer, WorkOrder } from '../../core/work.ts';
import { LASTING_PROTOCOL, type Swarm } from '../swarm.ts';
import { createFrameBudget } from './frames.ts';
import { createHeadStream, type HeadStream } from './head-stream.ts';

/** A head's kept streams: one to each worker of our own kind that it is connected with. */
export interface LastingHead {
  /** Whether the worker can be asked this way now. */
  has(peerId: string): boolean;
  /** Asks one worker; it answers once, or not at all. */
  rollCall(
    peerId: string,
    call: RollCall,
    options: { readonly onAnswer: (answer: RollCallAnswer) => void; readonly signal: AbortSignal },
  ): void;
  /** As `WorkerNetwork.order`; where too much waits for the worker, the answer is a `503` of this node's. */
  order(peerId: string, order: WorkOrder, signal: AbortSignal): Promise<WorkAnswer>;
  stop(): void;
}

export interface LastingHeadInit {
  readonly log: (line: string, fields?: object) => void;
  /** First and longest pause before a stream is opened again, in ms. */
  readonly pauseMs?: readonly [first: number, longest: number];
}

/** Frames of all workers that may be half here at once, in bytes. */
const MAX_HELD_BYTES = 128 * 1_048_576;
/** For a worker to take a stream, in ms. */
const OPEN_MS = 10_000;
const PAUSE_MS = [1_000, 60_000] as const;

interface Keeping {
  stream: HeadStream | undefined;
  retry: NodeJS.Timeout | undefined;
  pause: number;
  /** When the worker said hello on the stream that is open, as `performance.now()` has it. */
  readyAt: number;
}

/** Opens a stream to every worker that speaks our protocol, and again when it breaks, for as long as it is connected. */
export function createLastingHead(
  { swarm }: { readonly swarm: Pick<Swarm, 'open' | 'speakers' | 'onPeers'> },
  { log, pauseMs: [first, longest] = PAUSE_MS }: LastingHeadInit,
): LastingHead {
  const kept = new Map<string, Keeping>();
  const budget = createFrameBudget(MAX_HELD_BYTES);
  const stopped = new AbortController();

  function forget(peerId: string): void {
    const keeping = kept.get(peerId);
    kept.delete(peerId);
    clearTimeout(keeping?.retry);
    keeping?.stream?.end('it is not connected any more');
  }

  function keep(peerId: string): void {
    if (kept.has(peerId)) return;
    const keeping: Keeping = { stream: undefined, retry: undefined, pause: first, readyAt: Number.POSITIVE_INFINITY };
    kept.set(peerId, keeping);
    void open(peerId, keeping);
  }

  async function open(peerId: string, keeping: Keeping): Promise<void> {
    const ended = (why: string): void => {
      keeping.stream = undefined;
      // Whoever says hello and then nonsense, again and again, is asked ever more rarely.
      if (performance.now() - keeping.readyAt > longest) keeping.pause = first;
      keeping.readyAt = Number.POSITIVE_INFINITY;
      if (kept.get(peerId) !== keeping || stopped.signal.aborted) return;
      // Workers that lost the same head do not come back in step.
      const pause = keeping.pause * (0.5 + Math.random() / 2);
      keeping.retry = setTimeout(() => {
        // Not at once: most streams end because the worker does, which is nothing to tell.
        log('the stream to a worker broke and is opened again', { peer: peerId, why });
        void open(peerId, keeping);
      }, pause).unref();
      keeping.pause = Math.min(longest, keeping.pause * 2);
    };
    try {
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(OPEN_MS)]);
      const stream = await swarm.open(peerId, LASTING_PROTOCOL, signal);
      if (kept.get(peerId) !== keeping || stopped.signal.aborted) {
        stream.abort(new Error('it is not wanted any more'));
        return;
      }
      const onReady = (): void => {
        keeping.readyAt = performance.now();
      };
      keeping.stream = createHeadStream({ peerId, stream }, { onReady, onEnd: ended }, { budget });
    } catch (error) {
      ended(messageOf(error));
    }
  }

  const stopListening = swarm.onPeers((peerId, connected) => {
    if (!connected) forget(peerId);
    else if (swarm.speakers(LASTING_PROTOCOL).includes(peerId)) keep(peerId);
  });
  for (const peerId of swarm.speakers(LASTING_PROTOCOL)) keep(peerId);

  const ready = (peerId: string): HeadStream | undefined => {
    const stream = kept.get(peerId)?.stream;
    return stream?.ready === true ? stream : undefined;
  };
  return {
    has: (peerId) => ready(peerId) !== undefined,
    rollCall(peerId, call, { onAnswer, signal }) {
      ready(peerId)?.rollCall(call, onAnswer, signal);
    },
    async order(peerId, order, signal) {
      const stream = ready(peerId);
      if (stream !== undefined) return await stream.order(order, signal);
      throw new InferbaseError('ERR_NOT_ENOUGH_NODES', `worker ${peerId} is gone`);
    },
    stop() {
      stopListening();
      stopped.abort();
      for (const peerId of [...kept.keys()]) forget(peerId);
    },
  };
}
