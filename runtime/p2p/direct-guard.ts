import type { Connection, MessageStream, PeerId } from '@libp2p/interface';
import type { Banishment } from './banishment.ts';
import { createFairRate, type PerSecond, type Spender } from './fair-rate.ts';

export interface DirectGuardInit {
  /** Peers that are slowed like all others and never let go, such as the boot nodes. */
  readonly trusted: ReadonlySet<string>;
  /** What one peer and all together may send; a unit is one message, or 16 KiB. */
  readonly directPerSecond?: PerSecond;
  /** How long a peer may send at its limit what is of no use before it is let go, in ms. */
  readonly patienceMs?: number;
}

/** What peers say in messages on streams of their own, held to a rate. */
export interface DirectGuard {
  /** A peer opened a stream for a message. */
  opened(connection: Connection): void;
  /** So many bytes of a message came. */
  came(connection: Connection, bytes: number): void;
  /** What it said is as much work as so many messages more. @param peerId base58 */
  charge(peerId: string, messages: number): void;
  /** It had no use: it makes no sense, or nobody asked for it. @param peerId base58 */
  blame(peerId: string): void;
  forget(peerId: string): void;
}

/** A head that gives one worker 2 000 orders a second, and a thousand workers that answer one head, are within it. */
export const DIRECT_PER_SECOND = [4_000, 8_000] as const;
const UNIT_BYTES = 16_384;
/** A message without use costs so many units more. */
const USELESS_UNITS = 19;
const PATIENCE_MS = 10_000;

interface Peer {
  readonly id: PeerId;
  readonly spender: Spender;
  readonly connections: Set<Connection>;
  paused: NodeJS.Timeout | undefined;
  /** Since when it has been at its limit; `undefined`: it is not. */
  over: number | undefined;
  /** Units it spent since then, and those of messages without use. */
  spent: number;
  useless: number;
}

/** What js-libp2p's connection has beside its interface: the encrypted stream below the muxer. */
interface MuxedConnection extends Connection {
  readonly muxer: { readonly maConn: MessageStream & { readonly readStatus: string } };
}

/**
 * Holds each peer to a rate by not reading its connection for a while: what it sends beyond waits at its end. One that keeps
 * at it is let go for a minute, if most of it has no use; else it is only slowed: it may be a head, or a worker, with much to
 * do. What js-libp2p takes for each stream is more than what is said on it, so to leave single streams unread would not do.
 */
export function createDirectGuard(
  { letGo }: { readonly letGo: Banishment['letGo'] },
  { trusted, directPerSecond = DIRECT_PER_SECOND, patienceMs = PATIENCE_MS }: DirectGuardInit,
): DirectGuard {
  const rate = createFairRate(directPerSecond);
  const peers = new Map<string, Peer>();

  function peerOf({ remotePeer }: Connection): Peer {
    const id = remotePeer.toString();
    const known = peers.get(id);
    if (known !== undefined) return known;
    const counts = { paused: undefined, over: undefined, spent: 0, useless: 0 };
    const made = { id: remotePeer, spender: rate.join(), connections: new Set<Connection>(), ...counts };
    peers.set(id, made);
    return made;
  }

  function slow(peer: Peer, ms: number): void {
    if (peer.paused !== undefined) return;
    const paused = [...peer.connections];
    peer.paused = setTimeout(() => {
      peer.paused = undefined;
      for (const connection of paused) readOn(connection);
    }, ms).unref();
    // Not while its bytes are handed out: the stream below would be read on.
    setImmediate(() => {
      if (peer.paused !== undefined) for (const connection of paused) stopReading(connection);
    });
  }

  function spend(peer: Peer, units: number, isUseful: boolean): void {
    const { id, spender } = peer;
    const isTrusted = trusted.has(id.toString());
    const pauseMs = rate.spend(spender, units, isTrusted);
    if (rate.isRested(spender)) {
      peer.over = undefined;
      peer.spent = peer.useless = 0;
    }
    peer.spent += units;
    if (!isUseful) peer.useless += units;
    if (pauseMs === 0) return;
    slow(peer, pauseMs);
    peer.over ??= Date.now();
    if (Date.now() - peer.over > patienceMs && peer.useless > peer.spent / 2 && !isTrusted) {
      letGo(id, 'it floods direct messages that have no use');
    }
  }

  return {
    opened(connection) {
      if (connection.status !== 'open') return;
      const peer = peerOf(connection);
      if (!peer.connections.has(connection)) {
        for (const one of peer.connections) if (one.status !== 'open') peer.connections.delete(one);
        peer.connections.add(connection);
      }
      spend(peer, 1, true);
    },
    came({ remotePeer }, bytes) {
      const peer = peers.get(remotePeer.toString());
      if (peer !== undefined) spend(peer, bytes / UNIT_BYTES, true);
    },
    charge(peerId, messages) {
      const peer = peers.get(peerId);
      if (peer !== undefined && messages > 0) spend(peer, messages, true);
    },
    blame(peerId) {
      const peer = peers.get(peerId);
      if (peer !== undefined) spend(peer, USELESS_UNITS, false);
    },
    forget(peerId) {
      const peer = peers.get(peerId);
      if (peer === undefined) return;
      clearTimeout(peer.paused);
      rate.leave(peer.spender);
      peers.delete(peerId);
    },
  };
}

function stopReading(connection: Connection): void {
  const { maConn } = (connection as MuxedConnection).muxer;
  if (maConn.readStatus === 'readable') maConn.pause();
}

function readOn(connection: Connection): void {
  const { maConn } = (connection as MuxedConnection).muxer;
  if (maConn.readStatus !== 'paused') return;
  try {
    maConn.resume();
  } catch (error) {
    maConn.abort(error as Error);
  }
}
