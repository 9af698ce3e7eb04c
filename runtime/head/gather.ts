import { InferbaseError } from '../core/errors.ts';
import type { PeerResult } from '../core/node.ts';
import type { WorkAnswer, WorkerNetwork, WorkOrder } from '../core/work.ts';
import type { Agreement } from './agreement.ts';
import { createAttestationCheck } from './attestation-check.ts';
import type { GivenOrder, Loads } from './loads.ts';
import type { RequestRoom } from './output-room.ts';

export interface GatherComponents {
  readonly network: Pick<WorkerNetwork, 'order'>;
  readonly loads: Loads;
  readonly room: Pick<RequestRoom, 'take'>;
}

export interface GatherInit {
  readonly order: WorkOrder;
  /** base58 peer ids of those that get it first. */
  readonly workers: readonly string[];
  /** How long to wait for results, in ms. */
  readonly waitMs: number;
  /** Ends everything; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Ends the wait once enough answers are the same; missing: all are waited for. */
  readonly agreement?: Agreement;
  /** Another worker for one that did not run it; `null`: there is none. */
  readonly replace: (peerId: string) => Promise<string | null>;
  /** Results that came after the wait; those of before are not among them. */
  readonly onLate: (result: PeerResult) => void;
  /** Nobody is left to answer. */
  readonly onEnd: () => void;
}

export interface Gathered {
  readonly results: readonly PeerResult[];
  /** base58 peer ids of those that have or had it last. */
  readonly workers: readonly string[];
  /** Why there is no result of a worker, by worker; those that are silent yet are missing. */
  readonly failures: ReadonlyMap<string, { readonly code: string; readonly reason: string }>;
  /** Orders are out that may still be answered. */
  readonly isOpen: boolean;
  /** Enough said the same before all had answered; nobody was late. */
  readonly isSettled: boolean;
}

/** Longest text of a worker that is passed on, in characters. */
const MAX_REASON = 500;

/** A result without its output, about. */
const RESULT_BYTES = 1_024;

/** Codes that say "not I": the function is not there, no room. Of others it is not sure that nothing ran. */
const RETRIED: readonly string[] = ['404', '503'];

/**
 * Hands an order to workers, all at once, and waits until each has answered or is gone, or the time is over. Whoever
 * answers that it never ran is replaced; one that is lost while it had the order is not, since nobody knows how far it came.
 */
export async function gather(components: GatherComponents, init: GatherInit): Promise<Gathered> {
  const { waitMs, signal, agreement } = init;
  const results: PeerResult[] = [];
  const workers = [...init.workers];
  const failures = new Map<string, { readonly code: string; readonly reason: string }>();
  let isOver = false;
  let isOpen = true;
  const findFlaw = createAttestationCheck(init.order);
  /** Orders that are out, and those that were refused. */
  const unanswered = new Set<GivenOrder>();
  const refused: GivenOrder[] = [];
  const { promise: over, resolve: stop, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  const timer = setTimeout(() => {
    for (const given of unanswered) given.broken();
    stop();
  }, waitMs);
  const slots = workers.map((first, slot) => fill(slot, first));
  Promise.all(slots).then(() => {
    isOpen = false;
    stop();
    init.onEnd();
  }, reject);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await over;
  } finally {
    isOver = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
  // What all refuse is the fault of the request, or of none.
  if (results.length > 0) for (const given of refused) given.broken();
  const isSettled = isAgreed();
  return { results: [...results], workers: [...workers], failures: new Map(failures), isOpen, isSettled };

  function isAgreed(): boolean {
    return agreement !== undefined && agreement.agreed.size > 0;
  }

  async function fill(slot: number, first: string): Promise<void> {
    for (let worker: string | null = first; worker !== null; ) {
      workers[slot] = worker;
      worker = (await ask(worker)) ? await init.replace(worker) : null;
      if (isOver) return;
    }
  }

  /** @returns whether another worker should have it */
  async function ask(worker: string): Promise<boolean> {
    const { order } = init;
    const given = components.loads.begin(worker);
    unanswered.add(given);
    let answer: WorkAnswer;
    try {
      answer = await components.network.order(worker, order, signal);
    } catch (error) {
      if (!signal.aborted) given.broken();
      failures.set(worker, { code: '', reason: reasonOf(error) });
      return false;
    } finally {
      unanswered.delete(given);
      given.end();
    }
    const { outcome, attestation, code, message } = answer;
    if (outcome === null) {
      refused.push(given);
      failures.set(worker, { code, reason: message === '' ? `answered ${code}` : message.slice(0, MAX_REASON) });
      return RETRIED.includes(code);
    }
    const flaw = findFlaw(worker, answer);
    if (flaw !== null) {
      given.broken();
      failures.set(worker, { code: '', reason: `its attestation does not hold: ${flaw}` });
      return false;
    }
    given.kept();
    const { stdout, stderr } = outcome;
    const size = stdout.length + stderr.length + outcome.message.length;
    const full = isOver ? null : components.room.take(RESULT_BYTES + size);
    if (full !== null) {
      failures.set(worker, { code: '', reason: `its output of ${size} bytes is left out: ${full}` });
      return false;
    }
    const uncounted = agreement?.take(worker, answer) ?? null;
    if (uncounted !== null) {
      given.broken();
      failures.set(worker, { code: '', reason: uncounted });
      return false;
    }
    const result = { peerId: worker, outcome, ...(attestation !== null && { attestation }) };
    if (isOver) init.onLate(result);
    else results.push(result);
    if (isAgreed()) stop();
    return false;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof InferbaseError ? error.message : `failed: ${String(error)}`;
}
