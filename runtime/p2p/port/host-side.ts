import type { MessagePort } from 'node:worker_threads';
import { InferbaseError } from '../../core/errors.ts';
import type { InferenceNode } from '../../core/node.ts';
import { neverRan } from '../../core/wire-code.ts';
import type { PeerView, WorkerNetwork, WorkerService } from '../../core/work.ts';
import { createLink } from './link.ts';
import { CODECS, type NetworkOps, type NodeOps } from './ops.ts';

/** The end of the port on the thread of the libp2p host. */
export interface HostSide {
  /** The worker on the front thread. It never fails: where the front thread does not answer, it is busy or silent. */
  readonly worker: WorkerService;
  /** The head on the front thread, for requests of p2p clients. */
  readonly node: Pick<InferenceNode, 'execute'>;
  /** What the front thread asks of workers; set once the protocols run, missing on a worker. */
  serve(network: WorkerNetwork): void;
  /** Who is connected, for those who ask. */
  show(peers: () => readonly PeerView[]): void;
  close(): void;
}

/** @param log told of failures that no other node is told of */
export function createHostSide(port: MessagePort, log: (line: string, fields?: object) => void): HostSide {
  let network: WorkerNetwork | undefined;
  let peers = (): readonly PeerView[] => [];
  const required = (): WorkerNetwork => {
    if (network !== undefined) return network;
    throw new InferbaseError('ERR_NOT_ENOUGH_NODES', 'the libp2p host is not up yet; send the request again');
  };
  const link = createLink<NetworkOps, NodeOps>({
    handlers: {
      async rollCall(call, { signal, note }) {
        const onGone = (peerId: string): void => note({ gone: peerId });
        note({ subscribers: await required().rollCall(call, note, signal, onGone) });
        await aborted(signal);
        return null;
      },
      order: ({ peerId, order }, { signal }) => required().order(peerId, order, signal),
      formCluster: async ({ cluster, waitMs }, { signal }) => await required().formCluster(cluster, { waitMs, signal }),
      async disbandCluster(cluster) {
        await required().disbandCluster(cluster);
        return null;
      },
      async install(order) {
        await required().install(order);
        return null;
      },
      workers: async ({ topic }) => await required().workers(topic),
      peers: async () => peers(),
    },
    codecs: CODECS,
    lost: () => new InferbaseError('ERR_CLOSED', 'the node is shutting down'),
  });
  link.connect(port);
  return {
    worker: workerThrough(link, log),
    node: {
      execute: (request, { requestId, signal }) => link.call('clientRequest', { request, requestId }, { signal }),
    },
    serve(next) {
      network = next;
    },
    show(next) {
      peers = next;
    },
    close: () => link.close(),
  };
}

function workerThrough(
  link: ReturnType<typeof createLink<NetworkOps, NodeOps>>,
  log: (line: string, fields?: object) => void,
): WorkerService {
  return {
    async rollCall(call, from) {
      try {
        return await link.call('answerRollCall', { call, from }, { isSmall: true });
      } catch (error) {
        log('a roll call was not answered', { requestId: call.requestId, error: String(error) });
        return null;
      }
    },
    async execute(order, from, signal) {
      try {
        return await link.call('execute', { order, from }, { signal, owner: from });
      } catch (error) {
        return neverRan(order.requestId, error);
      }
    },
    async install(cid, from) {
      try {
        return await link.call('installHere', { cid, from }, { isSmall: true });
      } catch (error) {
        log('an install order was not carried out', { cid, error: String(error) });
        return null;
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
