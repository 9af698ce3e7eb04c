import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { parseCid } from '../core/cid.ts';
import { InferbaseError, messageOf } from '../core/errors.ts';
import type { Outcome } from '../core/execution.ts';
import type { ExecuteRequest, InferenceNode } from '../core/node.ts';
import { expected, neverRan } from '../core/wire-code.ts';
import type { Attestation, RollCall, WorkAnswer, WorkerService, WorkOrder } from '../core/work.ts';
import type { FunctionStore } from '../store/store.ts';
import { createLineBudget } from '../telemetry/line-budget.ts';
import { matchesAttributes, type NodeAttributes } from '../wire/attributes.ts';
import { toOrderedRequest } from '../wire/execute-request.ts';
import { installFunction } from './install-function.ts';
import { createInstalls } from './installs.ts';
import { createOrderLine } from './order-line.ts';
import { createTakenOrders } from './taken-orders.ts';

export interface WorkerComponents {
  /** Runs a function on this very node. */
  readonly node: Pick<InferenceNode, 'execute'>;
  readonly store: Pick<FunctionStore, 'has' | 'get' | 'list'>;
  /** Signs what came of an order; `null`: nothing is signed. */
  readonly sign: ((order: WorkOrder, outcome: Outcome) => Attestation) | null;
  log(line: string, fields?: object): void;
  /** Takes a line for each order; `null`: nobody wants those. */
  readonly trace: ((line: string, fields: object) => void) | null;
}

export interface WorkerInit {
  /** base58 peer ids of the heads that may ask; none: any. */
  readonly heads: readonly string[];
  readonly attributes: NodeAttributes;
  /** As `work.consensus`; the cluster itself is for `p2p/`. */
  readonly consensus: 'pbft' | 'none';
  /** Executions at once. */
  readonly concurrency: number;
  /** Orders that may wait. */
  readonly queue: number;
  /** Longest an execution may take, in ms. A head that does not say how long it waits is taken to wait twice as long. */
  readonly deadlineMs: number;
  /** Most bytes of requests in work; default 256 MiB. */
  readonly heldBytes?: number;
  /** How long a roll call waits for an install it started, in ms; default 1 500. */
  readonly patienceMs?: number;
}

export interface Worker extends WorkerService {
  /** Takes nothing more, ends installs, and waits for the orders in work, for a while; those left end with the sandbox. */
  close(): Promise<void>;
}

/** Shorter than the 2 s that Allora's chain gives a roll call: the head learns of it while it still listens. */
const PATIENCE_MS = 1_500;
/** Roll calls that wait for installs at once; the others are told "not here" right away. */
const MAX_PATIENT = 256;
const HELD_BYTES = 256 * 1_048_576;
/** How long a function is taken to be here without looking again, in ms. */
const READY_MS = 10_000;
const MAX_READY = 10_000;
/** How long closing waits for orders in work, and for their answers to be on their way, in ms. */
const DRAIN_MS = 5_000;
const ANSWERS_LEAVE_MS = 100;
/** Lines of the log that a head's requests may cause. */
const HEAD_LINES = { lines: 20, windowMs: 60_000 } as const;
/** Of what a stranger wrote, so many characters are logged. */
const SHOWN = 100;
/** Heads that are not allowed and were told of once. */
const MAX_STRANGERS = 1_000;

/** b7s's codes, as text (models/codes/code.go). */
const ACCEPTED = '202';
const NOT_HERE = '404';
const INSTALL_FAILED = '500';
const NOT_SUPPORTED = '501';
const FULL = '503';

