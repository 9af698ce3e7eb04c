import type { TestContext } from 'node:test';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { gossipTopic } from '../../runtime/core/work.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { generateKey } from '../support/peer-key.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

/** A message as it came. */
export interface Said {
  readonly type: string;
  readonly request_id: string;
  readonly function_id: string;
}

/** What a scripted worker does; by default it says 202 to every roll call and nothing to orders. */
export interface Script {
  /** As in a request; `1` is `allora-topic-1-worker`. */
  readonly topic: string;
  onRollCall?(call: Said, worker: ScriptedWorker): Promise<void> | void;
  /** Of the two messages that an order may come as, the one of the youngest dialect. */
  onOrder?(order: Said, worker: ScriptedWorker): Promise<void> | void;
}

/** A worker that is no node of ours: a js-libp2p host that says what a test has it say. */
export interface ScriptedWorker extends TestSwarm {
  /** Says it to the head, on a stream of its own, as the wire has it. */
  say(message: object | string | Uint8Array): Promise<void>;
  /** The same, piece by piece. @returns how the stream ended: `closed`, or `reset` where the head would not have it all */
  stream(pieces: Iterable<Uint8Array>): Promise<string>;
}

/** Starts a worker that follows a script, connected to a head. @param head multiaddr with peer id */
export async function startScriptedWorker(t: TestContext, head: string, script: Script): Promise<ScriptedWorker> {
  const topic = gossipTopic(script.topic);
  const headId = head.replace(/^.*\/p2p\//, '');
  const peer = peerIdFromString(headId);
  let worker: ScriptedWorker | undefined;
  const act = (does: Script['onOrder'], bytes: Uint8Array, type: string): void => {
    const said = JSON.parse(Buffer.from(bytes).toString()) as Said;
    if (worker === undefined || said.type !== type) return;
    // What a hostile worker fails at is its own affair.
    Promise.resolve(does?.(said, worker)).catch(() => {});
  };
  const accept: NonNullable<Script['onRollCall']> = (call, own) => own.say(accepted(call));
  const swarm = await startSwarm(t, {
    privateKey: generateKey(),
    listen: [],
    topics: [topic],
    prepare: async (made) => {
      made.swarm.onGossip((message) => {
        if (message.topic === topic) act(script.onRollCall ?? accept, message.bytes, 'MsgRollCall');
      });
      await made.swarm.handle(B7S_PROTOCOL, 1e8, ({ bytes }) => act(script.onOrder, bytes, 'MsgWorkOrder'));
    },
  });
  worker = {
    ...swarm,
    async say(message) {
      const plain = typeof message === 'object' && !(message instanceof Uint8Array);
      const bytes = plain ? Buffer.from(JSON.stringify(message)) : Buffer.from(message as string | Uint8Array);
      await swarm.swarm.send(headId, B7S_PROTOCOL, bytes);
    },
    async stream(pieces) {
      const stream = await swarm.host.dialProtocol(peer, B7S_PROTOCOL);
      const ended = new Promise<string>((resolve) => {
        stream.addEventListener('close', () => resolve(stream.status));
      });
      try {
        for (const piece of pieces) {
          if (!stream.send(piece)) await stream.onDrain({ signal: AbortSignal.timeout(60_000) });
        }
        await stream.close();
      } catch {
        // How it ended tells.
      }
      return await ended;
    },
  };
  await connect(swarm, head);
  await until(() => swarm.swarm.speakers(B7S_PROTOCOL).includes(headId));
  return worker;
}

/** A host takes 20 connections of one address in a second. */
async function connect(swarm: TestSwarm, head: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await swarm.host.dial(multiaddr(head));
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** `202` to a roll call, or another code. */
export function accepted({ request_id, function_id }: Said, code = '202'): object {
  return { code, function_id, request_id, type: 'MsgRollCallResponse' };
}

/** An answer to an order of the youngest dialect. */
export function answered(requestId: string, stdout: string, over: object = {}): object {
  const output = { stdout, stderr: '', exit_code: 0 };
  const pbft = { view: 0, request_timestamp: '0001-01-01T00:00:00Z' };
  const result = { code: '200', result: output, usage: { wall_clock_time: 1_000 }, pbft };
  return { request_id: requestId, code: '200', result, ...over, type: 'MsgWorkOrderResponse' };
}

/** An answer of a worker that never ran it. */
export function refused(requestId: string, code: string): object {
  return { request_id: requestId, code, type: 'MsgWorkOrderResponse' };
}
