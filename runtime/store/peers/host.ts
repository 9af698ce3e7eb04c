import type { Libp2p } from '@libp2p/interface';

export interface HostInit {
  /** libp2p `PrivateKey` message, as `keys/priv.bin` holds it; `null`: a key that lives as long as the host. */
  readonly privateKey: Uint8Array | null;
  /** Multiaddrs to listen on; none: it only dials. */
  readonly listen: readonly string[];
  readonly maxConnections: number;
  /** Peer ids that may connect here; none: any. */
  readonly allow: readonly string[];
}

/** Connections that one address may open in a second, and handshakes under way at once. */
const INBOUND_PER_SECOND = 20;
const PENDING_HANDSHAKES = 32;
const TIMEOUT_MS = 10_000;
const IDLE_MS = 120_000;
/** A peer that answers no ping for this long is gone; well above what a busy machine takes. */
const PING_TIMEOUT_MS = 15_000;
/** What one stream of one peer may have under way unread. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * Creates the libp2p host of this node: TCP, Noise, Yamux, identify and ping, and nothing else. It looks for nobody: no
 * discovery, no DHT, no relays. Start it once the protocols are registered.
 */
export async function createHost({ privateKey, listen, maxConnections, allow }: HostInit): Promise<Libp2p> {
  const [{ createLibp2p }, { tcp }, { noise }, { yamux }, { identify }, { ping }, { privateKeyFromProtobuf }] =
    await Promise.all([
      import('libp2p'),
      import('@libp2p/tcp'),
      import('@chainsafe/libp2p-noise'),
      import('@chainsafe/libp2p-yamux'),
      import('@libp2p/identify'),
      import('@libp2p/ping'),
      import('@libp2p/crypto/keys'),
    ]);
  return await createLibp2p({
    ...(privateKey === null ? {} : { privateKey: privateKeyFromProtobuf(privateKey) }),
    start: false,
    nodeInfo: { name: 'inferbase', userAgent: 'inferbase' },
    addresses: { listen: [...listen] },
    // The connection manager's own limit lets through what is under way at once; the server's is hard.
    transports: [
      tcp({ maxConnections, outboundSocketInactivityTimeout: IDLE_MS, inboundSocketInactivityTimeout: IDLE_MS }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: WINDOW_BYTES } })],
    peerDiscovery: [],
    services: { identify: identify(), ping: ping() },
    connectionGater: {
      denyInboundEncryptedConnection: (peer) => allow.length > 0 && !allow.includes(peer.toString()),
    },
    connectionManager: {
      maxConnections,
      inboundConnectionThreshold: INBOUND_PER_SECOND,
      maxIncomingPendingConnections: PENDING_HANDSHAKES,
      dialTimeout: TIMEOUT_MS,
      inboundUpgradeTimeout: TIMEOUT_MS,
      // Whom to dial again, and when, is for this node to say.
      reconnectRetries: 0,
    },
    connectionMonitor: {
      pingInterval: 10_000,
      pingTimeout: { minTimeout: PING_TIMEOUT_MS, maxTimeout: PING_TIMEOUT_MS },
    },
  });
}
