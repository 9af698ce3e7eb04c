import type { MessagePort } from 'node:worker_threads';
import { fromErrorData, InferbaseError, toErrorData } from '../../core/errors.ts';
import { Batch, ITEM, type Item, type Packed, unpackBatch } from './batch.ts';

/** A kind of call: what goes there, what comes back, and what may come before that. Plain data but for what a codec packs. */
export interface Op {
  readonly payload: unknown;
  readonly answer: unknown;
  readonly note?: unknown;
}

/** How a value with bytes in it crosses: large ones are pushed to `buffers`. */
export interface Codec {
  pack(value: unknown, buffers: Uint8Array[]): unknown;
  unpack(packed: unknown, buffers: readonly Uint8Array[]): unknown;
}

/** By op; missing ones cross as they are. */
export type Codecs = Readonly<Record<string, { readonly payload?: Codec; readonly answer?: Codec } | undefined>>;

export type Handlers<Ops extends Readonly<Record<string, Op>>> = {
  readonly [Name in keyof Ops]: (
    payload: Ops[Name]['payload'],
    options: { readonly signal: AbortSignal; readonly note: (value: Ops[Name]['note']) => void },
  ) => Promise<Ops[Name]['answer']>;
};

/** One end of the port between two threads; both ends ask and answer. */
export interface Link<Theirs extends Readonly<Record<string, Op>>> {
  /**
   * Calls the other side.
   * @param options.signal takes the call back; the other side is told
   * @param options.onNote told what comes before the answer
   * @param options.owner whose call it is: nobody may hold more than half of what all may
   * @param options.isSmall a question, which is asked where larger calls no longer are
   * @throws InferbaseError `ERR_CANCELLED` when `signal` aborts, `ERR_BUSY` when too much is under way, `lost` when the
   *   other side is gone or goes, and what the other side throws
   */
  call<Name extends keyof Theirs & string>(
    name: Name,
    payload: Theirs[Name]['payload'],
    options?: {
      readonly signal?: AbortSignal;
      readonly onNote?: (value: Theirs[Name]['note']) => void;
      readonly owner?: string;
      readonly isSmall?: boolean;
    },
  ): Promise<Theirs[Name]['answer']>;
  /** From now on through this port; what was under way through another one fails. */
  connect(port: MessagePort): void;
  /** Fails what is under way and all that is called later. */
  close(): void;
}

export interface LinkInit<Mine extends Readonly<Record<string, Op>>> {
  readonly handlers: Handlers<Mine>;
  readonly codecs: Codecs;
  /** What calls fail with while there is no other side. */
  readonly lost: () => InferbaseError;
  readonly maxCalls?: number;
  readonly maxChars?: number;
}

/** Calls of one side under way at once, and what they may hold together, in characters; one alone is always taken. */
const MAX_CALLS = 65_536;
const MAX_CHARS = 64 * 1_048_576;
/** A message of this size is not held back for others, in characters. */
const LARGE_CHARS = 1_048_576;

interface Call {
  readonly op: string;
  readonly size: number;
  readonly owner: string | undefined;
  readonly onNote: ((value: unknown) => void) | undefined;
  readonly settle: PromiseWithResolvers<unknown>;
}

