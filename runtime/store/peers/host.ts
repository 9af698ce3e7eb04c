import type { Libp2p, PeerId, ServiceMap } from '@libp2p/interface';
import type { ServiceFactoryMap } from 'libp2p';
import { corkedTcp } from './corked-tcp.ts';
import { createHandshakes } from './handshakes.ts';
import { noteProtocolsOnce } from './known-protocols.ts';
import { patientYamux } from './patient-yamux.ts';
import { type PingsInit, pingInTurns } from './pings.ts';
import { QUIET_LOG } from './quiet-log.ts';
import { keepForSigning } from './signing-key.ts';
import { boundedWebSockets } from './web-sockets.ts';

export interface HostInit<Services extends ServiceMap = ServiceMap> {
  /** libp2p `PrivateKey` message, as `keys/priv.bin` holds it; `null`: a key that lives as long as the host. */
  readonly privateKey: Uint8Array | null;
  /** Multiaddrs to listen on; none: it only dials. */
  readonly listen: readonly string[];
  /** Multiaddrs that other nodes are told instead of those it listens on; none: those. */
  readonly announce?: readonly string[];
  readonly maxConnections: number;
  /** Of those, what one address may have opened; missing, `null`: half, so that one stranger leaves the others to others. */
  readonly maxPerAddress?: number | null;
  /** Peer ids that may connect here; none: any. */
  readonly allow: readonly string[];
  /** Whether a peer may not connect here just now, whatever `allow` says. */
  readonly shunned?: (peerId: string) => boolean;
  /** Whether a protocol comes and goes, so that it is not worth noting who speaks it. */
  readonly passing?: (protocol: string) => boolean;
  /** How peers that are gone without a word are found. */
  readonly pings?: PingsInit;
  /** Of libp2p, beside identify and ping. */
  readonly services?: ServiceFactoryMap<Services>;
}

/**
 * Connections that one address may open in a second, and handshakes under way of all and of one address; a host that takes
 * more connections, such as a head's, takes them faster: workers often share an address, and come back together.
 */
function arrivals(maxConnections: number): { perSecond: number; pending: number; pendingOfOne: number } {
  const perSecond = Math.max(20, Math.min(200, maxConnections / 20));
  return { perSecond, pending: 4 * perSecond, pendingOfOne: perSecond };
}

function halfOf(maxConnections: number): number {
  return Math.max(16, Math.ceil(maxConnections / 2));
}

const TIMEOUT_MS = 10_000;
const IDLE_MS = 120_000;
/** What one stream of one peer may have under way unread. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Streams of one connection, either way: a node of the older stack keeps one open for as long as an execution runs. */
const MAX_STREAMS = 8_192;
/** Of those, how many may come before the connection is ready for any; one more ends it. */
const EARLY_STREAMS = 64;

/**
 * Creates the libp2p host of this node: TCP and WebSocket, Noise, Yamux, identify and ping, and nothing else but the
 * services given. It looks for nobody: no discovery, no DHT, no relays. Start it once the protocols are registered.
 */
export async function createHost<Services extends ServiceMap = ServiceMap>(
  init: HostInit<Services>,
): Promise<Libp2p<Services>> {
  const { privateKey, listen, announce = [], maxConnections, maxPerAddress, allow, shunned = () => false } = init;
  const { perSecond, pending, pendingOfOne } = arrivals(maxConnections);
  const handshakes = createHandshakes({ underWay: pendingOfOne, open: maxPerAddress ?? halfOf(maxConnections) });
  const refuses = (peer: PeerId): boolean => {
    const id = peer.toString();
    return (allow.length > 0 && !allow.includes(id)) || shunned(id);
  };
  const [{ createLibp2p }, { noise }, { identify }, { ping }, { privateKeyFromProtobuf }] = await Promise.all([
    import('libp2p'),
    import('@chainsafe/libp2p-noise'),
    import('@libp2p/identify'),
    import('@libp2p/ping'),
    import('@libp2p/crypto/keys'),
  ]);
  const host = await createLibp2p<Services>({
    ...(privateKey === null ? {} : { privateKey: keepForSigning(privateKeyFromProtobuf(privateKey)) }),
    start: false,
    logger: QUIET_LOG,
    nodeInfo: { name: 'inferbase', userAgent: 'inferbase' },
    addresses: { listen: [...listen], announce: [...announce] },
    // The connection manager's own limit lets through what is under way at once; the server's is hard.
    transports: [
      await corkedTcp({
        maxConnections,
        outboundSocketInactivityTimeout: IDLE_MS,
        inboundSocketInactivityTimeout: IDLE_MS,
      }),
      await boundedWebSockets({ maxConnections, handshakeMs: TIMEOUT_MS, idleMs: IDLE_MS }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      await patientYamux({
        enableKeepAlive: false,
        maxInboundStreams: MAX_STREAMS,
        maxEarlyStreams: EARLY_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
        streamOptions: { maxStreamWindowSize: WINDOW_BYTES },
      }),
    ],
    peerDiscovery: [],
    services: { ...init.services, identify: identify(), ping: ping() } as unknown as ServiceFactoryMap<Services>,
    connectionGater: {
      denyInboundConnection: (connection) => handshakes.refuses(connection),
      denyInboundEncryptedConnection: refuses,
      denyInboundUpgradedConnection: (_peer, connection) => {
        handshakes.done(connection);
        return false;
      },
    },
    connectionManager: {
      maxConnections,
      inboundConnectionThreshold: perSecond,
      maxIncomingPendingConnections: pending,
      dialTimeout: TIMEOUT_MS,
      inboundUpgradeTimeout: TIMEOUT_MS,
      // Whom to dial again, and when, is for this node to say.
      reconnectRetries: 0,
    },
    // See `pingInTurns`.
    connectionMonitor: { enabled: false },
  });
  pingInTurns(host, init.pings);
  noteProtocolsOnce(host, init.passing);
  return host;
}
