import type { FastifyInstance } from 'fastify';
import type { InferenceNode } from '../core/node.ts';
import { gossipTopic } from '../core/work.ts';
import { encodeString } from '../wire/go-json.ts';
import { sendJson } from './body.ts';

/**
 * `GET /api/v1/workers?topic=1`: peer ids of the workers that a head sees on a topic, as an execute request names it;
 * without one on the general topic. Ours; a node that gives work to nobody has no such page.
 */
export function addWorkersRoute(app: FastifyInstance, { workers }: Pick<InferenceNode, 'workers'>): void {
  if (workers === undefined) return;
  app.get<{ Querystring: { topic?: unknown } }>('/api/v1/workers', async (request, reply) => {
    const asked = request.query.topic;
    const topic = gossipTopic(typeof asked === 'string' ? asked : '');
    const peers = (await workers(topic)).map(encodeString).join(',');
    return sendJson(request, reply, `{"topic":${encodeString(topic)},"peers":[${peers}]}\n`);
  });
}
