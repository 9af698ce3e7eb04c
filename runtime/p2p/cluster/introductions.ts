import { LRUCache } from 'lru-cache';
import type { Swarm } from '../swarm.ts';
import { mayDial } from './dial-policy.ts';
import { findPeer } from './find-peer.ts';

/** Has this node find the other members of a cluster, which may never have met. */
export interface Introductions {
  /**
   * Connects with those that are not connected, as far as the head of the cluster knows where they are.
   * @param told by base58 peer id, multiaddrs that the head gave
   * @returns once each is connected, or cannot be reached, or too slowly
   */
  introduce(members: readonly string[], head: string, told: ReadonlyMap<string, readonly string[]>): Promise<void>;
  stop(): void;
}

export interface IntroductionsInit {
  /** Whether a peer is a member of a cluster that lives. */
  readonly isNeeded: (peerId: string) => boolean;
  /** base58 peer ids of heads that the operator named: their word on where a peer is counts in every network. */
  readonly trusted: ReadonlySet<string>;
  /** How long the members are looked for, in ms; default 4 000: the head waits for 20 s. */
  readonly reachMs?: number;
  readonly log: (line: string, fields?: object) => void;
}

const REACH_MS = 4_000;
const MAX_ADDRESSES = 8;
const AT_ONCE = 8;
/** Peers that one head may have this node look for in a minute; more are taken for unreachable. */
const PER_MINUTE = 128;
const MINUTE_MS = 60_000;
const MAX_HEADS = 1_024;
/** Connections that were made for clusters are kept for the next one, so many of them. */
const MAX_KEPT = 24;

export function createIntroductions(
  swarm: Swarm,
  { isNeeded, trusted, reachMs = REACH_MS, log }: IntroductionsInit,
): Introductions {
  const asked = new LRUCache<string, { count: number }>({ max: MAX_HEADS, ttl: MINUTE_MS });
  const stopping = new AbortController();
  /** Peers that this node has dialled, the latest last. */
  const made = new Set<string>();

  function mayAsk(head: string): boolean {
    const minute = asked.get(head) ?? { count: 0 };
    if (minute.count === 0) asked.set(head, minute);
    return ++minute.count <= PER_MINUTE;
  }

  async function reach(peerId: string, head: string, told: readonly string[], signal: AbortSignal): Promise<void> {
    const from = { address: swarm.remoteAddress(head) ?? '', trusted: trusted.has(head) };
    const known = told.length > 0 ? told : await findPeer(swarm, { at: head, peerId, signal });
    const addresses = known
      .map((address) => address.replace(/\/p2p\/[^/]+$/, ''))
      .filter((address) => mayDial(address, from))
      .slice(0, MAX_ADDRESSES);
    if (addresses.length === 0 || swarm.remoteAddress(peerId) !== undefined) return;
    await swarm.dial(peerId, addresses, signal);
    made.delete(peerId);
    made.add(peerId);
  }

  /** Of those that it dialled, the first have to go when there are too many. */
  function letGo(): void {
    for (const peerId of made) {
      if (made.size <= MAX_KEPT) return;
      if (isNeeded(peerId)) continue;
      made.delete(peerId);
      swarm.hangUp(peerId).catch(() => {});
    }
  }

  return {
    async introduce(members, head, told) {
      const isMissing = (peerId: string): boolean =>
        peerId !== swarm.peerId && swarm.remoteAddress(peerId) === undefined;
      const missing = members.filter(isMissing);
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(reachMs)]);
      const work = async (): Promise<void> => {
        for (let peerId = missing.pop(); peerId !== undefined && !signal.aborted; peerId = missing.pop()) {
          if (!mayAsk(head)) return;
          // It may be that they find us, and the cluster holds without some.
          await reach(peerId, head, told.get(peerId) ?? [], signal).catch(() => {});
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, missing.length) }, work));
      letGo();
      const lost = members.filter(isMissing);
      if (lost.length > 0) log('members of a cluster cannot be reached', { peer: head, members: lost });
    },
    stop: () => stopping.abort(),
  };
}
