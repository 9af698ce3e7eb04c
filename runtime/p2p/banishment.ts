import type { PeerId } from '@libp2p/interface';

/** Peers that misbehaved, and may not connect for a while. */
export interface Banishment {
  /** Ends its connections. @param problem what it did, for the log */
  letGo(peer: PeerId, problem: string): void;
  /** Whether it was let go a short while ago. @param peerId base58 */
  isShunned(peerId: string): boolean;
}

const SHUN_MS = 60_000;
const MAX_SHUNNED = 1_024;

/** Nobody yet. */
export function createBanishment(uses: {
  readonly hangUp: (peer: PeerId) => void;
  readonly log: (line: string, fields?: object) => void;
}): Banishment {
  const shunned = new Map<string, number>();
  const isShunned = (peerId: string): boolean => (shunned.get(peerId) ?? 0) > Date.now();
  return {
    letGo(peer, problem) {
      const id = peer.toString();
      if (isShunned(id)) return;
      uses.log('a peer was let go', { peer: id, problem });
      shunned.delete(id);
      shunned.set(id, Date.now() + SHUN_MS);
      if (shunned.size > MAX_SHUNNED) shunned.delete(shunned.keys().next().value ?? '');
      uses.hangUp(peer);
    },
    isShunned,
  };
}
