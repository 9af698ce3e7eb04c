import type { FastifyInstance } from 'fastify';
import type { InferenceNode } from '../core/node.ts';
import type { PeerView } from '../core/work.ts';
import { encodeString } from '../wire/go-json.ts';
import { sendJson } from './body.ts';

/**
 * `GET /api/v1/peers`: the nodes that a head is connected with, for who looks after it. Where they are is told nobody. Ours; a
 * node that gives work to nobody has no such page.
 */
export function addPeersRoute(app: FastifyInstance, { peerId, peers }: Pick<InferenceNode, 'peerId' | 'peers'>): void {
  if (peers === undefined) return;
  app.get('/api/v1/peers', async (request, reply) => {
    const views = (await peers()).map(encodePeer).join(',');
    return sendJson(request, reply, `{"peer_id":${encodeString(peerId)},"peers":[${views}]}\n`);
  });
}

function encodePeer(peer: PeerView): string {
  const fields = [
    `"peer_id":${encodeString(peer.peerId)}`,
    `"agent":${encodeString(peer.agent)}`,
    `"topics":[${peer.topics.map(encodeString).join(',')}]`,
    `"protocols":[${peer.protocols.map(encodeString).join(',')}]`,
    `"inbound":${peer.inbound}`,
    `"connected_at":"${new Date(peer.connectedAt).toISOString()}"`,
    `"heard_at":${peer.heardAt === null ? 'null' : `"${new Date(peer.heardAt).toISOString()}"`}`,
  ];
  return `{${fields.join(',')}}`;
}
