import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { InferbaseError } from '../core/errors.ts';
import type { InferenceNode } from '../core/node.ts';
import { expected } from '../core/wire-code.ts';
import { EXECUTE_REQUEST, toExecuteRequest } from '../wire/execute-request.ts';
import { readBody, sendJson } from './body.ts';
import { watchClient } from './client-gone.ts';
import { encodeExecuteError, encodeExecuteReply } from './execute-reply.ts';
import { type ApiLog, createTellEnd, endOf } from './log.ts';

/**
 * `POST /api/v1/functions/execute`: 400 for a body that cannot be read, else 200 with a code in the body.
 * @param init.heldBytes most bytes of bodies in work at once; one request alone is always taken
 */
export function addExecuteRoute(
  app: FastifyInstance,
  node: Pick<InferenceNode, 'execute'>,
  { log, heldBytes }: { readonly log: ApiLog; readonly heldBytes: number },
): void {
  const tell = createTellEnd(log);
  let held = 0;
  app.post('/api/v1/functions/execute', async (request, reply) => {
    const requestId = randomUUID();
    const size = Buffer.isBuffer(request.body) ? request.body.length : 0;
    if (held > 0 && held + size > heldBytes) return sendJson(request, reply, encodeExecuteError(requestId, busy(held)));
    const asked = toExecuteRequest(readBody(request, EXECUTE_REQUEST));
    const client = watchClient(request.raw.socket);
    held += size;
    try {
      const answer = await node.execute(asked, { requestId, signal: client.signal });
      tell?.(requestId, asked, answer);
      return sendJson(request, reply, encodeExecuteReply(answer));
    } catch (error) {
      // A field that could be parsed and still cannot be read, such as a permission line that is no URL.
      if (error instanceof InferbaseError && error.code === 'ERR_INVALID_REQUEST') throw error;
      if (expected(error) === null) log.error({ err: error, requestId }, 'execute request failed');
      tell?.(requestId, asked, endOf(error));
      return sendJson(
        request,
        reply,
        encodeExecuteError(requestId, asked.functionId === '' ? nameField(error) : error),
      );
    } finally {
      held -= size;
      client.release();
    }
  });
}

/** An empty text says nothing of where it stood. */
function nameField(error: unknown): unknown {
  if (!(error instanceof InferbaseError) || error.code !== 'ERR_INVALID_CID') return error;
  return new InferbaseError('ERR_INVALID_CID', 'function_id is empty; give the CID of a function');
}

function busy(held: number): InferbaseError {
  return new InferbaseError('ERR_BUSY', `busy: requests in work hold ${held} bytes already; retry later, or send less`);
}
