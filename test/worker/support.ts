import type { TestContext } from 'node:test';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import type { RollCall, WorkAnswer, WorkOrder } from '../../runtime/core/work.ts';
import { createSoloNode } from '../../runtime/execute.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import type { FunctionStore } from '../../runtime/store/store.ts';
import { createWorker, type Worker, type WorkerInit } from '../../runtime/worker/worker.ts';
import { openStore } from '../store/support.ts';
import { guest } from '../support/wat.ts';

/** Peer ids of two heads; only texts here. */
export const [HEAD, OTHER_HEAD] = ['head-1', 'head-2'] as const;
export const NEVER = new AbortController().signal;

export interface OpenedWorker {
  readonly worker: Worker;
  readonly store: FunctionStore;
  /** CIDs of the guests that it has. */
  readonly cids: Readonly<Record<string, string>>;
  readonly log: readonly string[];
}

export interface OpenOptions {
  /** Whether the log has a line for each order. */
  readonly traced?: boolean;
  readonly guests?: readonly string[];
  readonly gateways?: readonly string[];
  readonly init?: Partial<WorkerInit>;
  readonly limits?: Partial<Limits>;
}

/** A worker with a store and a sandbox of its own that has prepared `test/guests/NAME`. */
export async function openWorker(t: TestContext, options: OpenOptions = {}): Promise<OpenedWorker> {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const log: string[] = [];
  const store = await openStore(t, { gateways: options.gateways ?? [] });
  const sandbox = createSandbox({
    threads: 1,
    concurrency: limits.concurrency,
    queue: limits.queue,
    upstreams: {},
    memoryPages: 256,
    processes: false,
    services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
    log: (line) => log.push(line),
  });
  const node = createSoloNode({ peerId: 'worker-1', store, sandbox }, { limits, policy: [], aggregates: false });
  const say = (line: string, fields: object = {}): number => log.push(`${line} ${JSON.stringify(fields)}`);
  const worker = createWorker(
    { node, store, sign: null, log: say, trace: options.traced === true ? say : null },
    {
      ...{ heads: [], attributes: { told: {}, attested: null }, concurrency: limits.concurrency, queue: limits.queue },
      // A busy machine takes its time.
      ...{ deadlineMs: limits.deadlineMs, patienceMs: 60_000, consensus: 'pbft', ...options.init },
    },
  );
  t.after(async () => {
    const closed = worker.close();
    await sandbox.close();
    await closed;
  });
  const cids: Record<string, string> = {};
  for (const name of options.guests ?? []) {
    const { cid } = await store.add([{ path: '', bytes: await guest(name) }]);
    await store.get(cid, { method: '', signal: NEVER });
    cids[name] = cid;
  }
  await sandbox.ready;
  return { worker, store, cids, log };
}

export function rollCall(functionId: string, over: Partial<RollCall> = {}): RollCall {
  const topic = 'allora-topic-1-worker';
  return { requestId: 'r', functionId, method: '', topic, consensus: 0, attributes: null, ...over };
}

export function workOrder(functionId: string, over: Partial<WorkOrder> = {}): WorkOrder {
  return {
    requestId: 'r',
    topic: 'allora-topic-1-worker',
    request: { function_id: functionId, method: 'f.wasm' },
    peers: ['worker-1'],
    timestamp: '2024-07-01T11:54:23.123456789Z',
    deadlineMs: null,
    ...over,
  };
}

export function textOf({ outcome }: WorkAnswer): string | undefined {
  return outcome === null ? undefined : Buffer.from(outcome.stdout).toString();
}
