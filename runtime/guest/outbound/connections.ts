import type { Dispatcher } from 'undici';
import { OutboundError } from './errors.ts';

/** Pools beyond this many are closed, the one unused for longest first. */
const MAX_POOLS = 256;
/** Sockets to one place; more requests than that wait for one. */
const MAX_SOCKETS = 512;
export const CONNECT_TIMEOUT_MS = 10_000;

export interface Connections {
  /**
   * Keep-alive connections to one address, made for one decision and never used for another.
   * @param key.origin scheme, host and port of the URL; TLS names this host
   * @param key.address the checked address that is connected to; nothing is resolved again
   */
  to(key: { origin: string; address: string; decision: string }): Promise<Dispatcher>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

/** Keep-alive connection pools of one thread. undici is loaded when the first is needed. */
export function createConnections(): Connections {
  const pools = new Map<string, Dispatcher & { destroy(): Promise<void>; close(): Promise<void> }>();
  let loading: Promise<typeof import('undici')> | undefined;
  let closed = false;

  return {
    async to({ origin, address, decision }) {
      loading ??= import('undici');
      const { Pool, buildConnector } = await loading;
      if (closed) throw new OutboundError('cancelled', 'The node is shutting down.');
      const key = `${origin} ${address} ${decision}`;
      let pool = pools.get(key);
      if (pool === undefined) {
        const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
        pool = new Pool(origin, {
          connections: MAX_SOCKETS,
          // Time is kept by the request as a whole.
          headersTimeout: 0,
          bodyTimeout: 0,
          allowH2: false,
          connect: (options, callback) => connect({ ...options, hostname: address }, callback),
        });
        for (const [oldest, unused] of pools) {
          if (pools.size < MAX_POOLS) break;
          pools.delete(oldest);
          unused.close().catch(() => {});
        }
      }
      pools.delete(key);
      pools.set(key, pool);
      return pool;
    },
    async close() {
      closed = true;
      const open = [...pools.values()];
      pools.clear();
      await Promise.allSettled(open.map((pool) => pool.destroy()));
    },
  };
}
