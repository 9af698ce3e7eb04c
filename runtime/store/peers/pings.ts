import type { Connection, Libp2p } from '@libp2p/interface';

/** What js-libp2p's connection has beside its interface: the muxer, and what yamux has beside that of muxers. */
interface PingedConnection extends Connection {
  readonly muxer: {
    /** @returns once the peer has answered, in ms */
    ping(): Promise<number>;
  };
}

export interface PingsInit {
  /** How often each peer is pinged, in ms; default 10 000. */
  readonly everyMs?: number;
  /** A peer that answers none for this long is gone, in ms; default 15 000, well above what a busy machine takes. */
  readonly timeoutMs?: number;
}

interface Watched {
  readonly connection: PingedConnection;
  /** When it was pinged last, and whether that is unanswered, in ms of this thread's clock. */
  pingedAt: number;
  waits: boolean;
}

const EVERY_MS = 10_000;
const TIMEOUT_MS = 15_000;
/** Looks at all connections in half of the time between two pings of one. */
const TURNS = 10;

/**
 * Lets go of peers that are gone without a word, such as by a cut link. Each is pinged by a frame of yamux, and they take
 * turns: js-libp2p's own monitor opens a stream on every connection at once, and a head with a thousand workers is busy with
 * that for a while every ten seconds. A host that stops closes its connections, and so ends this.
 */
export function pingInTurns(host: Pick<Libp2p, 'addEventListener'>, init: PingsInit = {}): void {
  const { everyMs = EVERY_MS, timeoutMs = TIMEOUT_MS } = init;
  const connections = new Map<Connection, Watched>();
  let turn = connections.values();
  let timer: NodeJS.Timeout | undefined;
  let lookedAt = 0;

  function look(): void {
    const now = performance.now();
    // While this thread stood still, nobody could be heard.
    if (now - lookedAt > timeoutMs / 2) for (const watched of connections.values()) watched.pingedAt = now;
    lookedAt = now;
    for (let left = Math.ceil(connections.size / TURNS); left > 0; left--) {
      const { value: watched, done } = turn.next();
      if (done) {
        turn = connections.values();
        return;
      }
      visit(watched, now);
    }
  }

  function visit(watched: Watched, now: number): void {
    const { connection, pingedAt, waits } = watched;
    if (connection.status === 'closed') {
      forget(connection);
      return;
    }
    if (waits) {
      if (now - pingedAt >= timeoutMs) connection.abort(new Error(`it answered no ping for ${timeoutMs} ms`));
      return;
    }
    if (now - pingedAt < everyMs) return;
    watched.pingedAt = now;
    watched.waits = true;
    connection.muxer.ping().then(
      () => {
        watched.waits = false;
      },
      // It is closing.
      () => {},
    );
  }

  function forget(connection: Connection): void {
    connections.delete(connection);
    if (connections.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  host.addEventListener('connection:open', ({ detail }) => {
    connections.set(detail, { connection: detail as PingedConnection, pingedAt: performance.now(), waits: false });
    if (timer !== undefined) return;
    lookedAt = performance.now();
    timer = setInterval(look, everyMs / 2 / TURNS).unref();
  });
  host.addEventListener('connection:close', ({ detail }) => forget(detail));
}
