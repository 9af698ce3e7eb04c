import type { Stream } from '@libp2p/interface';

/** The libp2p host of a head or a worker, as far as the protocols of `p2p/` use it; it lives on the thread of the host. */
export interface Swarm {
  /** base58 peer id of this node. */
  readonly peerId: string;
  /** Takes part in a gossipsub topic; what is published there comes to the listeners of `onGossip`. */
  subscribe(topic: string): void;
  /** base58 peer ids of all that are known to subscribe to the topic, this node not among them. */
  subscribers(topic: string): readonly string[];
  /**
   * Publishes to a topic, subscribed to or not; it is no error that nobody listens.
   * @throws InferbaseError when the message cannot be published, such as one of more than 1 MiB
   */
  publish(topic: string, bytes: Uint8Array): Promise<void>;
  /** @returns stops listening */
  onGossip(listener: (message: GossipMessage) => void): () => void;
  /**
   * Opens a stream of its own, writes the bytes, half-closes and does not wait for the other side: the framing of the
   * b7s wire, whose receivers close only after they have worked.
   * @param onStream given the stream before anything is written to it: aborted, it takes the message back; what it reads
   *   first is that the peer agrees, unless it has a protocol by then
   * @throws InferbaseError `ERR_NOT_ENOUGH_NODES` when the peer is not connected or does not take the stream
   */
  send(
    peerId: string,
    protocol: string,
    bytes: Uint8Array,
    signal?: AbortSignal,
    onStream?: (stream: Stream) => void,
  ): Promise<void>;
  /**
   * Takes messages of that framing: bytes up to the first line feed or the end of the stream. Longer ones than `maxBytes`
   * reset the stream and are logged; so are those of peers that send too slowly or too many at once. One that sends more in
   * a second than it may is not read for a while.
   * @param admits whether a peer, by its base58 id, may send any; missing: all may
   */
  handle(
    protocol: string,
    maxBytes: number,
    listener: (message: DirectMessage) => void,
    admits?: (peerId: string) => boolean,
  ): Promise<void>;
  /** What a peer said was of no use: it makes no sense, or nobody asked for it. It may say less for that. */
  blame(peerId: string): void;
  /** What a peer said cost so much work more, as if it had said as many messages: it may say less for that. */
  charge(peerId: string, messages: number): void;
  /** Takes no more messages of a protocol. */
  unhandle(protocol: string): Promise<void>;
  /** Opens a stream to keep. @throws InferbaseError as `send` does */
  open(peerId: string, protocol: string, signal?: AbortSignal): Promise<Stream>;
  /** Takes streams that stay open. */
  accept(protocol: string, listener: (peerId: string, stream: Stream) => void): Promise<void>;
  /**
   * Connects with a peer, unless it is connected.
   * @param addresses multiaddrs without peer id
   * @throws InferbaseError `ERR_NOT_ENOUGH_NODES` when it is at none of them, or this node has connections enough
   */
  dial(peerId: string, addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** Ends the connection with a peer. */
  hangUp(peerId: string): Promise<void>;
  /** Multiaddr at the other end of the connection with a peer; `undefined`: it is not connected. */
  remoteAddress(peerId: string): string | undefined;
  /** Ed25519 of this node over a text, hex. */
  sign(text: string): string;
  /** base58 peer ids of all that are connected and speak the protocol. */
  speakers(protocol: string): readonly string[];
  /** When a connected peer last said something about work, in ms since 1970; `null`: not yet. */
  heardAt(peerId: string): number | null;
  /** Multiaddrs, without peer id, at which a peer says that others reach it; some of them only where it says many. */
  addresses(peerId: string): Promise<readonly string[]>;
  /** A peer identified itself, came or went: `speakers` and `subscribers` may have changed. @returns stops listening */
  onPeers(listener: (peerId: string, connected: boolean) => void): () => void;
}

export interface GossipMessage {
  readonly topic: string;
  /** base58 peer id of the author; its signature was checked. */
  readonly author: string;
  /** base58 peer id of the neighbour that it came from. */
  readonly relayedBy: string;
  readonly bytes: Uint8Array;
}

export interface DirectMessage {
  /** base58 peer id of the sender, as the connection proves it. */
  readonly from: string;
  readonly bytes: Uint8Array;
}

/** Protocol of all direct messages of b7s (models/blockless/params.go). */
export const B7S_PROTOCOL = '/b7s/work/1.0.0';
/** What the protocols of PBFT clusters begin with (consensus/pbft/params.go of b7s); `/cluster/REQUEST_ID` follows. */
export const PBFT_PROTOCOL = '/b7s/consensus/pbft/1.0.0';
/** Protocol of the streams that our own nodes keep. */
export const LASTING_PROTOCOL = '/inferbase/work/1.0.0';
