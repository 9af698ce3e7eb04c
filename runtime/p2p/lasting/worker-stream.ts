import type { Stream } from '@libp2p/interface';
import { InferbaseError, messageOf } from '../../core/errors.ts';
import type { RollCall, WorkAnswer, WorkerService, WorkOrder } from '../../core/work.ts';
import type { FrameBudget } from './frames.ts';
import { createKeptStream } from './kept-stream.ts';
import { decodeToWorker, encodeToHead, type ToHead, type ToWorker, type Unreadable, VERSION } from './messages.ts';

/** A worker's end of the stream that one head keeps to it. */
export interface WorkerStream {
  end(why: string): void;
}

/** Orders of one head that may be under way, and roll calls that may be unanswered. */
const MAX_ORDERS = 16_384;
const MAX_ROLL_CALLS = 1_024;
/** Answers that may wait for one head to take them, in bytes. */
const WAITING_BYTES = 64 * 1_048_576;
/** How long a head may take to say hello, in ms. */
const HELLO_MS = 10_000;

/** Answers what the head of a stream that was just accepted asks; what it ordered ends with the stream. */
export function createWorkerStream(
  { head, stream, service }: { readonly head: string; readonly stream: Stream; readonly service: WorkerService },
  { onEnd }: { readonly onEnd: (why: string) => void },
  { budget }: { readonly budget: FrameBudget },
): WorkerStream {
  const orders = new Map<number, AbortController>();
  let rollCalls = 0;
  let greeted = false;
  const late = setTimeout(() => kept.end(`it said no hello in ${HELLO_MS} ms`), HELLO_MS);

  function send(message: ToHead): void {
    if (!kept.send(encodeToHead(message), true)) kept.end('it does not take the answers to its orders');
  }

  async function answerRollCall(id: number, call: RollCall): Promise<void> {
    // Unanswered, as by a worker that cannot: the head has others.
    if (rollCalls >= MAX_ROLL_CALLS) return;
    rollCalls++;
    try {
      const answer = await service.rollCall(call, head);
      if (answer === null) return;
      send({ kind: 'rollCallAnswer', id, ...answer });
    } finally {
      rollCalls--;
    }
  }

  async function execute(id: number, order: WorkOrder): Promise<void> {
    if (orders.has(id)) throw new InferbaseError('ERR_INTEGRITY', `it gave two orders the number ${id}`);
    if (orders.size >= MAX_ORDERS) {
      send({ kind: 'answer', id, answer: { ...NEVER_RAN, code: '503', message: 'busy: retry later' } });
      return;
    }
    const controller = new AbortController();
    orders.set(id, controller);
    const answer = await service.execute(order, head, controller.signal);
    orders.delete(id);
    if (!controller.signal.aborted) sendAnswer(id, answer);
  }

  function sendAnswer(id: number, { requestId: _, ...answer }: WorkAnswer): void {
    let problem = 'busy: this head takes results more slowly than they come';
    try {
      if (kept.send(encodeToHead({ kind: 'answer', id, answer }))) return;
    } catch (error) {
      // Larger than a frame.
      problem = messageOf(error);
    }
    send({ kind: 'answer', id, answer: { ...NEVER_RAN, message: problem } });
  }

  function receive(message: ToWorker | Unreadable): void {
    if (message.kind === 'hello') {
      if (greeted) throw new InferbaseError('ERR_INTEGRITY', 'it said hello twice');
      if (message.version < 1) throw new InferbaseError('ERR_INTEGRITY', `it speaks version ${message.version}`);
      clearTimeout(late);
      greeted = true;
      return;
    }
    if (!greeted) throw new InferbaseError('ERR_INTEGRITY', 'it said something before hello');
    if (message.kind === 'cancel') {
      orders.get(message.id)?.abort();
      return;
    }
    if (message.kind === 'unreadable') {
      if (message.isOrder)
        send({ kind: 'answer', id: message.id, answer: { ...NEVER_RAN, code: '400', message: message.why } });
      return;
    }
    const work =
      message.kind === 'order' ? execute(message.id, message.order) : answerRollCall(message.id, message.call);
    work.catch((error: unknown) => kept.end(messageOf(error)));
  }

  const kept = createKeptStream(
    stream,
    {
      onFrame: (frame) => receive(decodeToWorker(frame)),
      onEnd(why) {
        clearTimeout(late);
        for (const controller of orders.values()) controller.abort();
        onEnd(why);
      },
    },
    { budget, waitingBytes: WAITING_BYTES },
  );
  send({ kind: 'hello', version: VERSION });

  return {
    end: (why) => kept.end(why),
  };
}

const NEVER_RAN = { code: '500', outcome: null, message: '', attestation: null } as const;
