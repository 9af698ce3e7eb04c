import type { Outcome } from '../../../runtime/core/execution.ts';
import {
  createFrameBudget,
  createFrameReader,
  type Frame,
  MAX_FRAME_BYTES,
} from '../../../runtime/p2p/lasting/frames.ts';
import {
  decodeToHead,
  decodeToWorker,
  encodeToHead,
  encodeToWorker,
  type ToHead,
  type ToWorker,
} from '../../../runtime/p2p/lasting/messages.ts';
import { mutate, type Random } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const BUDGET = 20_000;
const TEXTS = ['', 'bafy', 'ü\u0000"\\', '\ud800', '__proto__', 'x'.repeat(300)] as const;

function someOutcome(random: Random): Outcome {
  const amount = (): number => random.pick([0, 0.1 + 0.2, 7, Number.MAX_SAFE_INTEGER, 1e300]);
  return {
    cause: random.pick(['exited', 'trapped', 'deadline', 'interrupted'] as const),
    exitCode: random.pick([-1, 0, 255]),
    message: random.pick(TEXTS),
    stdout: random.bytes(random.below(300)),
    stderr: random.bytes(random.below(30)),
    stdoutTruncated: random.once(2),
    stderrTruncated: random.once(2),
    usage: {
      ...{ wallMs: amount(), cpuMs: amount(), fuel: amount(), peakMemoryBytes: amount() },
      ...{ hostCalls: amount(), bytesIn: amount(), bytesOut: amount() },
    },
  };
}

function toHead(random: Random): Buffer {
  const id = random.pick([0, 1, 4_294_967_295]);
  const text = (): string => random.pick(TEXTS);
  const signed = {
    peerId: text(),
    functionId: text(),
    requestHash: text(),
    outcomeHash: text(),
    time: text(),
    signature: text(),
  };
  const messages: readonly ToHead[] = [
    { kind: 'hello', version: id },
    { kind: 'rollCallAnswer', id, code: random.pick(['202', '']), load: random.pick([0, 0.5, 3]) },
    {
      kind: 'answer',
      id,
      answer: {
        ...{ code: '200', message: text() },
        attestation: random.once(2) ? null : signed,
        outcome: random.once(3) ? null : someOutcome(random),
      },
    },
  ];
  return encodeToHead(random.pick(messages));
}

function toWorker(random: Random): Buffer {
  const id = random.pick([0, 1, 4_294_967_295]);
  const text = (): string => random.pick(TEXTS);
  const named = random.times(3, () => ({ name: text(), value: text() }));
  const request = { function_id: text(), parameters: named, config: { stdin: text(), env_vars: named, timeout: 2 } };
  const messages: readonly ToWorker[] = [
    { kind: 'hello', version: id },
    { kind: 'cancel', id },
    {
      kind: 'rollCall',
      id,
      call: {
        ...{ requestId: text(), functionId: text(), method: text(), topic: text(), consensus: 0 },
        attributes: random.once(2) ? null : { values: named, attestors: { each: [text()] } },
      },
    },
    {
      kind: 'order',
      id,
      order: {
        requestId: text(),
        topic: text(),
        request,
        peers: [text(), text()],
        timestamp: text(),
        deadlineMs: null,
      },
    },
  ];
  return encodeToWorker(random.pick(messages));
}

const CODES = ['ERR_INTEGRITY', 'ERR_BUSY', 'ERR_INVALID_REQUEST'];

/**
 * What heads and workers say on the streams that they keep, whole or damaged, in pieces of any size: refused, or read
 * within its bounds and, once read, written and read again as it was.
 */
export const keptStream: FuzzTarget = {
  name: 'kept-stream',
  async open() {
    return {
      try(random) {
        const headReads = random.once(2);
        const whole = Buffer.concat(random.times(4, () => (headReads ? toHead(random) : toWorker(random))));
        const bytes = random.once(3) ? whole : mutate(whole, random);
        const budget = createFrameBudget(BUDGET);
        const reader = createFrameReader(budget, () => {});
        const step = 1 + random.below(200);
        refusable(CODES, () => {
          for (let at = 0; at < bytes.length; at += step) {
            for (const frame of reader.push(bytes.subarray(at, at + step))) readAgain(frame, headReads);
            require(budget.held <= at + step, 'more is held than came');
          }
        });
        reader.drop();
        require(budget.held === 0, 'something stays held');
      },
    };
  },
};

function readAgain(frame: Frame, headReads: boolean): void {
  require(frame.header.length + frame.raw.length <= MAX_FRAME_BYTES, 'a frame beyond the cap');
  if (headReads) check(decodeToHead(frame), encodeToHead, decodeToHead);
  else {
    const message = decodeToWorker(frame);
    if (message.kind !== 'unreadable') check(message, encodeToWorker, decodeAgain);
  }
}

function decodeAgain(frame: Frame): ToWorker {
  const message = decodeToWorker(frame);
  require(message.kind !== 'unreadable', 'what could be read cannot be read again');
  return message;
}

function check<T>(message: T, encode: (message: T) => Buffer, decode: (frame: Frame) => T): void {
  const [frame] = createFrameReader(createFrameBudget(Number.POSITIVE_INFINITY), () => {}).push(encode(message));
  require(frame !== undefined && encode(decode(frame)).equals(encode(message)), 'it is not read as it was written');
}
