import { setTimeout } from 'node:timers/promises';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { NO_USAGE } from '../../runtime/core/execution.ts';
import type { RollCallAnswer, WorkerNetwork, WorkOrder } from '../../runtime/core/work.ts';
import { createHostSide } from '../../runtime/p2p/port/host-side.ts';

/** A thread in place of the libp2p host's: its workers are a table of behaviours by peer id. */

const cancelled: string[] = [];

function answerOf(peerId: string, requestId: string): RollCallAnswer {
  return { peerId, requestId, functionId: 'f', code: '202', load: 0.25, lasting: true };
}

async function work(peerId: string, order: WorkOrder, signal: AbortSignal) {
  const { requestId } = order;
  const base = { requestId, code: '200', message: '', attestation: null };
  if (peerId === 'gone')
    throw new InferbaseError('ERR_NOT_ENOUGH_NODES', 'the worker is gone', { details: ['really'] });
  if (peerId === 'busy') return { ...base, code: '503', outcome: null, message: 'full' };
  if (peerId === 'never') {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    cancelled.push(requestId);
  }
  if (peerId === 'dies') process.exit(3);
  if (peerId === 'cancelled') await setTimeout(1);
  const text = peerId === 'cancelled' ? cancelled.join() : (order.request.config?.stdin ?? '');
  // A view on something larger, as bytes of a frame are.
  const frame = Buffer.from(`<<${text}>>`);
  const outcome = {
    ...({ cause: 'exited', exitCode: 0, message: '', stderr: new Uint8Array(0) } as const),
    ...{ stdout: frame.subarray(2, frame.length - 2), stdoutTruncated: false, stderrTruncated: false, usage: NO_USAGE },
  };
  return { ...base, outcome };
}

const network: WorkerNetwork = {
  async rollCall(call, onAnswer, signal) {
    if (call.topic === 'refused') throw new InferbaseError('ERR_BUSY', 'cannot publish');
    onAnswer(answerOf('early', call.requestId));
    const timer = setInterval(() => onAnswer(answerOf('late', call.requestId)), 1);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      cancelled.push(call.requestId);
    });
    return ['early', 'late', 'silent'];
  },
  order: work,
  async formCluster({ requestId, peers, consensus }, { waitMs, signal }) {
    if (waitMs > 1_000) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      cancelled.push(requestId);
    }
    return peers.map((peerId) => ({ peerId, code: `${consensus}${waitMs}` }));
  },
  async disbandCluster({ requestId }) {
    installed.push(`disbanded ${requestId}`);
  },
  async install({ cid }) {
    installed.push(cid);
  },
  workers: async (topic) => [topic, ...installed],
};
const installed: string[] = [];

// Keeps the thread alive, as that of the host is.
parentPort?.on('message', () => {});
parentPort?.once('message', ({ port, asks }: { port: MessagePort; asks: boolean }) => {
  const side = createHostSide(port, (line, fields) => parentPort?.postMessage({ line, fields }));
  if (!asks) {
    side.serve(network);
    return;
  }
  // The other direction: what this thread asks of the worker and the head on the front thread.
  parentPort?.on('message', async ({ ask, args }: { ask: 'rollCall' | 'execute' | 'install' | 'client'; args: [] }) => {
    const controller = new AbortController();
    const [first, second] = args as unknown[] as [never, never];
    const answers = {
      rollCall: () => side.worker.rollCall(first, second),
      install: () => side.worker.install(first, second),
      execute: () => {
        if (second === 'gives up') setImmediate(() => setImmediate(() => controller.abort()));
        return side.worker.execute(first, second, controller.signal);
      },
      client: () => side.node.execute(first, { requestId: 'c1', signal: controller.signal }),
    };
    try {
      parentPort?.postMessage({ answer: await answers[ask]() });
    } catch (error) {
      parentPort?.postMessage({ error: String(error) });
    }
  });
});
