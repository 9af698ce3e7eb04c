import { randomUUID } from 'node:crypto';
import type { RollCall } from '../core/work.ts';
import { answerKey, createKeptAnswers } from './kept-answers.ts';
import {
  choose,
  type OpenRollCall,
  openRollCall,
  type RollCallComponents,
  type TakeOptions,
} from './open-roll-call.ts';

/** The workers of one request. */
export interface Crew {
  /**
   * Takes that many workers that can, each of them once: those whose word still holds, else by roll call. 0: all.
   * @param options.least where all are taken, fewer than these are waited past until the window ends; default 1
   * @param options.onAble where all are taken, told of each as soon as it has said that it can
   * @returns base58 peer ids
   * @throws InferbaseError `ERR_NOT_ENOUGH_NODES` when there are fewer by the end of the window; the signal's reason
   */
  take(wanted: number, options?: Omit<TakeOptions, 'patient'>): Promise<readonly string[]>;
  /** One more, for one that refused: that it can holds no longer. @returns `null` where nobody else can */
  replace(peerId: string): Promise<string | null>;
  /** The worker refused, and nobody steps in. */
  drop(peerId: string): void;
  close(): void;
}

export interface Crews {
  /**
   * @param options.windowMs how long workers may take to say that they can
   * @param options.signal ends the waiting
   */
  assemble(call: RollCall, options: { readonly windowMs: number; readonly signal: AbortSignal }): Crew;
}

export interface CrewsInit {
  /** How long answers hold of workers whose answers do, in ms. */
  readonly keepMs: number;
  readonly isAllowed: (peerId: string) => boolean;
}

/** Where the kept answers in use are older than this share of their time, they are asked for anew, aside. */
const REFRESH_AT = 0.5;

/** Finds workers for requests, by what they said lately or by roll call. */
export function createCrews({ network, loads }: Omit<RollCallComponents, 'kept'>, init: CrewsInit): Crews {
  const { keepMs, isAllowed } = init;
  const kept = createKeptAnswers({ keepMs });
  const components: RollCallComponents = { network, loads, kept };
  const refreshing = new Set<string>();

  function refresh(key: string, call: RollCall): void {
    if (refreshing.has(key)) return;
    refreshing.add(key);
    const asked = openRollCall(components, {
      call: { ...call, requestId: randomUUID() },
      windowMs: keepMs,
      isAllowed,
    });
    asked
      .take(0, { patient: false })
      // Nobody waits for it: whoever finds nothing kept asks for himself, and is told what is wrong.
      .catch(() => {})
      .finally(() => {
        asked.close();
        refreshing.delete(key);
      });
  }

  return {
    assemble(call, { windowMs, signal }) {
      const key = answerKey(call);
      const endsAt = performance.now() + windowMs;
      const taken = new Set<string>();
      let asked: OpenRollCall | null = null;

      function takeKept(wanted: number): readonly string[] | null {
        // A cluster is formed of those that answered this very request: one that does not join ends it.
        if (call.consensus !== 0) return null;
        const found = kept.find(key, wanted);
        if (found === null) return null;
        const free = Array.from(found.loads).filter(([id]) => !taken.has(id));
        if (free.length < Math.max(1, wanted)) return null;
        if (found.ageMs > REFRESH_AT * keepMs) refresh(key, call);
        return choose(loads, free, wanted);
      }

      function ask(): OpenRollCall {
        if (asked !== null) return asked;
        const left = Math.max(0, endsAt - performance.now());
        const isFree = (id: string): boolean => isAllowed(id) && !taken.has(id);
        const isPartial = taken.size > 0;
        const options = { windowMs: left, askedMs: windowMs, isAllowed: isFree, isPartial };
        const opened = openRollCall(components, { call, ...options });
        signal.addEventListener('abort', () => opened.close(signal.reason), { once: true });
        asked = opened;
        return opened;
      }

      async function take(wanted: number, options: TakeOptions): Promise<readonly string[]> {
        signal.throwIfAborted();
        const chosen = (asked === null ? takeKept(wanted) : null) ?? (await ask().take(wanted, options));
        for (const id of chosen) taken.add(id);
        return chosen;
      }

      return {
        take: (wanted, options) => take(wanted, { ...options, patient: true }),
        async replace(peerId) {
          kept.drop(key, peerId);
          // Why nobody steps in matters less than why this one did not run it, which is told.
          const [next = null] = await take(1, { patient: false }).catch(() => []);
          return next;
        },
        drop: (peerId) => kept.drop(key, peerId),
        close: () => asked?.close(),
      };
    },
  };
}
