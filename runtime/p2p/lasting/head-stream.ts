import type { Stream } from '@libp2p/interface';
import { InferbaseError } from '../../core/errors.ts';
import type { RollCall, RollCallAnswer, WorkAnswer, WorkOrder } from '../../core/work.ts';
import type { FrameBudget } from './frames.ts';
import { createKeptStream } from './kept-stream.ts';
import { decodeToHead, encodeToWorker, type ToHead, VERSION } from './messages.ts';

/** A head's end of the stream that it keeps to one worker. */
export interface HeadStream {
  /** The worker has said hello. */
  readonly ready: boolean;
  /** @returns false when the worker was not asked: too much waits for it */
  rollCall(call: RollCall, onAnswer: (answer: RollCallAnswer) => void, signal: AbortSignal): boolean;
  /** As `WorkerNetwork.order`; where too much waits for the worker, the answer is a `503` of this node's. */
  order(order: WorkOrder, signal: AbortSignal): Promise<WorkAnswer>;
  end(why: string): void;
}

export interface HeadStreamEvents {
  onReady(): void;
  /** Called once, whether it was ready or not. */
  onEnd(why: string): void;
}

interface Asked {
  readonly call: RollCall;
  readonly onAnswer: (answer: RollCallAnswer) => void;
}

interface Ordered {
  readonly requestId: string;
  readonly settle: PromiseWithResolvers<WorkAnswer>;
}

/** Orders that one worker may have at once. */
const MAX_ORDERS = 16_384;
/** Orders that may wait for one worker to take them, in bytes. */
const WAITING_BYTES = 16 * 1_048_576;
/** How long a worker may take to say hello, in ms. */
const HELLO_MS = 10_000;

/** Says hello on a stream that was just opened; it is of use once the worker has said it, too. */
export function createHeadStream(
  { peerId, stream }: { readonly peerId: string; readonly stream: Stream },
  events: HeadStreamEvents,
  { budget }: { readonly budget: FrameBudget },
): HeadStream {
  const asked = new Map<number, Asked>();
  const ordered = new Map<number, Ordered>();
  let lastId = 0;
  let ready = false;
  const late = setTimeout(() => kept.end(`it said no hello in ${HELLO_MS} ms`), HELLO_MS);

  function receive(message: ToHead): void {
    if (message.kind === 'hello') {
      if (ready) throw new InferbaseError('ERR_INTEGRITY', 'it said hello twice');
      if (message.version < 1) throw new InferbaseError('ERR_INTEGRITY', `it speaks version ${message.version}`);
      clearTimeout(late);
      ready = true;
      events.onReady();
      return;
    }
    if (!ready) throw new InferbaseError('ERR_INTEGRITY', 'it said something before hello');
    if (message.kind === 'answer') settle(message);
    else hear(message);
  }

  /** An answer that nobody waits for is late, or a second one. */
  function settle({ id, answer }: Extract<ToHead, { kind: 'answer' }>): void {
    const order = ordered.get(id);
    ordered.delete(id);
    order?.settle.resolve({ requestId: order.requestId, ...answer });
  }

  function hear({ id, code, load }: Extract<ToHead, { kind: 'rollCallAnswer' }>): void {
    const call = asked.get(id);
    if (call === undefined) return;
    asked.delete(id);
    const { requestId, functionId } = call.call;
    call.onAnswer({ peerId, requestId, functionId, code, load, lasting: true });
  }

  function nextId(): number {
    lastId = (lastId + 1) >>> 0;
    return lastId;
  }

  const kept = createKeptStream(
    stream,
    {
      onFrame: (frame) => receive(decodeToHead(frame)),
      onEnd(why) {
        clearTimeout(late);
        ready = false;
        asked.clear();
        const gone = new InferbaseError('ERR_NOT_ENOUGH_NODES', `worker ${peerId} went away: ${why}`);
        for (const { settle } of ordered.values()) settle.reject(gone);
        ordered.clear();
        events.onEnd(why);
      },
    },
    { budget, waitingBytes: WAITING_BYTES },
  );
  kept.send(encodeToWorker({ kind: 'hello', version: VERSION }));

  return {
    get ready() {
      return ready;
    },
    rollCall(call, onAnswer, signal) {
      const id = nextId();
      if (signal.aborted || !ready || !kept.send(encodeToWorker({ kind: 'rollCall', id, call }))) return false;
      asked.set(id, { call, onAnswer });
      signal.addEventListener('abort', () => asked.delete(id), { once: true });
      return true;
    },
    async order(order, signal) {
      if (signal.aborted) throw cancelled();
      const id = nextId();
      const frame = encodeToWorker({ kind: 'order', id, order });
      if (ordered.size >= MAX_ORDERS || !kept.send(frame)) {
        // Nothing of it left: an answer that has another worker take it.
        const message = `busy: worker ${peerId} does not take more orders for now; retry later`;
        return { requestId: order.requestId, code: '503', outcome: null, message, attestation: null };
      }
      const settle = Promise.withResolvers<WorkAnswer>();
      ordered.set(id, { requestId: order.requestId, settle });
      const leave = (): void => {
        if (!ordered.delete(id)) return;
        kept.send(encodeToWorker({ kind: 'cancel', id }), true);
        settle.reject(cancelled());
      };
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await settle.promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    end: (why) => kept.end(why),
  };
}

function cancelled(): InferbaseError {
  return new InferbaseError('ERR_CANCELLED', 'the caller went away');
}
