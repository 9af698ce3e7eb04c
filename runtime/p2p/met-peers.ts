import { readFile } from 'node:fs/promises';
import type { IdentifyResult, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { isPeerId, parseTcpAddress } from '../core/multiaddr.ts';
import type { AtomicFiles } from '../store/atomic-file.ts';

export interface MetPeersInit {
  /** The file that remembers them. */
  readonly path: string;
  /** Peer ids that are kept connected anyway, such as boot nodes: no need to remember those. */
  readonly kept: ReadonlySet<string>;
  readonly log: (line: string, fields?: object) => void;
}

/** Peers that were met and can be dialled back, over restarts, as b7s does it. */
export interface MetPeers {
  /** Dials each of those remembered, once. */
  dialBack(): Promise<void>;
  /** Writes what is not written yet. */
  stop(): Promise<void>;
}

/** As many as b7s dials back. */
const MAX_PEERS = 100;
const MAX_ADDRESSES = 4;
const MAX_FILE_BYTES = 256 * 1024;
const WRITE_AFTER_MS = 2_000;
const DIALS_AT_ONCE = 8;
const DIAL_MS = 10_000;

interface MetPeer {
  readonly id: string;
  /** Multiaddrs without the id. */
  readonly addresses: readonly string[];
}

/**
 * Remembers the peers of a host in a file; those met last, when there are too many. Of what a peer says of itself only
 * addresses at the host that it came from are believed: a stranger is not to have this node dial others.
 */
export async function openMetPeers(
  { host, files }: { readonly host: Libp2p; readonly files: AtomicFiles },
  { path, kept, log }: MetPeersInit,
): Promise<MetPeers> {
  /** In the order in which they were met. */
  const met = new Map((await readMet(path, log)).map((peer) => [peer.id, peer.addresses]));
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const peers: MetPeer[] = Array.from(met, ([id, addresses]) => ({ id, addresses }));
    try {
      await files.write(path, Buffer.from(`${JSON.stringify({ version: 1, peers }, null, 1)}\n`), 'met-peers');
    } catch (error) {
      log('the peers met could not be written down', { error: String(error) });
    }
  }

  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const id = detail.peerId.toString();
    const addresses = reachableAt(detail);
    if (kept.has(id) || addresses.length === 0) return;
    const known = met.get(id);
    met.delete(id);
    met.set(id, addresses);
    if (met.size > MAX_PEERS) met.delete(met.keys().next().value ?? '');
    if (known?.join() === addresses.join()) return;
    timer ??= setTimeout(() => {
      writing = writing.then(write);
    }, WRITE_AFTER_MS).unref();
  };
  host.addEventListener('peer:identify', onIdentify);

  async function dial(id: string, addresses: readonly string[]): Promise<boolean> {
    if (host.getConnections().some(({ remotePeer }) => remotePeer.toString() === id)) return true;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(DIAL_MS)]);
    try {
      await host.dial(
        addresses.map((address) => multiaddr(`${address}/p2p/${id}`)),
        { signal },
      );
      return true;
    } catch {
      return false;
    }
  }

  return {
    async dialBack() {
      const waiting = [...met].filter(([id]) => !kept.has(id));
      const asked = waiting.length;
      if (asked === 0) return;
      let reached = 0;
      const work = async (): Promise<void> => {
        for (let next = waiting.pop(); next !== undefined && !stopping.signal.aborted; next = waiting.pop()) {
          if (await dial(...next)) reached++;
        }
      };
      await Promise.all(Array.from({ length: DIALS_AT_ONCE }, work));
      if (!stopping.signal.aborted) log('peers met before were dialled back', { peers: asked, reached });
    },
    async stop() {
      stopping.abort();
      host.removeEventListener('peer:identify', onIdentify);
      if (timer !== undefined) writing = writing.then(write);
      await writing;
    },
  };
}

/** Where a peer can be dialled: the address that was dialled, or a port that it names at the host it came from. */
function reachableAt({ connection, listenAddrs }: IdentifyResult): string[] {
  const remote = withoutPeer(connection.remoteAddr.toString());
  if (connection.direction === 'outbound') return parseTcpAddress(remote) === undefined ? [] : [remote];
  const from = parseTcpAddress(remote)?.host;
  const named = listenAddrs.map((address) => withoutPeer(address.toString()));
  return named.filter((address) => parseTcpAddress(address)?.host === from).slice(0, MAX_ADDRESSES);
}

function withoutPeer(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '');
}

/** What the file says, as far as it can be used; nothing when there is none, or it is damaged. */
async function readMet(path: string, log: MetPeersInit['log']): Promise<MetPeer[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log('the peers met are not known', { error: String(error) });
    return [];
  }
  try {
    if (bytes.length > MAX_FILE_BYTES) throw new Error(`it has ${bytes.length} bytes`);
    const { peers } = JSON.parse(bytes.toString()) as { peers: unknown };
    if (!Array.isArray(peers)) throw new Error('it lists no peers');
    return peers.slice(-MAX_PEERS).filter(isMetPeer);
  } catch (error) {
    log('the file of peers met is damaged and begins anew', { path, error: String(error) });
    return [];
  }
}

function isMetPeer(value: unknown): value is MetPeer {
  const { id, addresses } = (value ?? {}) as Partial<MetPeer>;
  if (typeof id !== 'string' || !isPeerId(id) || !Array.isArray(addresses)) return false;
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES) return false;
  return addresses.every((address) => typeof address === 'string' && parseTcpAddress(address)?.peerId === null);
}
