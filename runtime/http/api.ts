import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LocalBlocks } from '../core/local-blocks.ts';
import type { InferenceNode } from '../core/node.ts';
import { expected } from '../core/wire-code.ts';
import { encodeString } from '../wire/go-json.ts';
import { sendJson, unsupportedMediaType } from './body.ts';
import { addExecuteRoute } from './execute.ts';
import { addGatewayRoutes } from './gateway.ts';
import { addHostCheck } from './host-check.ts';
import { addInstallRoute } from './install.ts';
import { type ApiLog, NO_LOG } from './log.ts';
import { addPeersRoute } from './peers.ts';
import { addResultRoute } from './result.ts';
import { createSlowReaders } from './slow-readers.ts';
import { addWebRoute } from './web/route.ts';
import { addWorkersRoute } from './workers.ts';

export interface ApiInit {
  /** Where unexpected errors go; requests are logged at level `debug` only. */
  readonly log: FastifyBaseLogger | false;
  /** Largest request body, in bytes. */
  readonly bodyLimitBytes: number;
  /** Blocks that are served under `/ipfs/`; none: there is no gateway. */
  readonly gateway?: LocalBlocks | null;
  /** How long an install request waits before it answers code 408, in ms. */
  readonly installWaitMs?: number;
  /** Most bytes of bodies whose execute requests are not answered yet; beyond it they are told "busy". */
  readonly heldBytes?: number;
  /** Most bytes of answers that their readers have not taken yet; beyond it the oldest loses its connection. */
  readonly unreadBytes?: number;
  /** Host names of this node, for requests over loopback, see `host-check.ts`; left out: any. */
  readonly hosts?: readonly string[];
  /** Functions that are web endpoints: CIDs, `NAME=CID` or `*`; default none. */
  readonly webFunctions?: readonly string[];
}

/** As long as b7s waits for an install. */
const INSTALL_WAIT_MS = 10_000;

/** A body and what is read of it stay in memory while its request waits; a thousand of the largest would not fit. */
const HELD_BYTES = 256 * 1_048_576;
const UNREAD_BYTES = 256 * 1_048_576;

/** A client has this long to send its request, in ms. */
const REQUEST_TIMEOUT_MS = 60_000;

const HEALTH_ALLOWED: ReadonlyMap<string, string> = new Map([['/api/v1/health', 'OPTIONS, GET']]);

/** Path → the method it answers to, as the `Allow` header lists it. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ['/api/v1/health', 'OPTIONS, GET'],
  ['/api/v1/functions/execute', 'OPTIONS, POST'],
  ['/api/v1/functions/install', 'OPTIONS, POST'],
  ['/api/v1/functions/requests/result', 'OPTIONS, POST'],
]);

/**
 * The REST API in the dialect of the Allora inference base image: paths, field names and order, string codes, error
 * bodies, and Go's JSON both ways.
 * @param node `null`: only what no node is asked for is served, health and blocks
 * @returns an instance that does not listen yet
 */
export async function createApi(node: InferenceNode | null, init: ApiInit): Promise<FastifyInstance> {
  const { fastify } = await import('fastify');
  const log = init.log === false ? NO_LOG : init.log;
  const app = fastify({
    logger: false,
    bodyLimit: init.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    frameworkErrors: (error, request, reply) => sendError(error, { request, reply, log }),
  });

  const allowed =
    node === null
      ? HEALTH_ALLOWED
      : node.workers === undefined
        ? ALLOWED
        : new Map([...ALLOWED, ['/api/v1/workers', 'OPTIONS, GET'], ['/api/v1/peers', 'OPTIONS, GET']]);

  // Bodies arrive as bytes: the handlers read them as Go does, whatever their content type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(['application/json', '*'], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.setErrorHandler((error, request, reply) => sendError(error, { request, reply, log }));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allow = init.gateway && path.startsWith('/ipfs/') ? 'GET, HEAD' : allowed.get(path);
    if (allow === undefined) return sendMessage(request, reply.code(404), 'Not Found');
    return sendMessage(request, reply.code(405).header('allow', allow), 'Method Not Allowed');
  });

  if (init.hosts !== undefined) addHostCheck(app, init.hosts);
  const slowReaders = createSlowReaders({ maxBytes: init.unreadBytes ?? UNREAD_BYTES });
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // Else the client keeps its connection for its next request, and the node with it.
    if (isClosing) reply.header('connection', 'close');
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) slowReaders.note(reply.raw, payload.length);
    done();
  });

  app.get('/api/v1/health', async (request, reply) => sendJson(request, reply, '{"type":"health","code":200}\n'));
  if (node !== null) {
    const heldBytes = init.heldBytes ?? HELD_BYTES;
    addExecuteRoute(app, node, { log, heldBytes });
    addInstallRoute(app, node, { log, waitMs: init.installWaitMs ?? INSTALL_WAIT_MS });
    addResultRoute(app, node);
    addWorkersRoute(app, node);
    addPeersRoute(app, node);
    addWebRoute(app, node, { log, functions: init.webFunctions ?? [], heldBytes });
  }
  if (init.gateway) addGatewayRoutes(app, init.gateway, { log });
  return app;
}

function sendMessage(request: FastifyRequest, reply: FastifyReply, message: string): FastifyReply {
  return sendJson(request, reply, `{"message":${encodeString(message)}}\n`);
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: ApiLog;
}

/** Errors of ours thrown before a function could run, and fastify's own about a request it cannot take. */
function sendError(error: unknown, { request, reply, log }: Exchange): FastifyReply {
  const known = expected(error);
  if (known !== null) return sendMessage(request, reply.code(known.status), known.message);
  const { code, statusCode = 500 } = error as { readonly code?: string; readonly statusCode?: number };
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return sendError(unsupportedMediaType(), { request, reply, log });
  if (statusCode === 413) return sendMessage(request, reply.code(413), 'Request Entity Too Large');
  if (statusCode >= 400 && statusCode < 500) {
    const message = error instanceof Error ? error.message : 'Bad Request';
    return sendMessage(request, reply.code(statusCode), message);
  }
  log.error({ err: error, url: request.url }, 'request failed');
  return sendMessage(request, reply.code(500), 'Internal Server Error');
}
