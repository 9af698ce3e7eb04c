import type { Connection, Stream, StreamHandler } from '@libp2p/interface';
import type { DirectMessage } from './swarm.ts';

export interface DirectMessagesInit {
  readonly log: (line: string, fields?: object) => void;
}

/** Reads the streams that peers open for one message each. */
export interface DirectMessages {
  /** For a protocol: bytes up to the first line feed or the end of the stream, `maxBytes` of them at most. */
  reader(protocol: string, maxBytes: number, listener: (message: DirectMessage) => void): StreamHandler;
  /** Resets what is under way. */
  stop(): void;
}

/** Messages under way from one peer, and from all. */
const PER_PEER = 1_024;
const IN_ALL = 16_384;
/** Bytes of messages not yet whole, of all peers. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
/** A stream that is this old must have brought `BYTES_PER_MS` since. */
const GRACE_MS = 10_000;
const BYTES_PER_MS = 16;
const SWEEP_MS = 1_000;
const CLOSE_MS = 10_000;
const LINE_FEED = 0x0a;

interface Incoming {
  readonly opened: number;
  readonly reset: (problem: string) => void;
  bytes: number;
}

export function createDirectMessages({ log }: DirectMessagesInit): DirectMessages {
  const incoming = new Set<Incoming>();
  const perPeer = new Map<string, number>();
  let held = 0;

  const sweep = setInterval(() => {
    const now = Date.now();
    for (const { opened, bytes, reset } of incoming) {
      if (now - opened > GRACE_MS + bytes / BYTES_PER_MS) reset('it sends too slowly');
    }
  }, SWEEP_MS).unref();

  function read(
    stream: Stream,
    { remotePeer }: Connection,
    { protocol, maxBytes }: { protocol: string; maxBytes: number },
    listener: (message: DirectMessage) => void,
  ): void {
    const from = remotePeer.toString();
    const chunks: Uint8Array[] = [];
    let over = false;
    // After a reset or the end of the connection, what came is not all of it.
    let whole = stream.remoteWriteStatus === 'closed';

    const leave = (): void => {
      if (over) return;
      over = true;
      held -= entry.bytes;
      chunks.length = 0;
      incoming.delete(entry);
      const left = (perPeer.get(from) ?? 1) - 1;
      if (left > 0) perPeer.set(from, left);
      else perPeer.delete(from);
    };
    const reset = (problem: string): void => {
      leave();
      log('a message of a peer was refused', { peer: from, protocol, problem });
      stream.abort(new Error(problem));
    };
    const finish = (): void => {
      if (over) return;
      const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      leave();
      if (bytes.length > 0) listener({ from, bytes });
    };
    // Go sends header, message and end at once: then `end` came and went while the negotiation still held the message, and
    // the bytes were put back afterwards.
    const ended = (): boolean =>
      whole &&
      stream.readableEnded &&
      stream.readBufferLength === 0 &&
      stream.status !== 'aborted' &&
      stream.status !== 'reset';
    const entry: Incoming = { opened: Date.now(), reset, bytes: 0 };
    incoming.add(entry);
    perPeer.set(from, (perPeer.get(from) ?? 0) + 1);
    if ((perPeer.get(from) ?? 0) > PER_PEER || incoming.size > IN_ALL) {
      reset('too many messages are under way');
      return;
    }

    stream.addEventListener('message', ({ data }) => {
      // Behind a line feed nothing counts.
      if (over) return;
      const chunk = data.subarray();
      const end = chunk.indexOf(LINE_FEED);
      const used = end < 0 ? chunk : chunk.subarray(0, end);
      entry.bytes += used.length;
      held += used.length;
      if (entry.bytes > maxBytes) reset(`it has more than ${maxBytes} bytes`);
      else if (held > MAX_HELD_BYTES) reset('messages under way hold too many bytes');
      else {
        chunks.push(used);
        if (end >= 0 || ended()) finish();
      }
    });
    stream.addEventListener('remoteCloseWrite', () => {
      whole = true;
    });
    stream.addEventListener('end', () => {
      if (ended()) finish();
    });
    stream.addEventListener('close', leave);
    if (ended()) finish();
    // Our half is not needed: answers go on streams of ours.
    stream.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((error: Error) => stream.abort(error));
  }

  return {
    reader: (protocol, maxBytes, listener) => (stream, connection) =>
      read(stream, connection, { protocol, maxBytes }, listener),
    stop() {
      clearInterval(sweep);
      for (const { reset } of [...incoming]) reset('this node stops');
    },
  };
}
