import type { MessageStream, StreamMuxer } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';

/** What the muxer of js-libp2p has beside its interface (`@libp2p/utils`, `AbstractStreamMuxer`). */
export interface SendingMuxer extends StreamMuxer {
  /** Hands one frame to the connection. @returns whether it takes more now; else streams wait until it does */
  send(frame: Uint8Array | Uint8ArrayList): boolean;
}

/** A frame of this size goes by itself: it would be copied, and has no need of company. In bytes. */
const LARGE_BYTES = 16_384;
/** Frames together are one message of Noise, which has at most 65 519 bytes. */
const MAX_JOINED_BYTES = 65_519;

/** How long frames wait for others that nobody waits for, in ms. */
const UNHURRIED_MS = 20;

export interface JoinedFrames {
  /** Frames that are sent by `work` leave with the next ones, or after a moment: nobody waits for them. */
  unhurried<T>(work: () => T): T;
}

/**
 * Hands the frames that one turn makes to the connection at once: there, every call is encrypted, written, and at the
 * other end wakes a thread that reads and decrypts it by itself, which costs more than a small frame. Frames leave in
 * their order, and when the turn is over.
 */
export function joinFrames(muxer: SendingMuxer, connection: MessageStream): JoinedFrames {
  const send = muxer.send.bind(muxer);
  const close = muxer.close.bind(muxer);
  let frames: Uint8Array[] = [];
  let bytes = 0;
  let scheduled: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isUnhurried = false;

  function flush(): boolean {
    clearImmediate(scheduled);
    scheduled = undefined;
    clearTimeout(timer);
    timer = undefined;
    if (bytes === 0) return true;
    const joined = frames.length === 1 ? frames[0] : Buffer.concat(frames, bytes);
    frames = [];
    bytes = 0;
    if (joined === undefined || connection.status !== 'open') return true;
    try {
      return send(joined);
    } catch {
      // It has ended itself, and its streams with it.
      return true;
    }
  }

  muxer.send = (frame) => {
    const { byteLength } = frame;
    if (byteLength >= LARGE_BYTES) {
      flush();
      return send(frame);
    }
    const hasRoom = bytes + byteLength <= MAX_JOINED_BYTES || flush();
    frames.push(frame.subarray());
    bytes += byteLength;
    if (isUnhurried) timer ??= setTimeout(flush, UNHURRIED_MS);
    else scheduled ??= setImmediate(flush);
    return hasRoom && !connection.writableNeedsDrain;
  };
  muxer.close = async (options) => {
    await close(options);
    flush();
  };
  return {
    unhurried(work) {
      isUnhurried = true;
      try {
        return work();
      } finally {
        isUnhurried = false;
      }
    },
  };
}
