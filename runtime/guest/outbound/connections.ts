import type { Dispatcher } from 'undici';
import { OutboundError } from './errors.ts';
import { Shares } from './shares.ts';
import { Unread } from './unread.ts';

/** Pools beyond this many are closed, the one unused for longest first. */
const MAX_POOLS = 256;
/** Sockets to one place; more requests than that wait for one (see `Shares`). */
const MAX_SOCKETS = 512;
const MAX_UNREAD_BYTES = 268_435_456;
export const CONNECT_TIMEOUT_MS = 10_000;

/** One address, reached for one decision. */
export interface Place {
  readonly dispatcher: Dispatcher;
  /** Who holds its sockets. */
  readonly shares: Shares;
  /** What was received and not read, from here and everywhere else. */
  readonly unread: Unread;
}

type Undici = typeof import('undici');

interface PlaceKey {
  /** Scheme, host and port of the URL; TLS names this host. */
  readonly origin: string;
  /** The checked address that is connected to; nothing is resolved again. */
  readonly address: string;
  readonly decision: string;
}

export interface Connections {
  /** Keep-alive connections to one address, made for one decision and never used for another. */
  to(key: PlaceKey): Place | Promise<Place>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

/**
 * Keep-alive connection pools of one thread. undici is loaded when the first is needed.
 * @param sockets most to one place
 * @param unreadBytes of all responses, received and not read
 */
export function createConnections(sockets = MAX_SOCKETS, unreadBytes = MAX_UNREAD_BYTES): Connections {
  const unread = new Unread(unreadBytes);
  const places = new Map<string, Place & { pool: { destroy(): Promise<void>; close(): Promise<void> } }>();
  let loading: Promise<Undici> | undefined;
  let undici: Undici | null = null;
  let closed = false;

  function placeOf({ Pool, buildConnector }: Undici, { origin, address, decision }: PlaceKey): Place {
    if (closed) throw new OutboundError('cancelled', 'The node is shutting down.');
    const key = `${origin} ${address} ${decision}`;
    let place = places.get(key);
    if (place === undefined) {
      const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
      const pool = new Pool(origin, {
        connections: sockets,
        // Time is kept by the request as a whole.
        headersTimeout: 0,
        bodyTimeout: 0,
        allowH2: false,
        connect: (options, callback) => connect({ ...options, hostname: address }, callback),
      });
      place = { dispatcher: pool, pool, shares: new Shares(sockets), unread };
      for (const [oldest, unused] of places) {
        if (places.size < MAX_POOLS) break;
        places.delete(oldest);
        unused.pool.close().catch(() => {});
      }
    }
    places.delete(key);
    places.set(key, place);
    return place;
  }

  return {
    to(key) {
      if (undici !== null) return placeOf(undici, key);
      loading ??= import('undici').then((loaded) => {
        undici = loaded;
        return loaded;
      });
      return loading.then((loaded) => placeOf(loaded, key));
    },
    async close() {
      closed = true;
      const open = [...places.values()];
      places.clear();
      await Promise.allSettled(open.map(({ pool }) => pool.destroy()));
    },
  };
}
