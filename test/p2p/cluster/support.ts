import type { TestContext } from 'node:test';
import type { BlocklessRequest } from '../../../runtime/core/blockless-request.ts';
import type { WorkAnswer, WorkerService, WorkOrder } from '../../../runtime/core/work.ts';
import { type B7sWorkerInit, createB7sWorker } from '../../../runtime/p2p/b7s-worker.ts';
import { B7S_PROTOCOL } from '../../../runtime/p2p/swarm.ts';
import { encodeUnsignedRequest } from '../../../runtime/wire/blockless-request.ts';
import type { Dialect } from '../../../runtime/wire/messages/envelope.ts';
import { decodeMessage, encodeMessage, type Message } from '../../../runtime/wire/messages/message.ts';
import { type ReplicaDialect, writtenAs } from '../../../runtime/wire/messages/replica-answer.ts';
import { outcome } from '../../http/stub-node.ts';
import { startSwarm, type TestSwarm, until } from '../support.ts';

export const CID = 'bafkreidil4kvhi3u2sawyozb66jaukthfsne5apdfiiadcvolsp3r4lpei';
export const TIMESTAMP = '2026-01-01T00:00:00.5Z';

/** A worker that joins clusters, and what it was given to run. */
export interface Member extends TestSwarm {
  readonly orders: WorkOrder[];
  /** What the worker logged. */
  readonly told: string[];
}

export async function startMember(
  t: TestContext,
  over: Partial<WorkerService> = {},
  init: Partial<B7sWorkerInit> = {},
): Promise<Member> {
  const [orders, told]: [WorkOrder[], string[]] = [[], []];
  const service: WorkerService = {
    rollCall: async () => ({ code: '202', load: 0 }),
    install: async () => null,
    ...over,
    async execute(order, from, signal): Promise<WorkAnswer> {
      orders.push(order);
      const ran = { requestId: order.requestId, code: '200', outcome: outcome(), message: '', attestation: null };
      return (await over.execute?.(order, from, signal)) ?? ran;
    },
  };
  const made = await startSwarm(t, {
    prepare: async ({ swarm }) => {
      // A busy machine takes its time.
      const times = { deadlineMs: 600_000, patienceMs: 600_000, reachMs: 600_000 };
      const settings = { topics: [], heads: [], lasting: false, consensus: 'pbft', ...times } as const;
      const log = (line: string, fields = {}): number => told.push(`${line} ${JSON.stringify(fields)}`);
      const { stop } = await createB7sWorker({ swarm, service }, { ...settings, trusted: new Set(), log, ...init });
      t.after(stop);
    },
  });
  return { ...made, orders, told };
}

type OfType<T extends string, M = Message> = M extends { readonly type: infer U } ? (T extends U ? M : never) : never;

/** One that a head can have in a cluster; without its swarm where it is another process. */
export type Place = Pick<TestSwarm, 'peerId' | 'address'> & Partial<Pick<TestSwarm, 'swarm'>>;

/** A head that says what a test has it say. */
export interface ClusterHead extends TestSwarm {
  readonly got: { readonly from: string; readonly message: Message }[];
  say(to: Place, message: Message | string, dialect?: Dialect): Promise<void>;
  /** Has these form a cluster, and waits until each has answered. @returns their codes */
  form(requestId: string, members: readonly Place[], dialect?: ReplicaDialect): Promise<(string | undefined)[]>;
  /** The request, signed as heads do it. */
  request(over?: BlocklessRequest): BlocklessRequest;
  order(requestId: string, members: readonly Place[], dialect?: Dialect, over?: BlocklessRequest): Promise<void>;
  /** What came of a type. */
  of<T extends Message['type']>(type: T): { from: string; message: OfType<T> }[];
}

export async function startClusterHead(t: TestContext, members: readonly Place[]): Promise<ClusterHead> {
  const got: { from: string; message: Message }[] = [];
  const made = await startSwarm(t, {
    prepare: ({ swarm }) =>
      swarm.handle(B7S_PROTOCOL, 1e8, ({ bytes, from }) => void got.push({ from, message: decodeMessage(bytes) })),
  });
  for (const member of members) await made.dial(member);
  await until(() => made.swarm.speakers(B7S_PROTOCOL).length === members.length);
  await until(() => members.every(({ swarm }) => swarm?.speakers(B7S_PROTOCOL).includes(made.peerId) ?? true));
  const head: ClusterHead = {
    ...made,
    got,
    async say(to, message, dialect = 'c') {
      const bytes = typeof message === 'string' ? Buffer.from(message) : encodeMessage(message, dialect);
      await made.swarm.send(to.peerId, B7S_PROTOCOL, bytes);
    },
    async form(request_id, formed, dialect = 'c') {
      const peers = formed.map(({ peerId }) => peerId);
      const connection_info = formed.map(({ peerId: id, address }) => ({ id, addrs: [address] }));
      const message = { type: 'MsgFormCluster', request_id, peers, consensus: 2, connection_info } as const;
      const answers = (): (string | undefined)[] =>
        head
          .of('MsgFormClusterResponse')
          .flatMap(({ message: said }) => (said.request_id === request_id ? [said.code] : []));
      const before = answers().length;
      const text = encodeMessage(message, writtenAs(dialect)).toString();
      const said = dialect === 'b of 0.7.0' ? text.replace('{', '{"Carrier":null,') : text;
      await Promise.all(formed.map((member) => head.say(member, said)));
      await until(() => answers().length === before + formed.length);
      return answers();
    },
    request(over = {}) {
      const request = {
        ...{ function_id: CID, method: 'f.wasm', config: { number_of_nodes: 4, consensus_algorithm: 'PBFT' } },
        ...over,
      };
      return { ...request, signature: made.swarm.sign(encodeUnsignedRequest(request)) };
    },
    async order(request_id, members, dialect = 'c', over = {}) {
      const fields = { ...head.request(over), request_id, timestamp: TIMESTAMP };
      const reporting_peers = members.map(({ peerId }) => peerId);
      const message: Message =
        dialect === 'c'
          ? { type: 'MsgWorkOrder', ...fields }
          : { type: 'MsgExecute', topic: 'topic', reporting_peers, ...fields };
      await Promise.all(members.map((member) => head.say(member, message, dialect)));
    },
    of: (type) => got.filter(({ message }) => message.type === type) as never,
  };
  return head;
}

/** Has each of them know each other. */
export async function connectAll(members: readonly TestSwarm[]): Promise<void> {
  for (const [at, member] of members.entries()) {
    for (const other of members.slice(at + 1)) await member.dial(other);
  }
  await until(() => members.every(({ swarm }) => swarm.speakers(B7S_PROTOCOL).length >= members.length - 1));
}
