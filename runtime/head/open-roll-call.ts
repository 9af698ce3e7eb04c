import { randomUUID } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { RollCall, RollCallAnswer, WorkerNetwork } from '../core/work.ts';
import { answerKey, type KeptAnswers } from './kept-answers.ts';
import type { Loads } from './loads.ts';
import { tooFew } from './too-few.ts';

export interface RollCallComponents {
  readonly network: Pick<WorkerNetwork, 'rollCall'>;
  readonly loads: Loads;
  readonly kept: KeptAnswers;
}

export interface RollCallInit {
  readonly call: RollCall;
  /** How long workers have to say that they can, in ms. */
  readonly windowMs: number;
  /** The whole window, of which that is what is left: the one that callers are told; default `windowMs`. */
  readonly askedMs?: number;
  /** Workers that are not listened to, nor waited for. */
  readonly isAllowed: (peerId: string) => boolean;
  /** Workers of this topic that can are among those not listened to: what is heard is not all there is. */
  readonly isPartial?: boolean;
}

export interface TakeOptions {
  /** Ask again when all have answered and they are not enough; else that is the end of it. */
  readonly patient: boolean;
  /** Where all are taken, how many they have to be before the window ends; default 1. */
  readonly least?: number;
  /** Where all are taken: told of each at once; they are among those that come of it. */
  readonly onAble?: (peerId: string) => void;
}

/** A roll call that goes on until its window ends or it is closed; every worker is taken once. */
export interface OpenRollCall {
  /**
   * Waits for that many workers that can, and takes the least loaded ones; 0: for all of the topic.
   * @returns base58 peer ids
   * @throws InferbaseError `ERR_NOT_ENOUGH_NODES` when the window ends first
   */
  take(wanted: number, options: TakeOptions): Promise<readonly string[]>;
  /** @param reason what those that wait get */
  close(reason?: unknown): void;
}

/** The least loaded of those that can; 0: all of them, by name. */
export function choose(
  loads: Pick<Loads, 'rank'>,
  free: readonly (readonly [peerId: string, load: number | null])[],
  wanted: number,
): readonly string[] {
  return wanted === 0 ? free.map(([id]) => id).sort() : loads.rank(free).slice(0, wanted);
}

/** How long enough busy workers are held back for an idle one to answer, in ms. */
const GRACE_MS = 10;
/** First pause before those that could not, or nobody, are asked again, in ms; it doubles. */
const ASK_AGAIN_MS = 200;
const ASK_AGAIN_MOST_MS = 2_000;

interface Waiter {
  readonly wanted: number;
  readonly patient: boolean;
  readonly least: number;
  readonly onAble: ((peerId: string) => void) | undefined;
  /** Those that it was told of. */
  readonly told: string[];
  resolve(peerIds: readonly string[]): void;
  reject(error: unknown): void;
}

/**
 * Asks the workers of a topic. Where none can, or none is there, they are asked again until the window ends: a worker
 * that lacks the function installs it meanwhile, and one that starts late hears the next call.
 */
