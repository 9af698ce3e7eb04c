import { listenAddresses, type Settings } from '../config/settings.ts';
import { InferbaseError } from '../core/errors.ts';
import { parseTcpAddress } from '../core/multiaddr.ts';
import { tryListening } from './model-server.ts';

/**
 * Sees to it that a worker is told of somebody else than itself: a head that has the same key file has the same peer id,
 * and the two would never meet. (A list that others share may name the node too.)
 * @param peerId of this node
 * @throws InferbaseError `ERR_INVALID_SETTING` where all it is told to connect with is itself
 */
export function checkBootNodes({ role, peers, dataDir }: Settings, peerId: string): void {
  const own = peers.connect.filter((address) => parseTcpAddress(address)?.peerId === peerId);
  if (role !== 'worker' || own.length === 0 || own.length < peers.connect.length) return;
  throw new InferbaseError(
    'ERR_INVALID_SETTING',
    `${own.join(', ')} has the peer id of this worker itself: both have their key in ${dataDir}; give each node a folder of its own with --data-dir`,
  );
}

/**
 * Sees to it that nobody else listens where this node is to take connections of peers.
 * @param origin of `peers.listen`
 * @throws the system's error, such as `EADDRINUSE`, with the `remedy`
 */
export async function checkPeerPorts(settings: Pick<Settings, 'role' | 'peers'>, origin: string): Promise<void> {
  for (const address of listenAddresses(settings)) {
    const { host = '', port = 0 } = parseTcpAddress(address) ?? {};
    if (port === 0) continue;
    try {
      await tryListening(host, port);
    } catch (error) {
      // Another port alone would make two nodes with one key, which a head takes for one.
      const own = settings.role === 'solo' ? '' : '; a node beside another also needs a --data-dir of its own';
      throw Object.assign(error as Error, { remedy: `choose another with ${nameOf(origin, host)}${own}` });
    }
  }
}

/** A flag or a variable by its name, a line of a file by the key there. */
function nameOf(origin: string, host: string): string {
  if (origin === 'default') return `--peers-listen /ip4/${host}/tcp/PORT`;
  return /^(?:--.*|[A-Z0-9_]+)$/.test(origin) ? origin : `peers.listen (${origin})`;
}
