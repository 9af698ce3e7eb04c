import type { RollCallAnswer, WorkerNetwork } from '../core/work.ts';
import { answerKey } from './kept-answers.ts';

type Asking = Pick<WorkerNetwork, 'rollCall'>;

/** One who waits for a roll call, as if it were its own. */
interface Asker {
  readonly requestId: string;
  readonly onAnswer: (answer: RollCallAnswer) => void;
  readonly onGone: ((peerId: string) => void) | undefined;
  readonly signal: AbortSignal;
  readonly published: PromiseWithResolvers<readonly string[]>;
}

/** How long a roll call holds up the next one of its kind, and answers that several wait for, in ms at most. */
const HOLD_MS = 10;
/** How long an answer that came after that is for one of them alone, in ms. */
const DEAL_MS = 5;
/** Far more than workers answer in that time; a number that stays small. */
const TURNS = 2 ** 20;

/**
 * Has requests that come together ask together: while the workers of a topic are asked about a function, whoever would
 * ask the same waits until they have answered, and then one roll call, under the id of the first, asks for all that wait.
 * So every answer is younger than the request that it is for, and a head that is asked a lot publishes little. Several
 * that wait are each told another worker first, which spreads them. Roll calls for a consensus are never shared: their
 * ids name clusters.
 */
export function shareRollCalls(network: Asking): Asking {
  /** By what is asked about, while workers are asked about it: who asks next. */
  const waiting = new Map<string, Asker[]>();
  /** Whom the next one of those that wait together is told first. */
  let turn = 0;

  return {
    rollCall(call, onAnswer, signal, onGone) {
      if (call.consensus !== 0) return network.rollCall(call, onAnswer, signal, onGone);
      const key = answerKey(call);
      const published = Promise.withResolvers<readonly string[]>();
      const asker = { requestId: call.requestId, onAnswer, onGone, signal, published };
      const next = waiting.get(key);
      if (next === undefined) ask([asker]);
      else next.push(asker);
      return published.promise;

      function ask(askers: readonly Asker[]): void {
        const [first] = askers;
        if (first === undefined) {
          waiting.delete(key);
          return;
        }
        waiting.set(key, []);
        const start = turn;
        if (askers.length > 1) turn = (turn + askers.length) % TURNS;
        askTogether(network, { ...call, requestId: first.requestId }, { askers, start }, () => {
          const next = waiting.get(key) ?? [];
          for (const { signal, published } of next) if (signal.aborted) published.reject(signal.reason);
          ask(next.filter(({ signal }) => !signal.aborted));
        });
      }
    },
  };
}

/**
 * @param together.start which of the answers the first asker is told first
 * @param onHeard called once, when all have answered or the time is over
 */
function askTogether(
  network: Asking,
  call: Parameters<Asking['rollCall']>[0],
  { askers, start }: { readonly askers: readonly Asker[]; readonly start: number },
  onHeard: () => void,
): void {
  let heard: RollCallAnswer[] = [];
  let unheard: Set<string> | null = null;
  let isOver = false;
  /** Those that came after the time, and the one that each was told to at once. */
  let late: { readonly answer: RollCallAnswer; readonly toldTo: number }[] = [];
  let dealt = start;
  // What came while this thread was busy is heard first.
  const timer = setTimeout(() => setImmediate(end), HOLD_MS);

  network.rollCall(call, hear, whenAllAbort(askers), lose).then(
    (subscribers) => {
      const ids = new Set(heard.map(({ peerId }) => peerId));
      unheard = new Set(subscribers.filter((id) => !ids.has(id)));
      for (const { published } of askers) published.resolve(subscribers);
      if (subscribers.length > 0 && unheard.size === 0) end();
    },
    (error: unknown) => {
      for (const { published } of askers) published.reject(error);
      end();
    },
  );

  function hear(answer: RollCallAnswer): void {
    if (answer.requestId !== call.requestId) return;
    if (askers.length === 1) for (const asker of askers) tell(asker, answer);
    else if (isOver) deal(answer);
    if (!isOver) heard.push(answer);
    unheard?.delete(answer.peerId);
    if (unheard?.size === 0) end();
  }

  /** To one at once, to the others a moment later: else all that wait would take the first that answers. */
  function deal(answer: RollCallAnswer): void {
    const toldTo = dealt++ % askers.length;
    const asker = askers[toldTo];
    if (asker !== undefined) tell(asker, answer);
    if (late.push({ answer, toldTo }) > 1) return;
    setTimeout(() => {
      const answers = late;
      late = [];
      for (const [at, asker] of askers.entries()) {
        for (const one of turned(answers, at)) if (one.toldTo !== at) tell(asker, one.answer);
      }
    }, DEAL_MS);
  }

  function lose(peerId: string): void {
    heard = heard.filter((answer) => answer.peerId !== peerId);
    late = late.filter(({ answer }) => answer.peerId !== peerId);
    for (const { onGone } of askers) onGone?.(peerId);
    unheard?.delete(peerId);
    if (unheard?.size === 0) end();
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    if (askers.length > 1) tellWhatWasHeard();
    onHeard();
  }

  function tellWhatWasHeard(): void {
    // Where more answers are to come, the first few are not for all.
    if (unheard?.size !== 0 && heard.length < askers.length) {
      for (const answer of heard) deal(answer);
      return;
    }
    for (const [at, asker] of askers.entries()) {
      for (const answer of turned(heard, start + at)) tell(asker, answer);
    }
  }
}

/** The same, beginning with another one. */
function turned<T>(all: readonly T[], first: number): readonly T[] {
  const at = all.length === 0 ? 0 : first % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

function tell({ requestId, onAnswer, signal }: Asker, answer: RollCallAnswer): void {
  if (!signal.aborted) onAnswer({ ...answer, requestId });
}

/** Aborts once nobody listens any longer. */
function whenAllAbort(askers: readonly Asker[]): AbortSignal {
  const [first] = askers;
  if (askers.length === 1 && first !== undefined) return first.signal;
  const all = new AbortController();
  let left = askers.length;
  for (const { signal } of askers) {
    const leave = (): void => {
      left--;
      if (left === 0) all.abort(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }
  return all.signal;
}
