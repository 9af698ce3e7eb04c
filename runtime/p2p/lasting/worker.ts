import type { Stream } from '@libp2p/interface';
import type { WorkerService } from '../../core/work.ts';
import { LASTING_PROTOCOL, type Swarm } from '../swarm.ts';
import { createFrameBudget } from './frames.ts';
import { createWorkerStream, type WorkerStream } from './worker-stream.ts';

/** A worker's kept streams: heads open them, one each. */
export interface LastingWorker {
  stop(): void;
}

/** Frames of all heads that may be half here at once, in bytes. */
const MAX_HELD_BYTES = 128 * 1_048_576;

/** Takes streams of heads from now on. */
export async function createLastingWorker(
  { swarm, service }: { readonly swarm: Pick<Swarm, 'accept'>; readonly service: WorkerService },
  { log }: { readonly log: (line: string, fields?: object) => void },
): Promise<LastingWorker> {
  const streams = new Map<string, WorkerStream>();
  const budget = createFrameBudget(MAX_HELD_BYTES);
  let stopped = false;

  function take(head: string, stream: Stream): void {
    if (stopped) {
      stream.abort(new Error('this worker is shutting down'));
      return;
    }
    const before = streams.get(head);
    const onEnd = (why: string): void => {
      if (streams.get(head) !== taken) return;
      streams.delete(head);
      if (!stopped) log('a stream of a head ended', { peer: head, why });
    };
    const taken: WorkerStream = createWorkerStream({ head, stream, service }, { onEnd }, { budget });
    streams.set(head, taken);
    // The head knows no longer of the one before.
    before?.end('the head opened another one');
  }

  await swarm.accept(LASTING_PROTOCOL, take);
  return {
    stop() {
      stopped = true;
      for (const stream of [...streams.values()]) stream.end('this worker is shutting down');
    },
  };
}
