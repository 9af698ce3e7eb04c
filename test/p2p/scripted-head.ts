import type { TestContext } from 'node:test';
import { gossipTopic } from '../../runtime/core/work.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

/** What came on a stream, as far as tests look at it. */
export interface Heard {
  readonly type: string;
  readonly request_id?: string;
  readonly code?: string;
  readonly result?: { readonly result?: { readonly stdout?: string } };
  readonly error_message?: string;
}

/** A head that is no node of ours: a js-libp2p host that says what a test has it say. */
export interface ScriptedHead extends TestSwarm {
  readonly got: readonly Heard[];
  /** Says it to the worker, on a stream of its own. */
  say(message: object | string | Uint8Array): Promise<void>;
  publish(topic: string, message: object): Promise<void>;
  /** The first answer to a request. */
  answerTo(requestId: string): Promise<Heard>;
}

/**
 * Starts a head that is connected to a worker and sees it on a topic.
 * @param worker multiaddr with peer id
 * @param topic as in a request
 */
export async function startScriptedHead(t: TestContext, worker: string, topic: string): Promise<ScriptedHead> {
  const got: Heard[] = [];
  const workerId = worker.replace(/^.*\/p2p\//, '');
  const made = await startSwarm(t, {
    listen: [],
    prepare: ({ swarm }) =>
      swarm.handle(B7S_PROTOCOL, 1e8, ({ bytes }) => void got.push(JSON.parse(Buffer.from(bytes).toString()))),
  });
  await made.dial({ address: worker });
  await until(() => made.swarm.subscribers(gossipTopic(topic)).length > 0);
  await until(() => made.swarm.speakers(B7S_PROTOCOL).includes(workerId));
  return {
    ...made,
    got,
    async say(message) {
      const plain = typeof message === 'object' && !(message instanceof Uint8Array);
      const bytes = plain ? Buffer.from(JSON.stringify(message)) : Buffer.from(message as string | Uint8Array);
      await made.swarm.send(workerId, B7S_PROTOCOL, bytes);
    },
    publish: (to, message) => made.swarm.publish(gossipTopic(to), Buffer.from(JSON.stringify(message))),
    async answerTo(requestId) {
      const find = (): Heard | undefined => got.find((heard) => heard.request_id === requestId);
      await until(() => find() !== undefined);
      return find() as Heard;
    },
  };
}
