import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { RollCall } from '../core/work.ts';

/** Answers to roll calls of workers whose word holds for a while, by what was asked. */
export interface KeptAnswers {
  note(key: string, peerId: string, load: number | null): void;
  /** The answers of these workers are all there are: nobody else can. */
  noteComplete(key: string, peerIds: Iterable<string>): void;
  drop(key: string, peerId: string): void;
  /**
   * @param wanted how many workers; 0: all there are
   * @returns load by worker, and how old the oldest of them is in ms; `null` when there are not enough
   */
  find(
    key: string,
    wanted: number,
  ): { readonly loads: ReadonlyMap<string, number | null>; readonly ageMs: number } | null;
}

interface Kept {
  readonly answers: Map<string, { readonly load: number | null; readonly at: number }>;
  /** When the oldest of a complete set of answers came: with it, the set ends. */
  completeAt: number;
}

const MAX_KEYS = 1_000;
/** What callers ask for may be long, and is kept. */
const MAX_KEY = 512;

/** Roll calls of the same key get the same answers. */
export function answerKey({ topic, functionId, method, attributes, consensus }: Omit<RollCall, 'requestId'>): string {
  const key = JSON.stringify([topic, functionId, method, attributes, consensus]);
  return key.length > MAX_KEY ? hash('sha256', key) : key;
}

/** @param init.keepMs how long an answer holds, in ms */
export function createKeptAnswers({ keepMs }: { readonly keepMs: number }): KeptAnswers {
  const byKey = new LRUCache<string, Kept>({ max: MAX_KEYS });

  function entry(key: string): Kept {
    const found = byKey.get(key) ?? { answers: new Map(), completeAt: Number.NEGATIVE_INFINITY };
    byKey.set(key, found);
    return found;
  }

  return {
    note(key, peerId, load) {
      entry(key).answers.set(peerId, { load, at: performance.now() });
    },
    noteComplete(key, peerIds) {
      const kept = entry(key);
      let oldest = performance.now();
      // One that has ended by now, or was dropped, leaves the others incomplete.
      for (const peerId of peerIds) oldest = Math.min(oldest, kept.answers.get(peerId)?.at ?? Number.NEGATIVE_INFINITY);
      kept.completeAt = Math.max(kept.completeAt, oldest);
    },
    drop(key, peerId) {
      byKey.get(key)?.answers.delete(peerId);
    },
    find(key, wanted) {
      const kept = byKey.get(key);
      if (kept === undefined) return null;
      const now = performance.now();
      if (wanted === 0 && now - kept.completeAt > keepMs) return null;
      const loads = new Map<string, number | null>();
      let oldest = now;
      for (const [peerId, { load, at }] of kept.answers) {
        if (now - at > keepMs) {
          kept.answers.delete(peerId);
          continue;
        }
        loads.set(peerId, load);
        oldest = Math.min(oldest, at);
      }
      return loads.size === 0 || loads.size < wanted ? null : { loads, ageMs: now - oldest };
    },
  };
}
