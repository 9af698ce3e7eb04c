import type { MultiaddrConnection } from '@libp2p/interface';

/** Handshakes of those who connect, under way: one address is not to hold all places while others wait. */
export interface Handshakes {
  /** @returns whether the address has too many under way already */
  refuses(connection: MultiaddrConnection): boolean;
  /** It is through. */
  done(connection: MultiaddrConnection): void;
}

/** @param most handshakes of one address at once */
export function createHandshakes(most: number): Handshakes {
  const underWay = new Map<string, Set<MultiaddrConnection>>();

  function hostOf({ remoteAddr }: MultiaddrConnection): string {
    return remoteAddr.toString().split('/')[2] ?? '';
  }

  function done(connection: MultiaddrConnection): void {
    const host = hostOf(connection);
    const connections = underWay.get(host);
    if (connections?.delete(connection) === true && connections.size === 0) underWay.delete(host);
  }

  return {
    refuses(connection) {
      const host = hostOf(connection);
      const connections = underWay.get(host) ?? new Set();
      if (connections.size >= most) return true;
      underWay.set(host, connections.add(connection));
      connection.addEventListener('close', () => done(connection));
      return false;
    },
    done,
  };
}
