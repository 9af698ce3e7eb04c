import type { Connection, IdentifyResult, Libp2p, PeerId, Stream, StreamHandler, StreamMuxer } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { LRUCache } from 'lru-cache';
import { InferbaseError, messageOf } from '../core/errors.ts';
import type { PeerView } from '../core/work.ts';
import type { DirectGuard } from './direct-guard.ts';
import { createDirectMessages } from './direct-messages.ts';
import { type Gossip, type GossipSubEvents, type GossipsubMessage, MAX_GOSSIP_BYTES } from './gossip.ts';
import type { DirectMessage, GossipMessage, Swarm } from './swarm.ts';

export interface HostSwarm extends Swarm {
  /** Who is connected. */
  peers(): readonly PeerView[];
  /** Nothing is heard or taken any more; the host is stopped by its owner. */
  stop(): void;
}

/** What js-libp2p's connection has beside its interface. */
interface MuxedConnection extends Connection {
  readonly muxer: StreamMuxer;
}

export interface HostSwarmInit {
  readonly log: (line: string, fields?: object) => void;
  /** As the host has them. */
  readonly maxConnections: number;
  readonly allow: readonly string[];
}

export type GossipHost = Libp2p<{ pubsub: Gossip }>;

/** Streams of one protocol that one connection may have open towards us, and we towards it. */
const MAX_INBOUND_STREAMS = 2_048;
const MAX_OUTBOUND_STREAMS = 8_192;
/** Without a signal of the caller's, a message must have left in this time, in ms. */
const SEND_MS = 30_000;
const OPEN_MS = 10_000;
/** How long a list of subscribers holds, in ms: gossipsub drops one that breaks its rules without a word. */
const SUBSCRIBERS_MS = 1_000;
/** Topics are what callers say they are. */
const MAX_TOPICS = 1_024;
const MAX_AGENT = 128;
/** Addresses of one peer that others are told. */
const MAX_ADDRESSES = 16;
/** Characters of one: a name of DNS has 253. */
const MAX_ADDRESS = 320;
/** gossipsub's own part of a message: author, number, signature, key. */
const ENVELOPE_BYTES = 512;

interface Neighbour {
  readonly id: PeerId;
  readonly connectedAt: number;
  agent: string;
  heardAt: number | null;
}

