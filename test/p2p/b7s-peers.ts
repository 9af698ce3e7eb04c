import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { InferenceNode } from '../../runtime/core/node.ts';
import { GENERAL_TOPIC, type RollCall, type WorkOrder } from '../../runtime/core/work.ts';
import { type B7sHead, type B7sHeadInit, createB7sHead } from '../../runtime/p2p/b7s-head.ts';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import type { SwarmHostInit } from '../../runtime/p2p/swarm-host.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

export const TOPIC = 'allora-topic-1-worker';
export const FUNCTION = 'bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm';

export type Json = Readonly<Record<string, unknown>>;

interface Golden {
  readonly testKeys: readonly { readonly privBin: string; readonly identity: string }[];
  readonly captured: readonly { readonly name: string; readonly text: string; readonly from: string }[];
  readonly signatures: readonly { readonly name: string; readonly payload: string; readonly signature: string }[];
}

export function golden(dialect: 'a' | 'b' | 'c'): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${dialect}.json`, import.meta.url), 'utf8'));
}

/** What a running Go node said, ids of requests, functions and peers replaced. */
export function captured(dialect: 'a' | 'b' | 'c', name: string, put: Readonly<Record<string, string>>): string {
  const vector = golden(dialect).captured.find((one) => one.name === name);
  if (vector === undefined) throw new Error(`no vector ${dialect} ${name}`);
  let text = vector.text.replaceAll(vector.from, put.from ?? vector.from);
  text = text.replace(/"request_id":"[0-9a-f]{8}-[^"]*"/g, `"request_id":"${put.requestId}"`);
  return text.replace(/"function_id":"[^"]*"/, `"function_id":"${put.functionId ?? FUNCTION}"`);
}

export interface HeadSwarm extends TestSwarm {
  readonly head: B7sHead;
  /** What the head logged. */
  readonly told: readonly string[];
}

export async function startHead(
  t: TestContext,
  {
    execute,
    host = {},
    ...init
  }: Partial<B7sHeadInit> & {
    readonly execute?: InferenceNode['execute'];
    readonly host?: Partial<SwarmHostInit>;
  } = {},
): Promise<HeadSwarm> {
  const told: string[] = [];
  const made: { head?: B7sHead } = {};
  const node = {
    execute: execute ?? (() => Promise.reject(new InferbaseError('ERR_BUSY', 'no clients here'))),
  };
  const swarm = await startSwarm(t, {
    ...host,
    prepare: async (components) => {
      const log = (line: string, fields = {}): number => told.push(`${line} ${JSON.stringify(fields)}`);
      made.head = await createB7sHead({ swarm: components.swarm, node }, { log, ...init });
    },
  });
  const { head } = made;
  if (head === undefined) throw new Error('no head');
  t.after(() => head.stop());
  return { ...swarm, head, told };
}

export interface PeerSwarm extends TestSwarm {
  /** Messages it got on streams. */
  readonly got: readonly Json[];
  /** Sends one text to a peer. */
  say(to: string, text: string): Promise<void>;
}

/**
 * A bare host that speaks the b7s framing and does what a test says.
 * @param does.onRollCall what it sends to the head that asks
 * @param does.onDirect what it sends back to a message on a stream
 */
export async function startPeer(
  t: TestContext,
  head: HeadSwarm,
  does: {
    readonly topics?: readonly string[];
    /** libp2p `PrivateKey` message. */
    readonly privateKey?: Uint8Array;
    readonly onRollCall?: (call: Json, self: string) => readonly string[];
    readonly onDirect?: (message: Json, self: string) => readonly string[];
  } = {},
): Promise<PeerSwarm> {
  const got: Json[] = [];
  const { topics = [GENERAL_TOPIC, TOPIC], privateKey } = does;
  const made = await startSwarm(t, {
    topics,
    ...(privateKey !== undefined && { privateKey }),
    prepare: async ({ swarm }) => {
      const say = (to: string, texts: readonly string[] = []): void => {
        for (const text of texts) swarm.send(to, B7S_PROTOCOL, Buffer.from(text)).catch(() => {});
      };
      swarm.onGossip(({ bytes, author }) => {
        const message = parsed(bytes);
        if (message.type === 'MsgRollCall') say(author, does.onRollCall?.(message, swarm.peerId));
      });
      await swarm.handle(B7S_PROTOCOL, 2 ** 24, ({ bytes, from }) => {
        const message = parsed(bytes);
        got.push(message);
        say(from, does.onDirect?.(message, swarm.peerId));
      });
    },
  });
  await made.dial(head);
  await until(() => topics.every((topic) => head.swarm.subscribers(topic).includes(made.peerId)));
  await until(() => made.swarm.subscribers(GENERAL_TOPIC).includes(head.peerId));
  return {
    ...made,
    got,
    say: async (to, text) => await made.swarm.send(to, B7S_PROTOCOL, Buffer.from(text)),
  };
}

function parsed(bytes: Uint8Array): Json {
  try {
    return Object(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return {};
  }
}

/** A worker as a Go node of that dialect is one, in its recorded words. */
export function goWorker(dialect: 'a' | 'b' | 'c'): NonNullable<Parameters<typeof startPeer>[2]> {
  const workType = dialect === 'c' ? 'MsgWorkOrder' : 'MsgExecute';
  const answer = dialect === 'c' ? 'MsgWorkOrderResponse, code 200' : 'MsgExecuteResponse, code 200';
  return {
    onRollCall: ({ request_id }) => [
      captured(dialect, 'MsgRollCallResponse, code 202', { requestId: String(request_id) }),
    ],
    onDirect: ({ type, request_id }, from) =>
      type === workType ? [captured(dialect, answer, { requestId: String(request_id), from })] : [],
  };
}

export function callOf(requestId: string, over: Partial<RollCall> = {}): RollCall {
  return { requestId, functionId: FUNCTION, method: '', topic: TOPIC, consensus: 0, attributes: null, ...over };
}

export function orderOf(requestId: string, peers: readonly string[] = []): WorkOrder {
  const request = {
    function_id: FUNCTION,
    method: 'hello.wasm',
    parameters: [{ value: 'one' }],
    config: { stdin: 'in' },
  };
  return { requestId, topic: TOPIC, request, peers, timestamp: '2026-01-01T00:00:00Z', deadlineMs: 20_000 };
}
