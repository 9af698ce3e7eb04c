import type { FastifyInstance } from 'fastify';
import { InferbaseError } from '../core/errors.ts';
import type { InferenceNode } from '../core/node.ts';
import { STRING, struct } from '../wire/go-json.ts';
import { readBody, sendJson } from './body.ts';
import { encodePeerResults } from './peer-result.ts';

const RESULT_REQUEST = struct('api.FunctionResultRequest', { id: STRING });

/** `POST /api/v1/functions/requests/result`: what each peer made of a recent request; 404 without a body if unknown. */
export function addResultRoute(app: FastifyInstance, node: Pick<InferenceNode, 'results'>): void {
  app.post('/api/v1/functions/requests/result', async (request, reply) => {
    const { id = '' } = readBody(request, RESULT_REQUEST);
    if (id === '') throw new InferbaseError('ERR_INVALID_REQUEST', 'missing request ID');
    const results = await node.results(id);
    if (results === undefined) return reply.code(404).send();
    return sendJson(request, reply, encodePeerResults(id, results));
  });
}
