import { createReplica } from '../../consensus/replica.ts';
import { messageOf } from '../../core/errors.ts';
import type { WorkerService, WorkOrder } from '../../core/work.ts';
import { encodeUnsignedRequest } from '../../wire/blockless-request.ts';
import type { Dialect } from '../../wire/messages/envelope.ts';
import type { Message } from '../../wire/messages/message.ts';
import {
  type ReplicaAnswer,
  type ReplicaDialect,
  replicaAnswerMessage,
  writtenAs,
} from '../../wire/messages/replica-answer.ts';
import type { ExecuteResponseMessage } from '../../wire/messages/work-answer.ts';
import { decodePbft, encodePbft, type PbftRequest } from '../../wire/pbft.ts';
import type { Swarm } from '../swarm.ts';
import type { Invitation } from './invitation.ts';
import { createLeader } from './leader.ts';
import { createMemberStreams } from './member-streams.ts';

export interface ClusterComponents {
  readonly swarm: Swarm;
  readonly service: Pick<WorkerService, 'execute'>;
  /** To the head, or to a member; delivered or lost. */
  readonly send: (peerId: string, message: Message, dialect: Dialect) => Promise<void>;
}

export interface ClusterInit {
  /** Longest message of a member. */
  readonly maxBytes: number;
  /** How long the primary of a cluster of `a` waits for the others when it is done itself, in ms. */
  readonly waitMs: number;
  /** How long the members wait for their primary, in ms. */
  readonly patienceMs: number;
  /** It holds more. */
  readonly onGrown: () => void;
  /** Nothing is left to do. */
  readonly onOver: () => void;
  readonly log: (line: string, fields?: object) => void;
}

/** This node's part in the PBFT cluster of one request. */
export interface Cluster {
  /** About how many bytes of its messages it holds. */
  readonly held: number;
  /** When something of it was last heard; while its function runs, always just now. */
  readonly heardAt: number;
  /** base58 peer id of the member that leads it. */
  readonly primary: string;
  /** The order of its head, once or again; it is answered when the cluster has agreed and the function has run. */
  order(order: WorkOrder, type: 'MsgExecute' | 'MsgWorkOrder'): void;
  /** A member says what came of it, to the primary (`a`). @throws Error that says why that does not count */
  report(message: ExecuteResponseMessage, from: string): void;
  /** It ends as soon as the function has run; without an order, or where the members do not agree, soon. */
  disband(): void;
  /** Ends it as it is. */
  end(): Promise<void>;
}

/** How long an order is waited for that the others have already, or that is late for the end of its cluster. */
const ORDER_MS = 2_000;
/** Of one member: in each view it has a few to say, and a few views are plenty. */
const MAX_MESSAGES = 512;

