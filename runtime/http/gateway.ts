import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { InferbaseError } from '../core/errors.ts';
import type { LocalBlocks } from '../core/local-blocks.ts';
import { GatewayRefusal, type GatewayRequest, parseGatewayRequest } from './gateway-request.ts';
import type { ApiLog } from './log.ts';

/** Answers under way at the same time; each may be as large as the store, and as slow as its reader. */
const MAX_STREAMS = 64;
/** A reader that takes nothing for this long is gone, in ms. */
const IDLE_MS = 60_000;
/** What a CID names never changes. */
const CACHE_CONTROL = 'public, max-age=29030400, immutable';

/**
 * `GET|HEAD /ipfs/{cid}[/path]?format=raw|car`: a trustless gateway over the blocks that are here
 * (https://specs.ipfs.tech/http-gateways/trustless-gateway/). Nothing is fetched for whoever asks: what is not here is a
 * 404. A CAR that turns out to be incomplete midway ends with its connection, which is how a reader is told.
 */
export function addGatewayRoutes(app: FastifyInstance, blocks: LocalBlocks, { log }: { readonly log: ApiLog }): void {
  let streams = 0;

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const wanted = parseGatewayRequest(request.raw.url ?? '', request.headers.accept);
    setHeaders(reply, wanted);
    if (wanted.format === 'raw') {
      const bytes = await blocks.block(wanted.cid);
      if (bytes === undefined) throw notHere(request, wanted);
      if (isKnown(request, wanted)) return reply.code(304).send();
      reply.header('content-length', bytes.length);
      return reply.send(request.method === 'HEAD' ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    if (streams >= MAX_STREAMS) {
      reply.header('retry-after', '1');
      throw new GatewayRefusal(503, `${MAX_STREAMS} answers are being read already; try again later.`);
    }
    streams++;
    let held = true;
    const release = (): void => {
      if (held) streams--;
      held = false;
    };
    const gone = new AbortController();
    reply.raw.once('close', () => {
      gone.abort();
      release();
    });
    try {
      const chunks = await blocks.car(wanted, gone.signal);
      if (chunks === undefined) throw notHere(request, wanted);
      if (isKnown(request, wanted)) return reply.code(304).send();
      if (request.method === 'HEAD') return reply.send(null);
      reply.raw.setTimeout(IDLE_MS, () => reply.raw.destroy());
      return reply.send(Readable.from(logged(chunks, wanted), { objectMode: false }));
    } catch (error) {
      release();
      throw error;
    }
  }

  /** An answer that breaks off says so in the log; to its reader it is a broken connection. */
  async function* logged(chunks: AsyncIterable<Uint8Array>, { cid }: GatewayRequest): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      log.error({ cid: cid.toString(), err: error }, 'a CAR broke off');
      throw error;
    }
  }

  app.route({
    method: ['GET', 'HEAD'],
    url: '/ipfs/*',
    exposeHeadRoute: false,
    handler: answer,
    errorHandler: (error, request, reply) => {
      for (const name of Object.keys(reply.getHeaders())) if (name !== 'retry-after') reply.removeHeader(name);
      const [status, text] = describe(error);
      if (status === 500) log.error({ err: error, url: request.url }, 'request failed');
      const body = request.method === 'HEAD' ? null : `${text}\n`;
      return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(body);
    },
  });
}

function setHeaders(reply: FastifyReply, { cid, path, contentType, etag, filename }: GatewayRequest): void {
  reply.headers({
    'content-type': contentType,
    'content-disposition': `attachment; filename="${filename}"`,
    'cache-control': CACHE_CONTROL,
    'x-content-type-options': 'nosniff',
    'x-ipfs-path': `/ipfs/${[cid, ...path.map(encodeURIComponent)].join('/')}`,
    etag,
    vary: 'Accept',
  });
}

/** Whether the asker has this very answer already. */
function isKnown(request: FastifyRequest, { etag }: GatewayRequest): boolean {
  const tags = request.headers['if-none-match'];
  if (tags === undefined) return false;
  return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

function notHere(request: FastifyRequest, { cid, path }: GatewayRequest): GatewayRefusal {
  const cached = /(^|[\s,])only-if-cached($|[\s,])/i.test(request.headers['cache-control'] ?? '');
  const what = path.length === 0 ? `${cid} is not here` : `${cid} with this path is not here`;
  return new GatewayRefusal(cached ? 412 : 404, `${what}, and this gateway fetches nothing.`);
}

function describe(error: unknown): readonly [status: number, text: string] {
  if (error instanceof GatewayRefusal) return [error.status, error.message];
  if (error instanceof InferbaseError) {
    if (error.code === 'ERR_INVALID_CID') return [400, error.message];
    // A DAG of other formats than files have cannot be walked here; its blocks can be had one by one.
    if (error.code === 'ERR_INVALID_ARCHIVE') return [501, error.message];
    if (error.code === 'ERR_STORE_UNAVAILABLE') return [503, 'The store cannot be read at the moment.'];
    return [error.status, error.message];
  }
  return [500, 'Internal Server Error'];
}
