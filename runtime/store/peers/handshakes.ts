import type { MultiaddrConnection } from '@libp2p/interface';

/** Connections that others open, by their address: one is not to hold all places while others wait. */
export interface Handshakes {
  /** @returns whether the address has too many already, open or under way */
  refuses(connection: MultiaddrConnection): boolean;
  /** Its handshake is through. */
  done(connection: MultiaddrConnection): void;
}

interface Address {
  readonly underWay: Set<MultiaddrConnection>;
  open: number;
}

/**
 * @param most.underWay handshakes of one address at once
 * @param most.open connections of one address, those under way among them
 */
export function createHandshakes(most: { readonly underWay: number; readonly open: number }): Handshakes {
  const addresses = new Map<string, Address>();

  return {
    refuses(connection) {
      const name = addressOf(connection);
      const address = addresses.get(name) ?? { underWay: new Set(), open: 0 };
      if (address.underWay.size >= most.underWay || address.open >= most.open) return true;
      addresses.set(name, address);
      address.underWay.add(connection);
      address.open++;
      connection.addEventListener('close', () => {
        address.underWay.delete(connection);
        address.open--;
        if (address.open === 0) addresses.delete(name);
      });
      return false;
    },
    done: (connection) => void addresses.get(addressOf(connection))?.underWay.delete(connection),
  };
}

/** Of IPv6 the network, which is what a stranger is given. */
function addressOf({ remoteAddr }: MultiaddrConnection): string {
  const [, family, host = ''] = remoteAddr.toString().split('/');
  if (family !== 'ip6') return host;
  const [start = ''] = host.split('::');
  return [...start.split(':'), '0', '0', '0', '0'].slice(0, 4).join(':');
}