/** @returns once messages of the members are taken */
export async function createCluster(
  { swarm, service, send }: ClusterComponents,
  { requestId, members, head, traceField, ...invitation }: Invitation,
  { maxBytes, waitMs, patienceMs, onGrown, onOver, log }: ClusterInit,
): Promise<Cluster> {
  const self = swarm.peerId;
  // In that the last version of `b` is like `c`.
  const tellsPlaces = invitation.told.size > 0;
  const leader = invitation.dialect === 'a' ? createLeader(members) : null;
  const ending = new AbortController();
  const counts = new Map<string, number>();
  const ordered = Promise.withResolvers<void>();
  let order: WorkOrder | null = null;
  let dialect: ReplicaDialect = invitation.dialect;
  let done: ReplicaAnswer | null = null;
  let running = false;
  let disbanded = false;
  let told = false;
  let held = 0;
  let heardAt = Date.now();
  const timers = new Set<NodeJS.Timeout>();

  function schedule(ms: number, then: () => void): () => void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      then();
    }, ms).unref();
    timers.add(timer);
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  }

  function grow(bytes: number): void {
    held += bytes;
    onGrown();
  }

  const streams = createMemberStreams(swarm, { requestId, members, maxBytes, onMessage: hear, log });
  const replica = createReplica(
    {
      sign: swarm.sign,
      broadcast: (message) => streams.broadcast(Buffer.from(encodePbft(message, traceField))),
      execute,
      schedule,
      log: (line, fields) => log(line, { requestId, head, ...fields }),
    },
    { self, peers: members, patienceMs, requestId, head, traceField },
  );

  function hear(bytes: Uint8Array, from: string): void {
    const count = (counts.get(from) ?? 0) + 1;
    counts.set(from, count);
    if (count > MAX_MESSAGES) {
      swarm.blame(from);
      return;
    }
    heardAt = Date.now();
    grow(bytes.length);
    try {
      swarm.charge(from, replica.receive(decodePbft(bytes), from));
    } catch (error) {
      swarm.blame(from);
      log(`a message of a member of a cluster was dropped: ${messageOf(error)}`, { peer: from, requestId });
    }
  }

  async function execute(request: PbftRequest, view: number): Promise<void> {
    running = true;
    const { execute: asked = {}, timestamp = '' } = request;
    const { topic = '', deadlineMs = null } = order ?? {};
    const work: WorkOrder = { requestId, topic, request: asked, peers: members, timestamp, deadlineMs };
    const answer = await service.execute(work, head, ending.signal);
    const functionId = asked.function_id ?? '';
    done = { answer, functionId, pbft: { view, request_timestamp: timestamp, replica: self } };
    grow(1_024 + (answer.outcome?.stdout.length ?? 0) + (answer.outcome?.stderr.length ?? 0));
    if (order === null && leader === null) {
      schedule(ORDER_MS, ordered.resolve);
      await ordered.promise;
    }
    running = false;
    heardAt = Date.now();
    if (ending.signal.aborted) return;
    await answerWith(done);
    if (leader !== null && replica.primary === self) schedule(waitMs, conclude);
    if (disbanded) onOver();
  }

  async function answerWith(answer: ReplicaAnswer): Promise<void> {
    const message = replicaAnswerMessage(answer, dialect, swarm.sign);
    const to = leader === null ? head : replica.primary;
    if (to !== self) await send(to, message, writtenAs(dialect));
    else if (message.type !== 'MsgWorkOrderResponse') report(message, self);
  }

  function report(message: ExecuteResponseMessage, from: string): void {
    if (leader === null) throw new Error('its members answer the head');
    heardAt = Date.now();
    leader.report(message, from);
    if (leader.complete) conclude();
  }

  /** What a primary of `a` does with the results; there is no chain here that they could go to. */
  function conclude(): void {
    if (leader === null || told || replica.primary !== self) return;
    told = true;
    tell();
    const message = { type: 'MsgDisbandCluster', request_id: requestId, from: self } as const;
    for (const peerId of members) if (peerId !== self) void send(peerId, message, 'a');
    onOver();
  }

  function tell(): void {
    const functionId = done?.functionId ?? '';
    log('a cluster has its results', {
      requestId,
      topic: order?.topic ?? '',
      function: functionId,
      ...leader?.summary,
    });
  }

  await streams.open();
  return {
    get held() {
      return held;
    },
    get heardAt() {
      return running ? Date.now() : heardAt;
    },
    get primary() {
      return replica.primary;
    },
    order(next, type) {
      heardAt = Date.now();
      const [first, assumed] = [order === null, dialect];
      if (leader === null) dialect = type === 'MsgWorkOrder' ? 'c' : tellsPlaces ? 'b of 0.7.0' : 'b';
      order ??= next;
      ordered.resolve();
      if (done !== null && !running) {
        // In `a` the primary has it, which may be this node.
        if (leader === null && (!first || dialect !== assumed)) void answerWith(done);
      } else {
        const { request, timestamp } = next;
        grow(encodeUnsignedRequest(request).length);
        replica.request({ id: requestId, timestamp, origin: head, execute: request });
      }
    },
    report,
    disband() {
      if (disbanded) return;
      disbanded = true;
      if (running) return;
      if (done !== null) onOver();
      // Its order may be on its way, and the others about to agree.
      else schedule(order === null ? ORDER_MS : patienceMs, () => running || onOver());
    },
    async end() {
      if (ending.signal.aborted) return;
      replica.close();
      ending.abort();
      ordered.resolve();
      for (const timer of timers) clearTimeout(timer);
      if (leader !== null && !told && replica.primary === self && leader.summary.reported > 0) tell();
      await streams.close();
    },
  };
}
