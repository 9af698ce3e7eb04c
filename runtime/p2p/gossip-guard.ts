import type { Connection, PeerId, Stream } from '@libp2p/interface';

export interface GossipGuardInit {
  /** Peers that are slowed like all others and never let go, such as the boot nodes. */
  readonly trusted: ReadonlySet<string>;
  readonly hangUp: (peer: PeerId) => void;
  readonly log: (line: string, fields?: object) => void;
  /** What one neighbour and all together may send, in units a second; a unit is one entry, or 4 KiB. */
  readonly perSecond?: readonly [neighbour: number, all: number];
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
  /** Whether a neighbour was let go a short while ago. */
  isShunned(peerId: string): boolean;
  forget(peerId: string): void;
}

/** A head that publishes a roll call for each of 1 500 requests a second is still heard. */
const PER_SECOND = [2_000, 4_000] as const;
const UNIT_BYTES = 4_096;
/** Seconds' worth that may come at once, and of one that has just come. */
const BURST_SECONDS = 2;
const NEWCOMER_SECONDS = 0.25;
/** One that said nothing for this long takes no part, in ms. */
const SENDS_MS = 2_000;
const PATIENCE_MS = 10_000;
const SHUN_MS = 60_000;
const MAX_SHUNNED = 1_024;
/** Bytes of messages not yet whole, of all neighbours together. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** One that holds less than this is not the reason. */
const SMALL_BYTES = 64 * 1024;

interface Bucket {
  level: number;
  at: number;
}

interface Neighbour extends Bucket {
  readonly id: PeerId;
  /** Its part of what all together may send. */
  readonly share: Bucket;
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
 * a minute. The rate of all together slows only those who use more than their part of it, so that the others are still
 * heard, and none that is trusted.
 */
export function createGossipGuard(init: GossipGuardInit): GossipGuard {
  const { trusted, hangUp, log, perSecond = PER_SECOND, patienceMs = PATIENCE_MS } = init;
  const [own, together] = perSecond;
  const neighbours = new Map<string, Neighbour>();
  const total: Bucket = { level: together * BURST_SECONDS, at: Date.now() };
  const shunned = new Map<string, number>();
  let sending = { count: 1, of: 4, at: 0 };
  let held = 0;

  function refill(bucket: Bucket, rate: number, now: number): void {
    bucket.level = Math.min(rate * BURST_SECONDS, bucket.level + ((now - bucket.at) / 1_000) * rate);
    bucket.at = now;
  }

  /** What each of those that send may, so that a crowd of strangers gets no more than what all may. */
  function fairShare(now: number): number {
    // Counted once a second, and when a crowd comes in between.
    if (now - sending.at > 1_000 || neighbours.size > 2 * sending.of) {
      let count = 0;
      for (const { at } of neighbours.values()) if (now - at < SENDS_MS) count++;
      sending = { count: Math.max(1, count), of: Math.max(4, neighbours.size), at: now };
    }
    return together / sending.count;
  }

  function neighbourOf(peer: PeerId): Neighbour {
    const id = peer.toString();
    const known = neighbours.get(id);
    if (known !== undefined) return known;
    const now = Date.now();
    const made: Neighbour = {
      id: peer,
      level: own * NEWCOMER_SECONDS,
      at: now,
      share: { level: fairShare(now) * NEWCOMER_SECONDS, at: now },
      streams: new Map(),
      over: undefined,
      held: 0,
      paused: undefined,
    };
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

  function isShunned(id: string): boolean {
    return (shunned.get(id) ?? 0) > Date.now();
  }

  function letGo(peer: PeerId, problem: string): void {
    const id = peer.toString();
    if (isShunned(id)) return;
    log('a peer was let go', { peer: id, problem });
    shunned.delete(id);
    shunned.set(id, Date.now() + SHUN_MS);
    if (shunned.size > MAX_SHUNNED) shunned.delete(shunned.keys().next().value ?? '');
    hangUp(peer);
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
    const now = Date.now();
    const { id, share } = neighbour;
    const isTrusted = trusted.has(id.toString());
    refill(neighbour, own, now);
    refill(share, fairShare(now), now);
    refill(total, together, now);
    neighbour.level -= units;
    share.level -= units;
    total.level -= units;
    const crowded = total.level < 0 && share.level < 0 && !isTrusted;
    if (neighbour.level >= (own * BURST_SECONDS) / 2) neighbour.over = undefined;
    if (neighbour.level < 0 || crowded) {
      const debts = [-neighbour.level / own, crowded ? -share.level / fairShare(now) : 0];
      slow(neighbour, Math.min(1_000, 10 + Math.max(...debts) * 1_000));
      neighbour.over ??= now;
      if (now - neighbour.over > patienceMs && !isTrusted) {
        neighbour.over = undefined;
        letGo(id, 'it floods gossip');
      }
    }
    return neighbour.level < -own * BURST_SECONDS && !isTrusted;
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
    isShunned,
    forget(id) {
      const neighbour = neighbours.get(id);
      if (neighbour === undefined) return;
      release(neighbour);
      clearTimeout(neighbour.paused);
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
