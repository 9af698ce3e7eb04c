import type { Server } from 'node:net';
import type { CreateListenerOptions, Listener, MultiaddrConnection, Transport } from '@libp2p/interface';
import type { WebSocketsComponents } from '@libp2p/websockets';
import { taking } from './handed-connections.ts';

export interface WebSocketBounds {
  /** Sockets at once, of each address that is listened on. */
  readonly maxConnections: number;
  /** For a request to be whole, in ms. */
  readonly handshakeMs: number;
  /** A socket on which nothing moves is closed after this long, in ms. */
  readonly idleMs: number;
}

/** Longest WebSocket message: libp2p sends encrypted frames of 64 KiB and holds a message until it is whole. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** What a listener of `@libp2p/websockets` 10.1.21 has inside and offers no setting for. */
interface ListenerInside {
  readonly server: Server;
  readonly wsServer: { readonly options: { maxPayload: number } };
}

/**
 * The WebSocket transport of libp2p with the bounds that its TCP transport has: as it comes, a listener takes any number of
 * sockets, waits for ever for the first byte of each, and for messages of up to 100 MiB; and what it is told not to read it keeps.
 */
export async function boundedWebSockets(
  bounds: WebSocketBounds,
): Promise<(components: WebSocketsComponents) => Transport> {
  const { maxConnections, handshakeMs, idleMs } = bounds;
  const { webSockets } = await import('@libp2p/websockets');
  const create = webSockets({
    http: { headersTimeout: handshakeMs, requestTimeout: handshakeMs, connectionsCheckingInterval: handshakeMs },
  });
  return (components) => {
    const transport = create(components) as Transport;
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (options: CreateListenerOptions): Listener => {
      const listener = createListener({ ...options, upgrader: taking(options.upgrader, heedPauses) });
      const { server, wsServer } = listener as unknown as ListenerInside;
      server.maxConnections = maxConnections;
      server.on('connection', (socket) => socket.setTimeout(idleMs, () => socket.destroy()));
      wsServer.options.maxPayload = MAX_MESSAGE_BYTES;
      return listener;
    };
    return transport;
  };
}

/** What its connection has inside: the socket of `ws`, which can be left unread. */
interface ConnectionInside extends MultiaddrConnection {
  readonly websocket?: { pause?(): void; resume?(): void };
  sendPause(): void;
  sendResume(): void;
}

function heedPauses(connection: MultiaddrConnection): void {
  const inside = connection as ConnectionInside;
  inside.sendPause = () => inside.websocket?.pause?.();
  inside.sendResume = () => inside.websocket?.resume?.();
}