/** What protocols need of a libp2p host, on one made with gossipsub; call it before the host starts. */
export function createSwarm(
  { host, sign, guard }: { readonly host: GossipHost; readonly sign: Swarm['sign']; readonly guard: DirectGuard },
  { log, maxConnections, allow }: HostSwarmInit,
): HostSwarm {
  const { pubsub } = host.services;
  const direct = createDirectMessages({ log, guard });
  const topics = new Set<string>();
  const connected = new Map<string, Neighbour>();
  /** Protocol → base58 ids of the connected peers that speak it. */
  const speaking = new Map<string, Set<string>>();
  /** Protocol → what opens a stream of it; of those that this node handles. */
  const openings = new Map<string, Buffer>();
  const peerListeners = new Set<(peerId: string, connected: boolean) => void>();
  const gossipListeners = new Set<(message: GossipMessage) => void>();
  /** Topic → its subscribers, until they may have changed, and a moment at most. */
  const subscribed = new LRUCache<string, readonly string[]>({ max: MAX_TOPICS, ttl: SUBSCRIBERS_MS });

  function connectionTo(peerId: string): Connection | undefined {
    const known = connected.get(peerId);
    return known === undefined ? undefined : host.getConnections(known.id).find(({ status }) => status === 'open');
  }
  const tell = (peerId: string, connected: boolean): void => {
    for (const listener of peerListeners) listener(peerId, connected);
  };
  const onStart = (): void => {
    for (const topic of topics) pubsub.subscribe(topic);
  };
  const onSubscriptions = ({ detail }: GossipSubEvents['subscription-change']): void => {
    for (const { topic } of detail.subscriptions) subscribed.delete(topic);
    tell(detail.peerId.toString(), true);
  };
  const hear = (peerId: string): void => {
    const neighbour = connected.get(peerId);
    if (neighbour !== undefined) neighbour.heardAt = Date.now();
  };
  const onCome = ({ detail }: CustomEvent<PeerId>): void => {
    connected.set(detail.toString(), { id: detail, agent: '', connectedAt: Date.now(), heardAt: null });
  };
  const onGone = ({ detail }: CustomEvent<PeerId>): void => {
    const peerId = detail.toString();
    connected.delete(peerId);
    for (const peers of speaking.values()) peers.delete(peerId);
    subscribed.clear();
    tell(peerId, false);
  };
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const peerId = detail.peerId.toString();
    const neighbour = connected.get(peerId);
    if (neighbour === undefined) return;
    neighbour.agent = (detail.agentVersion ?? '').slice(0, MAX_AGENT);
    for (const [protocol, peers] of speaking) {
      if (detail.protocols.includes(protocol)) peers.add(peerId);
      else peers.delete(peerId);
    }
    tell(peerId, true);
  };
  const onGossip = ({ detail: { msg, propagationSource } }: CustomEvent<GossipsubMessage>): void => {
    if (msg.type !== 'signed' || !topics.has(msg.topic)) return;
    const message = {
      topic: msg.topic,
      author: msg.from.toString(),
      relayedBy: propagationSource.toString(),
      bytes: msg.data,
    };
    for (const listener of gossipListeners) listener(message);
  };
  host.addEventListener('start', onStart);
  host.addEventListener('peer:connect', onCome);
  host.addEventListener('peer:disconnect', onGone);
  host.addEventListener('peer:identify', onIdentify);
  pubsub.addEventListener('subscription-change', onSubscriptions);
  pubsub.addEventListener('gossipsub:message', onGossip);

  async function open(peerId: string, protocol: string, signal: AbortSignal): Promise<Stream> {
    const connection = connectionTo(peerId);
    if (connection === undefined) throw gone(peerId, 'it is not connected');
    try {
      return await connection.newStream([protocol], { signal, maxOutboundStreams: MAX_OUTBOUND_STREAMS });
    } catch (error) {
      throw gone(peerId, `it does not take ${protocol}`, error);
    }
  }

  /** A stream whose protocol is not agreed: what is sent on it has to begin with `opening`. */
  async function openAtOnce(
    muxer: StreamMuxer,
    to: { peerId: string; protocol: string },
    signal: AbortSignal,
  ): Promise<Stream> {
    try {
      const stream = await muxer.createStream({ signal });
      // The other side agrees, which nobody waits for.
      stream.addEventListener('message', () => {});
      return stream;
    } catch (error) {
      throw gone(to.peerId, `it does not take ${to.protocol}`, error);
    }
  }

  /** What streams to a peer are opened with, if the library still has it; else its own way has to do. */
  function muxerTo(peerId: string): StreamMuxer | undefined {
    const { muxer } = (connectionTo(peerId) ?? {}) as Partial<MuxedConnection>;
    return typeof muxer?.createStream === 'function' ? muxer : undefined;
  }

  return {
    peerId: host.peerId.toString(),
    subscribe(topic) {
      topics.add(topic);
      if (host.status === 'started') pubsub.subscribe(topic);
    },
    subscribers(topic) {
      const known = subscribed.get(topic);
      if (known !== undefined) return known;
      // gossipsub notices later than the host that somebody went.
      const now = pubsub
        .getSubscribers(topic)
        .map(String)
        .filter((peerId) => connected.has(peerId));
      subscribed.set(topic, now);
      return now;
    },
    async publish(topic, bytes) {
      if (bytes.length + topic.length + ENVELOPE_BYTES > MAX_GOSSIP_BYTES) {
        throw new InferbaseError(
          'ERR_INVALID_REQUEST',
          `A message of ${bytes.length} bytes cannot be published: gossip takes less than ${MAX_GOSSIP_BYTES}.`,
        );
      }
      await pubsub.publish(topic, bytes);
    },
    onGossip(listener) {
      gossipListeners.add(listener);
      return () => gossipListeners.delete(listener);
    },
    async send(peerId, protocol, bytes, signal, onStream) {
      const over = signal ?? AbortSignal.timeout(SEND_MS);
      // A peer that said it speaks the protocol is not asked again.
      const muxer = speaking.get(protocol)?.has(peerId) === true ? muxerTo(peerId) : undefined;
      const first = muxer === undefined ? undefined : openings.get(protocol);
      const isKnown = muxer !== undefined && first !== undefined;
      const stream = isKnown ? await openAtOnce(muxer, { peerId, protocol }, over) : await open(peerId, protocol, over);
      onStream?.(stream);
      try {
        stream.send(isKnown ? Buffer.concat([first, bytes]) : bytes);
        await stream.close({ signal: over });
      } catch (error) {
        stream.abort(error as Error);
        throw gone(peerId, 'it did not take the message', error);
      }
    },
    async handle(protocol, maxBytes, listener, admits = () => true) {
      speaking.set(protocol, speaking.get(protocol) ?? new Set());
      openings.set(protocol, opening(protocol));
      const take = (message: DirectMessage): void => {
        hear(message.from);
        listener(message);
      };
      const read = direct.reader(protocol, maxBytes, take);
      const onStream: StreamHandler = (stream, connection) => {
        const from = connection.remotePeer.toString();
        if (admits(from)) return read(stream, connection);
        guard.opened(connection);
        guard.blame(from);
        stream.abort(new Error('this peer has no part in it'));
      };
      await host.handle(protocol, onStream, {
        maxInboundStreams: MAX_INBOUND_STREAMS,
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
      });
    },
    async unhandle(protocol) {
      speaking.delete(protocol);
      openings.delete(protocol);
      await host.unhandle(protocol);
    },
    async dial(peerId, addresses, signal) {
      if (connectionTo(peerId) !== undefined) return;
      if (allow.length > 0 && !allow.includes(peerId)) throw gone(peerId, 'peers.allow does not name it');
      // One connection more than there may be would cost another peer its own.
      const open = host.getConnections();
      if (open.length >= maxConnections) throw gone(peerId, 'peers.maxConnections is reached');
      // What comes of itself is bounded by address; who names addresses to us must not get past that.
      const opened = open.filter(({ direction }) => direction === 'outbound').length;
      if (opened >= Math.ceil(maxConnections / 2)) {
        throw gone(peerId, 'half of peers.maxConnections are connections that this node has opened');
      }
      try {
        await host.dial(
          addresses.map((address) => multiaddr(`${address}/p2p/${peerId}`)),
          { signal },
        );
      } catch (error) {
        throw gone(peerId, 'it cannot be reached', new Error(messageOf(error)));
      }
    },
    async hangUp(peerId) {
      const id = connected.get(peerId)?.id;
      if (id !== undefined) await host.hangUp(id);
    },
    remoteAddress: (peerId) => connectionTo(peerId)?.remoteAddr.toString(),
    sign,
    async open(peerId, protocol, signal) {
      const stream = await open(peerId, protocol, signal ?? AbortSignal.timeout(OPEN_MS));
      // The first listener is given all that has come: that of whoever opens it must be there before.
      setImmediate(() => stream.addEventListener('message', () => hear(peerId)));
      return stream;
    },
    async accept(protocol, listener) {
      speaking.set(protocol, speaking.get(protocol) ?? new Set());
      await host.handle(protocol, (stream, { remotePeer }) => listener(remotePeer.toString(), stream), {
        maxInboundStreams: 2,
        maxOutboundStreams: 2,
      });
    },
    peers() {
      const topicsOf = new Map<string, string[]>();
      for (const [topic, subscribers] of pubsub.topics) {
        for (const peerId of subscribers) {
          const known = topicsOf.get(peerId);
          if (known === undefined) topicsOf.set(peerId, [topic]);
          else known.push(topic);
        }
      }
      return Array.from(connected, ([peerId, { agent, connectedAt, heardAt }]) => ({
        peerId,
        agent,
        topics: topicsOf.get(peerId) ?? [],
        protocols: [...speaking].flatMap(([protocol, peers]) => (peers.has(peerId) ? [protocol] : [])),
        inbound: connectionTo(peerId)?.direction === 'inbound',
        connectedAt,
        heardAt,
      }));
    },
    speakers(protocol) {
      // Not only those that this node takes itself: a head only opens streams of the kind that workers take.
      const known = speaking.get(protocol) ?? new Set();
      speaking.set(protocol, known);
      return [...known];
    },
    blame: (peerId) => guard.blame(peerId),
    charge: (peerId, messages) => guard.charge(peerId, messages),
    heardAt: (peerId) => connected.get(peerId)?.heardAt ?? null,
    async addresses(peerId) {
      const id = connected.get(peerId)?.id;
      if (id === undefined) return [];
      const { addresses } = await host.peerStore.get(id);
      return addresses
        .slice(0, MAX_ADDRESSES)
        .map(({ multiaddr }) => multiaddr.toString().replace(/\/p2p\/[^/]+$/, ''))
        .filter((address) => address.length <= MAX_ADDRESS);
    },
    onPeers(listener) {
      peerListeners.add(listener);
      return () => peerListeners.delete(listener);
    },
    stop() {
      host.removeEventListener('start', onStart);
      host.removeEventListener('peer:connect', onCome);
      host.removeEventListener('peer:disconnect', onGone);
      host.removeEventListener('peer:identify', onIdentify);
      pubsub.removeEventListener('subscription-change', onSubscriptions);
      pubsub.removeEventListener('gossipsub:message', onGossip);
      direct.stop();
    },
  };
}

/**
 * What the side that opens a stream says of the protocol, header and name as lines with their length before them
 * (https://github.com/multiformats/multistream-select); go-libp2p as well sends it together with the first message where
 * it knows that the peer speaks the protocol.
 */
function opening(protocol: string): Buffer {
  const lines = ['/multistream/1.0.0\n', `${protocol}\n`].map((line) => Buffer.from(line));
  return Buffer.concat(lines.flatMap((line) => [Buffer.of(line.length), line]));
}

function gone(peerId: string, problem: string, cause?: unknown): InferbaseError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new InferbaseError('ERR_NOT_ENOUGH_NODES', `Node ${peerId}: ${problem}${why}.`, { cause });
}
