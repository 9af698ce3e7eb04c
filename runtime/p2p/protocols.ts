import { createAwaitedWorkers } from './awaited-workers.ts';
import { createB7sHead } from './b7s-head.ts';
import { createB7sWorker } from './b7s-worker.ts';
import { createLastingHead } from './lasting/head.ts';
import { createLastingWorker } from './lasting/worker.ts';
import { answerOnce, createNodeNetwork } from './node-network.ts';
import type { HostSide } from './port/host-side.ts';
import type { Swarm } from './swarm.ts';

/** What the thread of the host is told of the work. Plain data. */
export interface WorkData {
  readonly role: 'head' | 'worker';
  /** As in `work.topics`. */
  readonly topics: readonly string[];
  /** base58 peer ids of the heads that a worker serves; none: any. */
  readonly heads: readonly string[];
  /** As `work.clients`, of a head. */
  readonly clients: readonly string[];
  /** Streams are kept between nodes of our own. */
  readonly lasting: boolean;
  /** As `work.consensus`, of a worker. */
  readonly consensus: 'pbft' | 'none';
  /** Longest an execution of a worker may take, in ms. */
  readonly deadlineMs: number;
}

export interface ProtocolsInit extends WorkData {
  /** base58 peer ids of the nodes that the operator named. */
  readonly trusted: ReadonlySet<string>;
  readonly log: (line: string, fields?: object) => void;
}

interface Components {
  readonly swarm: Swarm;
  readonly side: HostSide;
}

/** Speaks what a node of this role speaks; call it before the host starts. */
export async function startProtocols(components: Components, init: ProtocolsInit): Promise<{ stop(): void }> {
  return init.role === 'head' ? await startHead(components, init) : await startWorker(components, init);
}

async function startHead(
  { swarm, side }: Components,
  { clients, lasting: keeps, log }: ProtocolsInit,
): Promise<{ stop(): void }> {
  const b7s = await createB7sHead({ swarm, node: side.node }, { clients, log });
  const lasting = keeps ? createLastingHead({ swarm }, { log }) : null;
  const network = lasting === null ? b7s : createNodeNetwork({ lasting, b7s, subscribers: b7s.workersOf });
  const awaited = createAwaitedWorkers({ network, swarm });
  side.serve(awaited);
  return {
    stop() {
      awaited.stop();
      lasting?.stop();
      b7s.stop();
    },
  };
}

async function startWorker({ swarm, side }: Components, init: ProtocolsInit): Promise<{ stop(): void }> {
  const { lasting: keeps, log } = init;
  const service = keeps ? answerOnce(side.worker) : side.worker;
  const b7s = await createB7sWorker({ swarm, service }, init);
  const lasting = keeps ? await createLastingWorker({ swarm, service }, { log }) : null;
  return {
    stop() {
      lasting?.stop();
      b7s.stop();
    },
  };
}
