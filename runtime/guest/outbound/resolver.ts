import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** How long a name's addresses are kept, in ms: short enough to follow a moved service, long enough for a busy one. */
const KEEP_MS = 5_000;
const MAX_NAMES = 256;

export interface Resolver {
  /**
   * Addresses of a URL's host in the order to try them; an address is its own.
   * @throws Error with a `code` such as `ENOTFOUND`
   */
  resolve(hostname: string): readonly string[] | Promise<readonly string[]>;
  /** Tries this address first from now on: it answered where an earlier one did not. */
  prefer(hostname: string, address: string): void;
  /** Asks anew next time: nothing answered at these addresses. */
  forget(hostname: string): void;
}

/** A resolver with the system's own name lookup and a small short-lived memory; concurrent questions are asked once. */
export function createResolver(): Resolver {
  const known = new Map<string, { addresses: Promise<readonly string[]>; until: number }>();

  async function ask(hostname: string): Promise<readonly string[]> {
    const found = await lookup(hostname, { all: true, order: 'verbatim' });
    return found.map(({ address }) => address);
  }

  return {
    resolve(hostname) {
      const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
      if (isIP(literal) !== 0) return [literal];
      const now = performance.now();
      const entry = known.get(hostname);
      if (entry !== undefined && entry.until > now) return entry.addresses;

      const addresses = ask(hostname);
      addresses.catch(() => known.delete(hostname));
      known.delete(hostname);
      for (const oldest of known.keys()) {
        if (known.size < MAX_NAMES) break;
        known.delete(oldest);
      }
      known.set(hostname, { addresses, until: now + KEEP_MS });
      return addresses;
    },
    prefer(hostname, address) {
      const entry = known.get(hostname);
      if (entry === undefined) return;
      entry.addresses = entry.addresses.then((all) => [address, ...all.filter((other) => other !== address)]);
      // By now this may be a later question that finds nothing, and perhaps nobody asks for its answer.
      entry.addresses.catch(() => {});
    },
    forget(hostname) {
      known.delete(hostname);
    },
  };
}