/** The use cases of a worker: it says what it can run, installs what it cannot yet, and runs what heads order. */
export function createWorker({ node, store, sign, log, trace }: WorkerComponents, init: WorkerInit): Worker {
  const { patienceMs = PATIENCE_MS, heldBytes = HELD_BYTES } = init;
  const allowed = new Set(init.heads);
  const strangers = new LRUCache<string, true>({ max: MAX_STRANGERS });
  const line = createOrderLine({ places: init.concurrency, queue: init.queue, heldBytes });
  const taken = createTakenOrders();
  const tell = createLineBudget((text, fields) => log(text, fields), HEAD_LINES);
  /** By CID as the head wrote it. */
  const ready = new LRUCache<string, true>({ max: MAX_READY, ttl: READY_MS });
  const installs = createInstalls({
    async install(cid, signal) {
      await installFunction(store, cid, signal);
      ready.set(cid, true);
      log('function installed', { cid });
    },
    onFailed: (cid, head, error) => tell(head, `function not installed: ${messageOf(error)}`, { cid, head }),
  });
  let patient = 0;
  let closed = false;

  function serves(head: string): boolean {
    if (allowed.size === 0 || allowed.has(head)) return true;
    if (!strangers.has(head)) log('a head that work.heads does not name is ignored', { head });
    strangers.set(head, true);
    return false;
  }

  async function isReady(cid: string): Promise<boolean> {
    if (ready.has(cid)) return true;
    const here = await store.has(cid, '');
    if (here) ready.set(cid, true);
    return here;
  }

  /** What to answer about a function that is not here. */
  async function codeAfterInstall(cid: string, head: string): Promise<string> {
    const before = installs.failure(cid);
    const end = before ?? (await soon(installs.start(cid, head)));
    if (end === undefined) return NOT_HERE;
    if (end === null) return ACCEPTED;
    return end.code === 'ERR_BUSY' || end.code === 'ERR_CLOSED' ? FULL : INSTALL_FAILED;
  }

  /** How an install ended, or `undefined` when that takes longer than a roll call waits. */
  async function soon<T>(end: Promise<T>): Promise<T | undefined> {
    if (patient >= MAX_PATIENT) return undefined;
    patient++;
    const over = new AbortController();
    try {
      // Aborted below, when it is not needed any more.
      const late = setTimeout(patienceMs, undefined, { signal: over.signal }).catch(() => undefined);
      return await Promise.race([end, late]);
    } finally {
      patient--;
      over.abort();
    }
  }

  async function run(order: WorkOrder, head: string, signal: AbortSignal): Promise<WorkAnswer> {
    const { requestId } = order;
    try {
      if (closed) throw new InferbaseError('ERR_CLOSED', 'the node is shutting down; ask another worker');
      const request = boundedRequest(order, init.deadlineMs);
      const cid = request.functionId;
      if (!(await isReady(cid))) {
        void installs.start(cid, head);
        throw new InferbaseError('ERR_FUNCTION_NOT_FOUND', `${cid} is not installed here yet; ask again by roll call`);
      }
      const leave = await line.enter(head, sizeOf(request), signal);
      try {
        const { results } = await node.execute(request, { requestId, signal });
        const outcome = results[0]?.outcome;
        if (outcome === undefined) throw new Error('the node answered without an outcome');
        ready.set(cid, true);
        const code = outcome.cause === 'exited' && outcome.exitCode === 0 ? '200' : '500';
        const { cause, exitCode } = outcome;
        trace?.('order run', { requestId, head, function: cid.slice(0, SHOWN), cause, exitCode });
        return { requestId, code, outcome, message: '', attestation: sign === null ? null : sign(order, outcome) };
      } catch (error) {
        // What was here may be gone, or damaged.
        ready.delete(cid);
        throw error;
      } finally {
        leave();
      }
    } catch (error) {
      if (expected(error) === null) tell(head, `order failed: ${messageOf(error)}`, { requestId, head });
      return neverRan(requestId, error);
    }
  }

  return {
    async rollCall(call, from) {
      if (!serves(from) || !matchesAttributes(call.attributes, init.attributes)) return null;
      return { code: await codeFor(call, from), load: line.load };
    },
    async execute(order, from, signal) {
      if (!serves(from)) return neverRan(order.requestId, notAllowed(from));
      // Waiting for a place counts as well: nobody listens when the head has given up.
      const ms = order.deadlineMs === null ? 2 * init.deadlineMs : withGrace(order.deadlineMs);
      return await taken.take(order, from, { signal, ms }, (shared) => run(order, from, shared));
    },
    async install(cid, from) {
      if (!serves(from)) return null;
      try {
        const end = (await isReady(cid)) ? null : await installs.start(cid, from);
        return end === null ? { code: ACCEPTED, message: 'installed' } : null;
      } catch (error) {
        tell(from, `function not installed: ${messageOf(error)}`, { cid, head: from });
        return null;
      }
    },
    async close() {
      closed = true;
      installs.close();
      await Promise.race([line.idle(), setTimeout(DRAIN_MS, undefined, { ref: false })]);
      // Their answers leave through another thread.
      await setTimeout(ANSWERS_LEAVE_MS);
    },
  };

  async function codeFor({ functionId, consensus }: RollCall, head: string): Promise<string> {
    // Raft of several nodes is supported by none; one alone is asked without it, as AIB's heads do.
    if (consensus === 1 || (consensus === 2 && init.consensus === 'none')) return NOT_SUPPORTED;
    if (closed || !line.takes(head)) return FULL;
    if (ready.has(functionId)) return ACCEPTED;
    try {
      parseCid(functionId);
      return (await isReady(functionId)) ? ACCEPTED : await codeAfterInstall(functionId, head);
    } catch (error) {
      if (expected(error) === null) tell(head, `roll call failed: ${messageOf(error)}`, { head });
      return INSTALL_FAILED;
    }
  }
}

/** What this node makes of an order: one execution, of no longer than the head waits. */
function boundedRequest({ request, deadlineMs }: WorkOrder, ownMs: number): ExecuteRequest {
  const asked = { ...toOrderedRequest(request), nodeCount: 1 };
  // Rights that nobody narrowed are shared by executions; most heads wait as long as a worker runs.
  if (deadlineMs === null || deadlineMs >= ownMs) return asked;
  const waits = Math.max(1, Math.floor(deadlineMs));
  return { ...asked, limits: { ...asked.limits, deadlineMs: Math.min(waits, asked.limits.deadlineMs ?? waits) } };
}

/**
 * How long a head listens that says how long an execution may take: a little longer than that, so that what ran into its
 * deadline is told as such. Heads of ours wait twice as much longer.
 */
function withGrace(deadlineMs: number): number {
  return deadlineMs + Math.min(250, deadlineMs / 8);
}

/** What a request holds in memory, in bytes, about. */
function sizeOf({ stdin, env, parameters, body }: ExecuteRequest): number {
  let size =
    1_024 + stdin.length + 2 * (body.config?.stdin?.length ?? 0) + (body.config?.inferbase?.stdin?.length ?? 0);
  for (const [name, value] of env) size += 64 + 2 * (name.length + value.length);
  for (const value of parameters) size += 32 + 2 * value.length;
  return size;
}

function notAllowed(head: string): InferbaseError {
  return new InferbaseError('ERR_PERMISSION_DENIED', `this worker takes no orders of ${head}; add it to work.heads`);
}
