import type { Stream } from '@libp2p/interface';
import { messageOf } from '../../core/errors.ts';
import { createFrameReader, type Frame, type FrameBudget } from './frames.ts';

/** A stream of frames, both ways, that stays open. */
export interface KeptStream {
  /**
   * Sends a frame; those of one turn leave together.
   * @param urgent it is small, and taken where others no longer are
   * @returns false when it was not taken: too much waits for the other side already, or the stream has ended
   */
  send(frame: Buffer, urgent?: boolean): boolean;
  /** Ends it; `onEnd` is told, unless it has ended before. */
  end(why: string): void;
}

export interface KeptStreamEvents {
  /** May throw: that ends the stream. */
  onFrame(frame: Frame): void;
  /** Called once. */
  onEnd(why: string): void;
}

/** And what urgent frames may add. */
const URGENT_BYTES = 1_048_576;
/** Frames up to this size are copied together; larger ones go by themselves. */
const COPY_BYTES = 65_536;

/** @param init.waitingBytes what may wait for the other side to take it; one frame alone is always taken */
export function createKeptStream(
  stream: Stream,
  events: KeptStreamEvents,
  init: { readonly budget: FrameBudget; readonly waitingBytes: number },
): KeptStream {
  const { budget, waitingBytes } = init;
  const reader = createFrameReader(budget, (why) => end(why));
  let queue: Buffer[] = [];
  let queued = 0;
  let scheduled = false;
  let ended = false;

  function flush(): void {
    scheduled = false;
    if (ended || queue.length === 0 || stream.writableNeedsDrain) return;
    const frames = queue;
    queue = [];
    queued = 0;
    try {
      for (const piece of joined(frames)) stream.send(piece);
    } catch (error) {
      end(messageOf(error));
    }
  }

  function end(why: string): void {
    if (ended) return;
    ended = true;
    queue = [];
    reader.drop();
    stream.removeEventListener('message', onMessage);
    if (stream.status === 'open' || stream.status === 'closing') stream.abort(new Error(why));
    events.onEnd(why);
  }

  function onMessage({ data }: { data: { subarray(): Uint8Array } }): void {
    if (ended) return;
    try {
      for (const frame of reader.push(data.subarray())) {
        if (ended) return;
        events.onFrame(frame);
      }
    } catch (error) {
      end(messageOf(error));
    }
  }

  stream.addEventListener('message', onMessage);
  stream.addEventListener('drain', flush);
  stream.addEventListener('remoteCloseWrite', () => end('the other node closed it'));
  stream.addEventListener('close', ({ error }) => end(error?.message ?? 'it was closed'));

  return {
    send(frame, urgent = false) {
      const waiting = queued + stream.writeBufferLength;
      const most = urgent ? waitingBytes + URGENT_BYTES : waitingBytes;
      if (ended || (waiting > 0 && waiting + frame.length > most)) return false;
      queue.push(frame);
      queued += frame.length;
      if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
      return true;
    },
    end,
  };
}

/** Small frames together, large ones as they are. */
function joined(frames: readonly Buffer[]): readonly Buffer[] {
  const [first] = frames;
  if (frames.length === 1 && first !== undefined) return frames;
  const pieces: Buffer[] = [];
  let small: Buffer[] = [];
  for (const frame of frames) {
    if (frame.length <= COPY_BYTES) {
      small.push(frame);
      continue;
    }
    if (small.length > 0) pieces.push(Buffer.concat(small));
    pieces.push(frame);
    small = [];
  }
  if (small.length > 0) pieces.push(Buffer.concat(small));
  return pieces;
}
