import type { TestContext } from 'node:test';
import { NO_USAGE, type Outcome } from '../../../runtime/core/execution.ts';
import type { RollCall, WorkAnswer, WorkerService, WorkOrder } from '../../../runtime/core/work.ts';
import { createLastingHead, type LastingHead, type LastingHeadInit } from '../../../runtime/p2p/lasting/head.ts';
import { createLastingWorker, type LastingWorker } from '../../../runtime/p2p/lasting/worker.ts';
import type { SwarmHostInit } from '../../../runtime/p2p/swarm-host.ts';
import { startSwarm, type TestSwarm } from '../support.ts';

export const CALL: RollCall = {
  ...{ requestId: 'r1', functionId: 'bafy', method: 'm.wasm', topic: 'topic' },
  ...{ consensus: 0, attributes: null },
};

export function order(requestId: string, stdin = ''): WorkOrder {
  const request = { function_id: 'bafy', method: 'm.wasm', config: { stdin } };
  const timestamp = '2026-01-01T00:00:00.5Z';
  return { requestId, topic: 'topic', request, peers: ['a', 'b'], timestamp, deadlineMs: 1500 };
}

export function outcome(stdout: Uint8Array, over: Partial<Outcome> = {}): Outcome {
  const ending = { cause: 'exited', exitCode: 0, message: '', stderr: new Uint8Array(0) } as const;
  return { ...ending, stdout, stdoutTruncated: false, stderrTruncated: false, usage: NO_USAGE, ...over };
}

export function ran(requestId: string, stdout: string): WorkAnswer {
  return { requestId, code: '200', outcome: outcome(Buffer.from(stdout)), message: '', attestation: null };
}

/** Answers with the standard input of the request. */
export const ECHO: WorkerService = {
  rollCall: async () => ({ code: '202', load: 0.25 }),
  execute: async ({ requestId, request }) => ran(requestId, request.config?.stdin ?? ''),
  install: async () => null,
};

export interface TestHead extends TestSwarm {
  readonly lasting: LastingHead;
}

export async function startHead(
  t: TestContext,
  { pauseMs, ...init }: Partial<SwarmHostInit> & Partial<LastingHeadInit> = {},
): Promise<TestHead> {
  let lasting: LastingHead | undefined;
  const lines: string[] = [];
  const started = await startSwarm(t, {
    ...init,
    async prepare({ swarm }) {
      const log = (line: string, fields = {}): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
      const options = { log, ...(pauseMs && { pauseMs }) };
      lasting = createLastingHead({ swarm }, options);
    },
  });
  if (lasting === undefined) throw new Error('not prepared');
  t.after(lasting.stop);
  return { ...started, lasting, lines };
}

export interface TestWorker extends TestSwarm {
  readonly lasting: LastingWorker;
}

export async function startWorker(
  t: TestContext,
  service: Partial<WorkerService> = {},
  init: Partial<SwarmHostInit> & { topics?: readonly string[] } = {},
): Promise<TestWorker> {
  let lasting: LastingWorker | undefined;
  const lines: string[] = [];
  const started = await startSwarm(t, {
    topics: ['topic'],
    ...init,
    async prepare({ swarm }) {
      const log = (line: string, fields = {}): void => void lines.push(`${line} ${JSON.stringify(fields)}`);
      lasting = await createLastingWorker({ swarm, service: { ...ECHO, ...service } }, { log });
    },
  });
  if (lasting === undefined) throw new Error('not prepared');
  t.after(lasting.stop);
  return { ...started, lasting, lines };
}

export const NEVER = new AbortController().signal;