/** An end that leads nowhere until `connect`. */
export function createLink<Mine extends Readonly<Record<string, Op>>, Theirs extends Readonly<Record<string, Op>>>(
  init: LinkInit<Mine>,
): Link<Theirs> {
  const { codecs, lost, maxCalls = MAX_CALLS, maxChars = MAX_CHARS } = init;
  const handlers: ReadonlyMap<string, Handlers<Record<string, Op>>[string]> = new Map(Object.entries(init.handlers));
  const calls = new Map<number, Call>();
  let chars = 0;
  const charsOf = new Map<string, number>();
  let open = new Map<number, AbortController>();
  let port: MessagePort | undefined;
  let batch = new Batch();
  let scheduled = false;
  let closed = false;
  let lastId = 0;

  /** One message a turn: each wakes the other thread, which costs more than what is in it. */
  function add(item: Item): number {
    if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
    const size = batch.add(item);
    // Large ones do not pile up until the turn is over: a peer may have many become whole in one.
    if (batch.chars > LARGE_CHARS) send();
    return size;
  }

  function flush(): void {
    scheduled = false;
    send();
  }

  function send(): void {
    if (!batch.empty) port?.postMessage(batch.take());
  }

  function forget(id: number): Call | undefined {
    const call = calls.get(id);
    if (call === undefined || !calls.delete(id)) return undefined;
    count(call, -1);
    return call;
  }

  function count({ size, owner }: Pick<Call, 'size' | 'owner'>, sign: 1 | -1): void {
    chars += sign * size;
    if (owner === undefined) return;
    const own = (charsOf.get(owner) ?? 0) + sign * size;
    if (own === 0) charsOf.delete(owner);
    else charsOf.set(owner, own);
  }

  function checkRoom(owner: string | undefined, isSmall: boolean): void {
    if (chars >= (isSmall ? 2 * maxChars : maxChars)) {
      throw new InferbaseError('ERR_BUSY', `busy: orders under way hold ${chars} bytes already; retry later`);
    }
    const own = owner === undefined ? 0 : (charsOf.get(owner) ?? 0);
    if (own >= maxChars / 2) {
      throw new InferbaseError(
        'ERR_BUSY',
        `busy: orders of this node under way hold ${own} bytes already; retry later`,
      );
    }
  }

  async function answer(id: number, op: string, payload: unknown, buffers: readonly Uint8Array[]): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const mine = open;
    mine.set(id, controller);
    try {
      const handler = handlers.get(op);
      if (handler === undefined) throw new InferbaseError('ERR_INTERNAL', `nothing answers ${op} on this thread`);
      const codec = codecs[op];
      const given = codec?.payload === undefined ? payload : codec.payload.unpack(payload, buffers);
      const note = (value: unknown): void => {
        if (!signal.aborted) add([ITEM.note, id, value]);
      };
      const value = await handler(given, { signal, note });
      // Nobody waits any longer, or the port that asked is gone.
      if (signal.aborted) return;
      add([ITEM.answer, id, codec?.answer === undefined ? value : codec.answer.pack(value, batch.buffers)]);
    } catch (error) {
      if (!signal.aborted) add([ITEM.failure, id, toErrorData(error)]);
    } finally {
      mine.delete(id);
    }
  }

  function receive(item: Item, buffers: readonly Uint8Array[]): void {
    const id = item[1];
    switch (item[0]) {
      case ITEM.call:
        void answer(id, item[2], item[3], buffers);
        break;
      case ITEM.note:
        calls.get(id)?.onNote?.(item[2]);
        break;
      case ITEM.cancel:
        open.get(id)?.abort();
        break;
      case ITEM.failure:
        forget(id)?.settle.reject(fromErrorData(item[2]));
        break;
      case ITEM.answer: {
        const call = forget(id);
        const codec = call === undefined ? undefined : codecs[call.op]?.answer;
        call?.settle.resolve(codec === undefined ? item[2] : codec.unpack(item[2], buffers));
      }
    }
  }

  /** Everything of a port that is no more. */
  function drop(): void {
    port = undefined;
    batch = new Batch();
    const [gone, unanswered] = [[...calls.keys()], open];
    open = new Map();
    for (const id of gone) forget(id)?.settle.reject(lost());
    for (const controller of unanswered.values()) controller.abort();
  }

  return {
    async call(name, payload, { signal, onNote, owner, isSmall = false } = {}) {
      if (signal?.aborted) throw cancelled();
      if (port === undefined || closed) throw lost();
      if (calls.size >= maxCalls) {
        throw new InferbaseError('ERR_BUSY', `busy: ${calls.size} orders are under way already; retry later`);
      }
      const pack = codecs[name]?.payload;
      const id = ++lastId;
      checkRoom(owner, isSmall);
      const { buffers } = batch;
      const before = buffers.length;
      const packed = pack === undefined ? payload : pack.pack(payload, buffers);
      // What lies beside the text counts as well.
      const beside = buffers.slice(before).reduce((sum, { length }) => sum + length, 0);
      const size = beside + add([ITEM.call, id, name, packed]);
      const settle = Promise.withResolvers<unknown>();
      calls.set(id, { op: name, size, owner, onNote, settle });
      count({ size, owner }, 1);
      const leave = (): void => {
        if (forget(id) === undefined) return;
        add([ITEM.cancel, id]);
        settle.reject(cancelled());
      };
      signal?.addEventListener('abort', leave, { once: true });
      try {
        return await settle.promise;
      } finally {
        signal?.removeEventListener('abort', leave);
      }
    },
    connect(next) {
      if (closed) {
        next.close();
        return;
      }
      port?.close();
      drop();
      port = next;
      next.on('message', (packed: Packed) => {
        if (port !== next) return;
        const { items, buffers } = unpackBatch(packed);
        for (const item of items) receive(item, buffers);
      });
      next.on('close', () => {
        if (port === next) drop();
      });
      // What waits for an answer keeps the process alive by other means; an idle port must not.
      next.unref();
    },
    close() {
      closed = true;
      port?.close();
      drop();
    },
  };
}

function cancelled(): InferbaseError {
  return new InferbaseError('ERR_CANCELLED', 'the caller went away');
}
