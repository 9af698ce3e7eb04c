import type { CID } from 'multiformats/cid';
import { cancelled } from '../single-flight.ts';
import { type MissCode, SourceMiss } from '../sources/block-source.ts';
import type { Answer, Peer } from './peer.ts';

/** Whom to ask for a block, as the exchange knows it. */
export interface Swarm {
  /** Peers to ask, the best one first. */
  candidates(): Peer[];
  /** Peers that are not asked though connected, with the reason. */
  shunned(): readonly string[];
  /** Resolves when the peers that are to be connected have been tried once. */
  readonly settled: Promise<void>;
  /** Why peers that are to be connected are not, a line for each. */
  missing(): readonly string[];
  /** Calls back for each peer that comes, until the returned function is called. */
  onPeer(tell: (peer: Peer) => void): () => void;
}

/** The next peer is asked when the one before has not answered for this long, in ms; twice as long each time. */
const HEDGE_MS = 150;

/**
 * Asks peers for one block: the best one first, further ones when it is slow or has it not, those that come meanwhile
 * too.
 * @returns the block, hashed
 * @throws SourceMiss with a part for each peer; InferbaseError `ERR_CANCELLED`
 */
export function askPeers(swarm: Swarm, cid: CID, timeoutMs: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const waiting = swarm.candidates();
    const asked = new Map<Peer, number>();
    const misses = new Map<string, Exclude<Answer, { block: Uint8Array }>>();
    let settled = false;
    let patience = HEDGE_MS;
    let hedge: NodeJS.Timeout | undefined;

    const finish = (): void => {
      clearTimeout(hedge);
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      stopListening();
      for (const [peer, since] of asked) {
        if (Date.now() - since > HEDGE_MS) peer.mark(1);
        peer.takeBack(cid);
      }
    };
    const onAbort = (): void => {
      finish();
      reject(cancelled(signal));
    };
    const giveUp = (): void => {
      finish();
      reject(missOf(misses, swarm, settled));
    };
    const next = (): void => {
      clearTimeout(hedge);
      const peer = waiting.shift();
      if (peer !== undefined) ask(peer);
      else if (asked.size === 0 && settled) giveUp();
      if (waiting.length > 0) hedge = setTimeout(next, patience);
      patience *= 2;
    };
    const ask = (peer: Peer): void => {
      asked.set(peer, Date.now());
      peer.want(cid, (answer) => {
        asked.delete(peer);
        if ('block' in answer) {
          finish();
          resolve(answer.block);
        } else {
          misses.set(peer.id, answer);
          if (answer.code !== 'ERR_FUNCTION_NOT_FOUND') peer.mark(answer.code === 'ERR_INTEGRITY' ? 4 : 2);
          next();
        }
      });
    };
    const stopListening = swarm.onPeer((peer) => {
      if (!asked.has(peer) && !waiting.includes(peer)) ask(peer);
    });
    const timer = setTimeout(() => {
      for (const { id } of asked.keys()) {
        misses.set(id, { code: 'ERR_SOURCE_UNAVAILABLE', problem: `gave no block within ${timeoutMs} ms` });
      }
      giveUp();
    }, timeoutMs);
    signal.addEventListener('abort', onAbort);
    next();
    void swarm.settled.then(() => {
      settled = true;
      if (asked.size === 0) next();
    });
  });
}

function missOf(
  misses: ReadonlyMap<string, { code: MissCode; problem: string }>,
  swarm: Swarm,
  settled: boolean,
): SourceMiss {
  const missing = [...swarm.missing(), ...(settled ? [] : ['not all peers were connected in time'])];
  const lines = [...Array.from(misses, ([id, { problem }]) => `${id} ${problem}`), ...swarm.shunned(), ...missing];
  const text = lines.length > 0 ? lines.join('; ') : 'no peer is connected';
  const codes = new Set(Array.from(misses.values(), ({ code }) => code));
  if (codes.has('ERR_SOURCE_UNAVAILABLE') || missing.length > 0) return new SourceMiss('ERR_SOURCE_UNAVAILABLE', text);
  if (codes.has('ERR_INTEGRITY') || swarm.shunned().length > 0) return new SourceMiss('ERR_INTEGRITY', text);
  return new SourceMiss('ERR_FUNCTION_NOT_FOUND', text);
}
