import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, InferbaseError } from '../../core/errors.ts';
import type { Cause, Outcome } from '../../core/execution.ts';
import type { InferenceNode } from '../../core/node.ts';
import { expected } from '../../core/wire-code.ts';
import { watchClient } from '../client-gone.ts';
import type { ApiLog } from '../log.ts';
import { type EnabledFunctions, readEnabled } from './enabled.ts';
import { readResponse, type WebResponse } from './envelope.ts';
import { readWebTarget, toWebExecution } from './request.ts';

export interface WebInit {
  readonly log: ApiLog;
  /** CIDs, `NAME=CID` or `*`; none: nothing is served. */
  readonly functions: readonly string[];
  /** Most bytes of request bodies in work at once; one request alone is always taken. */
  readonly heldBytes: number;
}

/** Status for what came of a function that did not exit with 0. */
const CAUSE_STATUS: Readonly<Record<Cause, number>> = {
  exited: 502,
  trapped: 502,
  memory: 502,
  output: 502,
  calls: 502,
  fuel: 502,
  deadline: 504,
  interrupted: 503,
  cancelled: 503,
};

/** Status for what kept a function from running; 502 for the rest: the function is not what was promised. */
const ERROR_STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  ERR_FUNCTION_NOT_FOUND: 404,
  ERR_INVALID_CID: 404,
  ERR_INVALID_REQUEST: 413,
  ERR_BUSY: 503,
  ERR_CLOSED: 503,
  ERR_STORE_UNAVAILABLE: 503,
  ERR_NOT_ENOUGH_NODES: 503,
};

/** Pages of a function are shown in an origin of their own: the node's is the API's, and every other function's. */
const POLICY = 'sandbox allow-scripts allow-forms allow-popups allow-downloads';

/** Responses of these have no body: RFC 9110 §15. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * `ANY /fn/{cid}[/{method}.wasm]/…`: runs a function as the handler of the request. 404 for what is not enabled.
 * @throws InferbaseError ERR_INVALID_SETTING for an entry of `functions` that is none
 */
export function addWebRoute(app: FastifyInstance, node: Pick<InferenceNode, 'execute'>, init: WebInit): void {
  const enabled = readEnabled(init.functions);
  if (enabled.none) return;
  let held = 0;
  app.all('/fn/*', async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : EMPTY;
    if (held > 0 && held + body.length > init.heldBytes)
      return refuse(reply, 503, 'busy: too many bodies are in work; retry later');
    held += body.length;
    const client = watchClient(request.raw.socket);
    try {
      return await answer(request, reply, { node, enabled, body, signal: client.signal });
    } catch (error) {
      const known = expected(error);
      if (known !== null) return refuse(reply, ERROR_STATUS[known.code] ?? 502, known.message);
      init.log.error({ err: error, url: request.url }, 'request of a web function failed');
      return refuse(reply, 500, 'internal error');
    } finally {
      held -= body.length;
      client.release();
    }
  });
}

const EMPTY = new Uint8Array(0);

interface Asked {
  readonly node: Pick<InferenceNode, 'execute'>;
  readonly enabled: EnabledFunctions;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

async function answer(request: FastifyRequest, reply: FastifyReply, asked: Asked): Promise<FastifyReply> {
  const { raw } = request;
  const target = readWebTarget(raw.url ?? '');
  const cid = asked.enabled.resolve(target.function);
  const boundary = randomBytes(16).toString('hex');
  const requestId = randomUUID();
  const given = { method: raw.method ?? 'GET', rawHeaders: raw.rawHeaders, body: Uint8Array.from(asked.body) };
  const execution = toWebExecution(cid, target, given, boundary);
  const { results } = await asked.node.execute(execution, { requestId, signal: asked.signal });
  reply.header('x-inferbase-request-id', requestId);
  const outcome = results[0]?.outcome;
  if (outcome === undefined) return refuse(reply, 502, 'the function gave no result');
  if (outcome.cause !== 'exited' || outcome.exitCode !== 0)
    return refuse(reply, CAUSE_STATUS[outcome.cause], describe(outcome));
  if (outcome.stdoutTruncated) {
    return refuse(reply, 502, "the function's response is longer than limits.stdoutBytes; shorten it, or raise that");
  }
  let response: WebResponse;
  try {
    response = readResponse(outcome.stdout, boundary);
  } catch (error) {
    // Of the function's making, so not the 413 of a request that is too large.
    if (error instanceof InferbaseError) return refuse(reply, 502, error.message);
    throw error;
  }
  return send(reply, response);
}

/** What a stranger is told: nothing that the function printed. */
function describe({ cause, exitCode }: Outcome): string {
  return cause === 'exited'
    ? `the function failed with exit code ${exitCode}`
    : `the function ended with cause ${cause}, exit code ${exitCode}`;
}

function send(reply: FastifyReply, { status, headers, body }: WebResponse): FastifyReply {
  const bodiless = BODILESS.has(status);
  for (const [name, values] of headers) {
    if (bodiless && name.startsWith('content-') && name !== 'content-location') continue;
    reply.header(name, values.length === 1 ? values[0] : values);
  }
  guard(reply, headers.get('content-security-policy') ?? []);
  reply.code(status);
  return bodiless ? reply.send() : reply.send(body);
}

/** The function's own policy holds beside ours, which it can only tighten. */
function guard(reply: FastifyReply, policies: readonly string[]): void {
  reply.header('content-security-policy', [...policies, POLICY]);
  reply.header('x-content-type-options', 'nosniff');
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  guard(reply, []);
  if (status === 503) reply.header('retry-after', '1');
  reply.code(status).header('content-type', 'application/json');
  return reply.send(`${JSON.stringify({ message })}\n`);
}
