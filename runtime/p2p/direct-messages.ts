import type { Connection, Stream, StreamHandler } from '@libp2p/interface';
import { largest } from '../core/largest.ts';
import { createPieces } from '../core/pieces.ts';
import { createLineBudget } from '../telemetry/line-budget.ts';
import type { DirectGuard } from './direct-guard.ts';
import type { DirectMessage } from './swarm.ts';

export interface DirectMessagesInit {
  /** Bytes of messages not yet whole, of all peers; default 256 MiB. */
  readonly maxHeldBytes?: number;
  /** Messages under way from one peer; default 1 024. */
  readonly maxOfPeer?: number;
  /** How long a message may take, in ms, whatever its length; default 10 000. */
  readonly graceMs?: number;
  /** Told of what comes; default nobody. */
  readonly guard?: Pick<DirectGuard, 'opened' | 'came'>;
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
const MAX_HELD_BYTES = 256 * 1024 * 1024;
/** A stream that is as old as the grace must have brought `BYTES_PER_MS` since, and something in the last `STALLED_MS`. */
const GRACE_MS = 10_000;
const BYTES_PER_MS = 16;
const STALLED_MS = 30_000;
const SWEEP_MS = 1_000;
const CLOSE_MS = 10_000;
const LINE_FEED = 0x0a;
/** Lines of the log that one peer may cause. */
const PEER_LINES = { lines: 10, windowMs: 60_000 } as const;

interface Incoming {
  readonly opened: number;
  readonly reset: (problem: string) => void;
  bytes: number;
  heardAt: number;
}

/** Reads nothing until `reader` is registered; its clock runs until `stop`. */
export function createDirectMessages(init: DirectMessagesInit): DirectMessages {
  const { log, maxHeldBytes = MAX_HELD_BYTES, maxOfPeer = PER_PEER, graceMs = GRACE_MS, guard } = init;
  const tell = createLineBudget((line, fields: object) => log(line, fields), PEER_LINES);
  const incoming = new Set<Incoming>();
  const perPeer = new Map<string, Set<Incoming>>();
  let held = 0;

  const sweep = setInterval(() => {
    const now = Date.now();
    for (const { opened, bytes, heardAt, reset } of incoming) {
      if (now - opened > graceMs + bytes / BYTES_PER_MS) reset('it sends too slowly');
      else if (now - heardAt > STALLED_MS) reset('nothing more of it came');
    }
  }, SWEEP_MS).unref();

  /** Whoever holds most has to go, not whoever comes last: else a few that hold on would keep all others out. */
  function makeRoom(): void {
    while (held > maxHeldBytes) {
      const own = largest(perPeer.values(), (streams) => sum(streams));
      const entry = own && largest(own, ({ bytes }) => bytes);
      if (entry === undefined) return;
      entry.reset('messages under way hold too many bytes');
    }
  }

  function read(
    stream: Stream,
    connection: Connection,
    { protocol, maxBytes }: { protocol: string; maxBytes: number },
    listener: (message: DirectMessage) => void,
  ): void {
    const from = connection.remotePeer.toString();
    guard?.opened(connection);
    const pieces = createPieces();
    let over = false;
    // After a reset or the end of the connection, what came is not all of it.
    let whole = stream.remoteWriteStatus === 'closed';

    const leave = (): void => {
      if (over) return;
      over = true;
      held -= entry.bytes;
      incoming.delete(entry);
      own.delete(entry);
      if (own.size === 0 && perPeer.get(from) === own) perPeer.delete(from);
    };
    const reset = (problem: string): void => {
      if (over) return;
      leave();
      pieces.take();
      tell(from, 'a message of a peer was refused', { peer: from, protocol, problem });
      stream.abort(new Error(problem));
    };
    const finish = (): void => {
      if (over) return;
      const bytes = pieces.take();
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
    const entry: Incoming = { opened: Date.now(), reset, bytes: 0, heardAt: Date.now() };
    incoming.add(entry);
    const own = perPeer.get(from) ?? new Set();
    perPeer.set(from, own.add(entry));
    if (own.size > maxOfPeer || incoming.size > IN_ALL) {
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
      entry.heardAt = Date.now();
      held += used.length;
      guard?.came(connection, used.length);
      if (entry.bytes > maxBytes) {
        reset(`it has more than ${maxBytes} bytes`);
        return;
      }
      makeRoom();
      if (over) return;
      pieces.add(used);
      if (end >= 0 || ended()) finish();
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

function sum(streams: Iterable<Incoming>): number {
  let bytes = 0;
  for (const stream of streams) bytes += stream.bytes;
  return bytes;
}
