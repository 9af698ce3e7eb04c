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

/** An order on its way to workers. */
export interface Gathering {
  /** Hands it to one that is known before the others are. */
  give(peerId: string): void;
  /**
   * Hands it to all that have not been given it and waits until each has answered or is gone, or the time is over.
   * @param peerIds base58 peer ids of all that get it first
   * @param order what those get that have not been given it; default that of all
   */
  finish(peerIds: readonly string[], order?: WorkOrder): Promise<Gathered>;
}

/** Hands an order to workers, all at once, as `startGathering` says. */
export async function gather(components: GatherComponents, init: GatherInit): Promise<Gathered> {
  return await startGathering(components, init).finish(init.workers);
}

/**
 * Hands an order to workers. Whoever answers that it never ran is replaced; one that is lost while it had the order is not,
 * since nobody knows how far it came. What has been given is taken back by the signal only.
 */
export function startGathering(components: GatherComponents, init: Omit<GatherInit, 'workers'>): Gathering {
  const { waitMs, signal, agreement } = init;
  const results: PeerResult[] = [];
  /** Who has the order now, and what comes of it, by who got it first. */
  const current = new Map<string, string>();
  const slots = new Map<string, Promise<void>>();
  const failures = new Map<string, { readonly code: string; readonly reason: string }>();
  let isOver = false;
  let isOpen = true;
  const findFlaw = createAttestationCheck(init.order);
  /** Orders that are out, and those that were refused. */
  const unanswered = new Set<GivenOrder>();
  const refused: GivenOrder[] = [];
  const { promise: over, resolve: stop, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  return { give: (peerId) => give(peerId, init.order), finish };

  function give(peerId: string, order: WorkOrder): void {
    if (slots.has(peerId)) return;
    const filled = fill(peerId, order);
    // Until all are given, nobody waits for it.
    filled.catch(() => {});
    slots.set(peerId, filled);
  }

  async function finish(peerIds: readonly string[], order: WorkOrder = init.order): Promise<Gathered> {
    const timer = setTimeout(() => {
      for (const given of unanswered) given.broken();
      stop();
    }, waitMs);
    for (const peerId of peerIds) give(peerId, order);
    Promise.all(slots.values()).then(() => {
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
    const workers = peerIds.map((peerId) => current.get(peerId) ?? peerId);
    return { results: [...results], workers, failures: new Map(failures), isOpen, isSettled: isAgreed() };
  }

  function isAgreed(): boolean {
    return agreement !== undefined && agreement.agreed.size > 0;
  }

  async function fill(first: string, order: WorkOrder): Promise<void> {
    for (let worker: string | null = first; worker !== null; ) {
      current.set(first, worker);
      worker = (await ask(worker, order)) ? await init.replace(worker) : null;
      if (isOver) return;
    }
  }

  /** @returns whether another worker should have it */
  async function ask(worker: string, order: WorkOrder): Promise<boolean> {
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
