import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { keyPath } from '../config/key-path.ts';
import { listenAddresses, type Settings } from '../config/settings.ts';
import { parseTcpAddress } from '../core/multiaddr.ts';
import { loadIdentity } from '../services/identity.ts';

const LOOPBACK = /^(?:127\.|::1$|localhost\.?$)/;

/**
 * Multiaddrs at which somebody else can fetch what is pinned here, from a node that serves with these settings: where
 * `peers.listen` says, under the node's peer id, `0.0.0.0` as the addresses of this machine. Loopback is only for who is
 * there as well.
 * @param url of who is to fetch
 * @returns none where such a node serves no peers, has no key yet, or chooses its port itself
 */
export async function ownOrigins(
  settings: Pick<Settings, 'role' | 'peers' | 'keyFile' | 'dataDir'>,
  url: string,
): Promise<readonly string[]> {
  const { enabled, serve } = settings.peers;
  if (!enabled || serve === 'none') return [];
  // Without a key no node has served yet; what is wrong with one is told by the node.
  const identity = await loadIdentity(keyPath(settings), { create: false }).catch(() => undefined);
  if (identity === undefined) return [];
  const isHere = LOOPBACK.test(new URL(url).hostname.replace(/^\[|\]$/g, ''));
  return listenAddresses(settings).flatMap((address) => {
    const { host = '', port = 0 } = parseTcpAddress(address) ?? {};
    if (port === 0) return [];
    return hostsOf(host)
      .filter((one) => isHere || !LOOPBACK.test(one))
      .map((one) => `/${kindOf(one)}/${one}/tcp/${port}/p2p/${identity.peerId}`);
  });
}

function kindOf(host: string): string {
  return { 4: 'ip4', 6: 'ip6' }[isIP(host)] ?? 'dns';
}

/** Every address of this machine for the one that means all of them. */
function hostsOf(host: string): string[] {
  const family = { '0.0.0.0': 'IPv4', '::': 'IPv6' }[host];
  if (family === undefined) return [host];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  // Link-local addresses mean nothing on another link.
  return all.filter((one) => one.family === family && !one.address.startsWith('fe80:')).map(({ address }) => address);
}
