import type { FastifyInstance } from 'fastify';
import type { Outcome } from '../../runtime/core/execution.ts';
import type { ExecuteRequest, InferenceNode, PeerResult } from '../../runtime/core/node.ts';
import { createApi } from '../../runtime/http/api.ts';

export const PEER = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
export const EXECUTE = '/api/v1/functions/execute';
export const BODY_LIMIT = 65_536;

export function outcome(over: Partial<Outcome> = {}): Outcome {
  return {
    cause: 'exited',
    exitCode: 0,
    message: '',
    stdout: Buffer.from('{"infererValue":"42"}\n'),
    stderr: new Uint8Array(0),
    stdoutTruncated: false,
    stderrTruncated: false,
    usage: { wallMs: 1.5, cpuMs: 0.25, fuel: 1234, peakMemoryBytes: 65_537, hostCalls: 3, bytesIn: 0, bytesOut: 7 },
    ...over,
  };
}

export function peerResult(peerId: string, over: Partial<Outcome> = {}): PeerResult {
  return { peerId, outcome: outcome(over) };
}

/** The use cases of a node, each answering at once unless a test says otherwise. */
export function stubNode(over: Partial<InferenceNode> = {}): InferenceNode {
  return {
    peerId: PEER,
    execute: async (_request, { requestId }) => ({
      requestId,
      code: '200',
      results: [peerResult(PEER)],
      cluster: [PEER],
      remarks: [],
    }),
    install: async () => {},
    results: async () => undefined,
    ...over,
  };
}

export async function stubApi(over: Partial<InferenceNode> = {}, installWaitMs = 10_000): Promise<FastifyInstance> {
  return await createApi(stubNode(over), { log: false, bodyLimitBytes: BODY_LIMIT, installWaitMs });
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type: string | undefined;
}

/** Posts text as it is. */
export async function post(
  app: FastifyInstance,
  url: string,
  payload: string | Buffer,
  type: string | null = 'application/json',
): Promise<Answer> {
  const headers = type === null ? {} : { 'content-type': type };
  const response = await app.inject({ method: 'POST', url, payload, headers });
  const sent = response.headers['content-type'];
  return { status: response.statusCode, body: response.body, type: sent === undefined ? undefined : String(sent) };
}

/** What the node was asked when this body was posted; `null` when it was not asked at all. */
export async function askedBy(body: string): Promise<ExecuteRequest | null> {
  let asked: ExecuteRequest | null = null;
  const app = await stubApi({
    execute: async (request, { requestId }) => {
      asked = request;
      return { requestId, code: '200', results: [], cluster: [], remarks: [] };
    },
  });
  await post(app, EXECUTE, body);
  await app.close();
  return asked;
}
