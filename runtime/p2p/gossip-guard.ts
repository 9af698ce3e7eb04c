import type { Connection, PeerId, Stream } from '@libp2p/interface';
import type { Banishment } from './banishment.ts';
import { createFairRate, type PerSecond, type Spender } from './fair-rate.ts';

export interface GossipGuardInit {
  /** Peers that are slowed like all others and never let go, such as the boot nodes. */
  readonly trusted: ReadonlySet<string>;
  /** What one neighbour and all together may send; a unit is one entry, or 4 KiB. */
  readonly perSecond?: PerSecond;
  /** How long a neighbour may send at its limit before it is let go, in ms. */
  readonly patienceMs?: number;
}

/** What neighbours say on the streams of gossipsub, held to a rate. */
export interface GossipGuard {
  /** Watches a stream that a neighbour opened. */
  watch(stream: Stream, connection: Connection): void;
  /**
   * Counts what came in one piece.
   * @param entries messages, subscriptions and control entries in it
   * @returns whether it is to be heard
   */
  admit(peer: PeerId, entries: number): boolean;
  forget(peerId: string): void;
}

/** A head that publishes a roll call for each of 1 500 requests a second is still heard. */
const PER_SECOND = [2_000, 4_000] as const;
const UNIT_BYTES = 4_096;
const PATIENCE_MS = 10_000;
/** Bytes of messages not yet whole, of all neighbours together. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** One that holds less than this is not the reason. */
const SMALL_BYTES = 64 * 1024;

interface Neighbour {
  readonly id: PeerId;
  readonly spender: Spender;
  /** Its streams, and the bytes that came on each since the last whole message. */
  readonly streams: Map<Stream, number>;
  /** Since when it has been at its limit; `undefined`: it is not. */
  over: number | undefined;
  /** Those bytes together. */
  held: number;
  paused: NodeJS.Timeout | undefined;
}

/**
 * Holds each neighbour to a rate by not reading on: what it sends beyond waits at its end. One that keeps at it is let go for
 * a minute. The rate of all together slows none that is trusted.
 */
export function createGossipGuard(
  { letGo }: { readonly letGo: Banishment['letGo'] },
  { trusted, perSecond = PER_SECOND, patienceMs = PATIENCE_MS }: GossipGuardInit,
): GossipGuard {
  const rate = createFairRate(perSecond);
  const neighbours = new Map<string, Neighbour>();
  let held = 0;

  function neighbourOf(peer: PeerId): Neighbour {
    const id = peer.toString();
    const known = neighbours.get(id);
    if (known !== undefined) return known;
    const made = { id: peer, spender: rate.join(), streams: new Map(), over: undefined, held: 0, paused: undefined };
    neighbours.set(id, made);
    return made;
  }

  function hold(neighbour: Neighbour, bytes: number): void {
    neighbour.held += bytes;
    held += bytes;
  }

  function release(neighbour: Neighbour): void {
    hold(neighbour, -neighbour.held);
    for (const stream of neighbour.streams.keys()) neighbour.streams.set(stream, 0);
  }

  function slow(neighbour: Neighbour, ms: number): void {
    if (neighbour.paused !== undefined) return;
    for (const stream of neighbour.streams.keys()) if (stream.readStatus === 'readable') stream.pause();
    neighbour.paused = setTimeout(() => {
      neighbour.paused = undefined;
      for (const stream of neighbour.streams.keys()) resume(stream);
    }, ms).unref();
  }

  /** @returns whether it has a debt of more than a burst: what was under way when it was slowed is not all worked on */
  function spend(neighbour: Neighbour, units: number): boolean {
    const { id, spender } = neighbour;
    const isTrusted = trusted.has(id.toString());
    const pauseMs = rate.spend(spender, units, isTrusted);
    if (rate.isRested(spender)) neighbour.over = undefined;
    if (pauseMs > 0) {
      slow(neighbour, pauseMs);
      neighbour.over ??= Date.now();
      if (Date.now() - neighbour.over > patienceMs && !isTrusted) {
        neighbour.over = undefined;
        letGo(id, 'it floods gossip');
      }
    }
    return rate.isDeepInDebt(spender) && !isTrusted;
  }

  /** Whoever holds most has to go, not whoever comes last. */
  function makeRoom(): void {
    let most: Neighbour | undefined;
    for (const neighbour of neighbours.values()) {
      if (neighbour.held > (most?.held ?? SMALL_BYTES) && !trusted.has(neighbour.id.toString())) most = neighbour;
    }
    if (most === undefined) return;
    release(most);
    letGo(most.id, 'it holds too much under way');
  }

  return {
    watch(stream, { remotePeer }) {
      const neighbour = neighbourOf(remotePeer);
      neighbour.streams.set(stream, 0);
      const onBytes = ({ data: { byteLength } }: { readonly data: { readonly byteLength: number } }): void => {
        hold(neighbour, byteLength);
        neighbour.streams.set(stream, (neighbour.streams.get(stream) ?? 0) + byteLength);
        if (held > MAX_HELD_BYTES) makeRoom();
        spend(neighbour, byteLength / UNIT_BYTES);
      };
      // The first listener is given all that has come: gossipsub's must be there before this one.
      setImmediate(() => stream.addEventListener('message', onBytes));
      stream.addEventListener('close', () => {
        hold(neighbour, -(neighbour.streams.get(stream) ?? 0));
        neighbour.streams.delete(stream);
      });
    },
    admit(peer, entries) {
      const neighbour = neighbours.get(peer.toString());
      // It has gone, and what is left of it counts no more.
      if (neighbour === undefined) return false;
      release(neighbour);
      return !spend(neighbour, entries);
    },
    forget(id) {
      const neighbour = neighbours.get(id);
      if (neighbour === undefined) return;
      release(neighbour);
      clearTimeout(neighbour.paused);
      rate.leave(neighbour.spender);
      neighbours.delete(id);
    },
  };
}

function resume(stream: Stream): void {
  if (stream.readStatus !== 'paused') return;
  try {
    stream.resume();
  } catch (error) {
    // Its connection ended meanwhile, and cannot be told to send on.
    stream.abort(error as Error);
  }
}
