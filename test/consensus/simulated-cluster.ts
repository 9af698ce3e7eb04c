import { createReplica, type Replica } from '../../runtime/consensus/replica.ts';
import type { BlocklessRequest } from '../../runtime/core/blockless-request.ts';
import { encodeUnsignedRequest } from '../../runtime/wire/blockless-request.ts';
import type { TraceField } from '../../runtime/wire/messages/envelope.ts';
import {
  decodePbft,
  encodePbft,
  type PbftMessage,
  type PbftRequest,
  pbftDigest,
  pbftSignedText,
} from '../../runtime/wire/pbft.ts';
import type { Random } from '../fuzz/random.ts';
import { signer } from '../wire/signer.ts';
import { createTimeline } from './timeline.ts';

/** What the wire does to messages; may be changed at any time. */
export interface Weather {
  /** Longest time that a message takes; whatever is sent later may arrive earlier. */
  delayMs: number;
  /** One message in so many is lost, or comes twice; 0: none. */
  lostOneIn: number;
  twiceOneIn: number;
  /** Replicas that hear each other have the same number here; `null`: all. */
  groups: readonly number[] | null;
}

export interface Executed {
  readonly request: string;
  readonly digest: string;
  readonly view: number;
}

export interface Node {
  readonly index: number;
  readonly peerId: string;
  readonly replica: Replica;
  /** In the order in which they ended. */
  readonly executed: Executed[];
  readonly lines: string[];
  /** Ed25519 with its real key, hex. */
  sign(text: string): string;
}

export interface SimulationInit {
  readonly n: number;
  readonly random: Random;
  /** Of the cluster; missing: any request may be sent. */
  readonly requestId?: string;
  readonly executionMs?: number;
  /** How replica n writes trace contexts. */
  readonly traceField?: (index: number) => TraceField;
  /** What replica `from` really sends to `to` instead of a message; missing: what it should. */
  readonly tamper?: (from: Node, to: Node, message: PbftMessage) => readonly PbftMessage[];
}

/** A cluster of real replicas with real keys, on a wire and a clock that follow from the seed. */
export interface Simulation {
  readonly nodes: readonly Node[];
  readonly weather: Weather;
  /** ms since it began */
  readonly now: number;
  readonly head: string;
  /** Messages that were handed to the wire. */
  readonly sent: readonly { readonly from: Node; readonly message: PbftMessage }[];
  /** A request as a head sends it to all replicas of a cluster, signed. */
  makeRequest(id: string, execute?: BlocklessRequest): PbftRequest;
  /** Sends it, to these replicas or all of them. */
  order(request: PbftRequest, to?: readonly number[]): void;
  /** Says something in the name of a connection from `from`. */
  post(from: number, to: number, message: PbftMessage): void;
  /** Lets time go on, at most for so long, until `done`. @returns whether it was */
  run(ms: number, done?: () => boolean): Promise<boolean>;
  close(): void;
}

export const PATIENCE_MS = 10_000;
const PEERS = Array.from({ length: 7 }, (_, i) => signer(`replica ${i}`));
const HEAD = signer('head');

export function hexSign(key: { sign(bytes: Uint8Array): Uint8Array }, text: string): string {
  return Buffer.from(key.sign(Buffer.from(text))).toString('hex');
}

export function signRequest(execute: BlocklessRequest, key = HEAD): BlocklessRequest {
  const { signature: _old, ...unsigned } = execute;
  return { ...unsigned, signature: hexSign(key, encodeUnsignedRequest(unsigned)) };
}

/** A message with the signature of a replica. */
export function signAs(node: Node, message: PbftMessage): PbftMessage {
  return { ...message, data: { ...message.data, signature: node.sign(pbftSignedText(message)) } } as PbftMessage;
}

export function simulate(init: SimulationInit): Simulation {
  const { n, random, traceField = () => 'carrier' } = init;
  const timeline = createTimeline();
  const weather: Weather = { delayMs: 40, lostOneIn: 0, twiceOneIn: 0, groups: null };
  const sent: { from: Node; message: PbftMessage }[] = [];
  const peers = PEERS.slice(0, n);
  const nodes = peers.map(makeNode);

  function makeNode({ peerId, sign }: (typeof PEERS)[number], index: number): Node {
    const executed: Executed[] = [];
    const lines: string[] = [];
    const replica = createReplica(
      {
        sign: (text) => hexSign({ sign }, text),
        broadcast(message) {
          const self = nodes[index] as Node;
          sent.push({ from: self, message });
          for (const to of nodes) if (to !== self) send(self, to, message);
        },
        execute: (request, view) =>
          new Promise((resolve) =>
            timeline.after(init.executionMs ?? 5, () => {
              const digest = pbftDigest({ type: 1, data: request }, traceField(index));
              executed.push({ request: request.id ?? '', digest, view });
              resolve();
            }),
          ),
        schedule: (ms, then) => timeline.after(ms, then),
        log: (line, fields) => lines.push(`${line} ${JSON.stringify(fields ?? {})}`),
      },
      {
        ...{ self: peerId, peers: peers.map((peer) => peer.peerId), patienceMs: PATIENCE_MS, head: HEAD.peerId },
        traceField: traceField(index),
        ...(init.requestId === undefined ? {} : { requestId: init.requestId }),
      },
    );
    return { index, peerId, replica, executed, lines, sign: (text) => hexSign({ sign }, text) };
  }

  function send(from: Node, to: Node, message: PbftMessage): void {
    for (const really of init.tamper?.(from, to, message) ?? [message]) {
      if (weather.groups !== null && weather.groups[from.index] !== weather.groups[to.index]) continue;
      if (weather.lostOneIn > 0 && random.once(weather.lostOneIn)) continue;
      deliver(from, to, really);
      if (weather.twiceOneIn > 0 && random.once(weather.twiceOneIn)) deliver(from, to, really);
    }
  }

  function deliver(from: Node, to: Node, message: PbftMessage): void {
    const text = Buffer.from(encodePbft(message, traceField(from.index)));
    timeline.after(1 + random.below(weather.delayMs), () => to.replica.receive(decodePbft(text), from.peerId));
  }

  return {
    nodes,
    weather,
    sent,
    head: HEAD.peerId,
    get now() {
      return timeline.now;
    },
    makeRequest: (id, execute = { function_id: 'bafy', method: 'f.wasm', config: { number_of_nodes: n } }) => ({
      ...{ id, timestamp: '2026-01-01T10:00:00Z', origin: HEAD.peerId, execute: signRequest(execute) },
    }),
    order(request, to = nodes.map(({ index }) => index)) {
      for (const index of to) {
        timeline.after(1 + random.below(weather.delayMs), () => nodes[index]?.replica.request(request));
      }
    },
    post(from, to, message) {
      deliver(nodes[from] as Node, nodes[to] as Node, message);
    },
    run: (ms, done) => timeline.run(ms, done),
    close() {
      for (const { replica } of nodes) replica.close();
    },
  };
}
