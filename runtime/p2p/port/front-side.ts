import type { MessagePort } from 'node:worker_threads';
import { InferbaseError } from '../../core/errors.ts';
import type { InferenceNode } from '../../core/node.ts';
import type { PeerView, WorkerNetwork, WorkerService } from '../../core/work.ts';
import { createLink, type Handlers } from './link.ts';
import { CODECS, type NetworkOps, type NodeOps } from './ops.ts';

/** The front thread's end of the port to the thread of the libp2p host. */
export interface FrontSide {
  /** The workers, for a head. Calls fail while no port is connected. */
  readonly network: WorkerNetwork;
  /** Nodes that are connected. */
  peers(): Promise<readonly PeerView[]>;
  /** The port to the thread of the host, at first and again whenever that thread was replaced. */
  connect(port: MessagePort): void;
  /** Fails what is under way and all later calls. */
  close(): void;
}

/**
 * @param uses.worker what orders of heads are given to; missing where this node is no worker
 * @param uses.node what requests of p2p clients are given to; missing where this node is no head
 */
export function createFrontSide(uses: {
  readonly worker?: WorkerService;
  readonly node?: Pick<InferenceNode, 'execute'>;
}): FrontSide {
  let closed = false;
  const link = createLink<NodeOps, NetworkOps>({
    handlers: handlersOf(uses),
    codecs: CODECS,
    lost: () =>
      closed
        ? new InferbaseError('ERR_CLOSED', 'the node is shutting down')
        : new InferbaseError(
            'ERR_NOT_ENOUGH_NODES',
            'the libp2p host of this node is being restarted and reaches no worker; send the request again',
          ),
  });
  return {
    network: networkThrough(link),
    peers: () => link.call('peers', null, { isSmall: true }),
    connect: (port) => link.connect(port),
    close() {
      closed = true;
      link.close();
    },
  };
}

function networkThrough(link: ReturnType<typeof createLink<NodeOps, NetworkOps>>): WorkerNetwork {
  return {
    rollCall(call, onAnswer, signal, onGone = () => {}) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const onNote = (note: NetworkOps['rollCall']['note']): void => {
        if ('subscribers' in note) resolve(note.subscribers);
        else if ('gone' in note) onGone(note.gone);
        else onAnswer(note);
      };
      // Once it was published, its end says nothing: it ends with the signal, or with the host.
      link.call('rollCall', call, { signal, onNote, isSmall: true }).catch(reject);
      return promise;
    },
    order: (peerId, order, signal) => link.call('order', { peerId, order }, { signal }),
    formCluster: (cluster, { waitMs, signal }) =>
      link.call('formCluster', { cluster, waitMs }, { signal, isSmall: true }),
    async disbandCluster({ requestId, peers }) {
      await link.call('disbandCluster', { requestId, peers }, { isSmall: true });
    },
    async install(order) {
      await link.call('install', order);
    },
    workers: (topic) => link.call('workers', { topic }, { isSmall: true }),
  };
}

function handlersOf(uses: Parameters<typeof createFrontSide>[0]): Handlers<NodeOps> {
  const worker = (): WorkerService => uses.worker ?? refuse('worker');
  return {
    answerRollCall: ({ call, from }) => worker().rollCall(call, from),
    execute: ({ order, from }, { signal }) => worker().execute(order, from, signal),
    installHere: ({ cid, from }) => worker().install(cid, from),
    clientRequest: ({ request, requestId }, { signal }) =>
      (uses.node ?? refuse('head')).execute(request, { requestId, signal }),
  };
}

function refuse(role: string): never {
  throw new InferbaseError('ERR_INVALID_REQUEST', `this node is no ${role}`);
}