export function openRollCall({ network, loads, kept }: RollCallComponents, init: RollCallInit): OpenRollCall {
  const { call, windowMs, askedMs = windowMs, isAllowed, isPartial = false } = init;
  const key = answerKey(call);
  const closing = new AbortController();
  const able = new Map<string, number | null>();
  const unable = new Map<string, string>();
  const taken = new Set<string>();
  const waiters = new Set<Waiter>();
  let subscribers: readonly string[] = [];
  /** Who has answered since the last call went out, and subscribers that have not; `null` until it is published. */
  let heard = new Set<string>();
  let unheard: Set<string> | null = null;
  /** Subscribers that have left since the last call went out: they may be told of before the subscribers are. */
  let left = new Set<string>();
  let allKept = !isPartial;
  let isOver = false;
  let failure: unknown = null;
  let graceTimer: NodeJS.Timeout | null = null;
  let graceOver = false;
  let againTimer: NodeJS.Timeout | null = null;
  let againMs = ASK_AGAIN_MS;

  const windowTimer = setTimeout(() => {
    isOver = true;
    review();
    close();
  }, windowMs);

  function ask(requestId: string): void {
    unheard = null;
    heard = new Set();
    left = new Set();
    const onAnswer = (answer: RollCallAnswer): void => hear(answer, requestId);
    network.rollCall({ ...call, requestId }, onAnswer, closing.signal, lose).then(
      (known) => {
        subscribers = known.filter((id) => isAllowed(id) && !left.has(id));
        unheard = new Set(subscribers.filter((id) => !able.has(id) && !heard.has(id)));
        review();
      },
      (error: unknown) => {
        failure = error;
        review();
      },
    );
  }

  function hear({ peerId, requestId, functionId, code, load, lasting }: RollCallAnswer, asked: string): void {
    if (closing.signal.aborted || requestId !== asked || functionId !== call.functionId || !isAllowed(peerId)) return;
    if (able.has(peerId)) return;
    heard.add(peerId);
    unheard?.delete(peerId);
    if (code === '202') {
      unable.delete(peerId);
      able.set(peerId, load);
      if (lasting) kept.note(key, peerId, load);
      else allKept = false;
      for (const waiter of waiters) tell(waiter, [peerId]);
    } else {
      unable.set(peerId, code);
      kept.drop(key, peerId);
    }
    review();
  }

  /** @param ids of workers that can */
  function tell({ onAble, told }: Waiter, ids: Iterable<string>): void {
    if (onAble === undefined) return;
    for (const id of ids) {
      if (taken.has(id)) continue;
      taken.add(id);
      told.push(id);
      onAble(id);
    }
  }

  /** A subscriber left: nothing is to be expected of it any more. */
  function lose(peerId: string): void {
    if (closing.signal.aborted) return;
    left.add(peerId);
    subscribers = subscribers.filter((id) => id !== peerId);
    unheard?.delete(peerId);
    unable.delete(peerId);
    if (!taken.has(peerId)) able.delete(peerId);
    kept.drop(key, peerId);
    review();
  }

  /** Settles whoever can be settled; asks again where nobody is left to answer, or somebody may be able to by then. */
  function review(): void {
    const complete = subscribers.length > 0 && unheard?.size === 0;
    if (complete && allKept && able.size > 0) kept.noteComplete(key, able.keys());
    for (const waiter of waiters) {
      if (settle(waiter, complete)) waiters.delete(waiter);
    }
    const isWorthAsking = unheard !== null && (unheard.size === 0 || unable.size > 0);
    if (isWaitedFor() && isWorthAsking && !isOver) againTimer ??= setTimeout(askAgain, againMs);
  }

  const isWaitedFor = (): boolean => [...waiters].some(({ patient }) => patient);

  function askAgain(): void {
    againTimer = null;
    if (!isWaitedFor()) return;
    againMs = Math.min(2 * againMs, ASK_AGAIN_MOST_MS);
    ask(randomUUID());
  }

  function settle({ wanted, patient, least, told, resolve, reject }: Waiter, complete: boolean): boolean {
    // Who is taken is able.
    const count = told.length + able.size - taken.size;
    const enough = count >= Math.max(1, wanted);
    if (enough && (isOver || (complete && count >= least) || (wanted > 0 && isGoodEnough(wanted)))) {
      const mine = told.map((id) => [id, able.get(id) ?? null] as const);
      const chosen = choose(loads, [...mine, ...free()], wanted);
      for (const id of chosen) taken.add(id);
      resolve(chosen);
      return true;
    }
    const isEnd = isOver || (!patient && unheard?.size === 0 && !enough);
    if (failure !== null) reject(failure);
    else if (isEnd) reject(tooFewFor(wanted));
    return failure !== null || isEnd;
  }

  const free = (): (readonly [string, number | null])[] => Array.from(able).filter(([id]) => !taken.has(id));

  function isGoodEnough(wanted: number): boolean {
    if (graceOver || free().filter(([id, load]) => loads.isIdle(id, load)).length >= wanted) return true;
    graceTimer ??= setTimeout(() => {
      graceOver = true;
      review();
    }, GRACE_MS);
    return false;
  }

  function tooFewFor(wanted: number): InferbaseError {
    const { topic } = call;
    const isAsked = subscribers.length > 0 || unheard !== null;
    const known = isAsked ? subscribers.length : null;
    return tooFew({
      ...{ topic, wanted, windowMs: askedMs, known, able: able.size, taken: taken.size, unable: [...unable.values()] },
      isClustered: call.consensus !== 0,
    });
  }

  function close(reason?: unknown): void {
    isOver = true;
    clearTimeout(windowTimer);
    if (graceTimer !== null) clearTimeout(graceTimer);
    if (againTimer !== null) clearTimeout(againTimer);
    closing.abort();
    for (const { reject } of waiters) reject(reason ?? new InferbaseError('ERR_CANCELLED', 'the roll call was closed'));
    waiters.clear();
  }

  ask(call.requestId);
  return {
    take(wanted, { patient, least = 1, onAble }) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const waiter: Waiter = { wanted, patient, least, onAble, told: [], resolve, reject };
      waiters.add(waiter);
      tell(waiter, able.keys());
      review();
      return promise;
    },
    close,
  };
}
