import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { InferbaseError } from '../core/errors.ts';
import type { InferenceNode } from '../core/node.ts';
import { describeError, expected } from '../core/wire-code.ts';
import { encodeString, STRING, struct } from '../wire/go-json.ts';
import { readBody, sendJson } from './body.ts';
import { watchClient } from './client-gone.ts';
import type { ApiLog } from './log.ts';

const INSTALL_REQUEST = struct('api.InstallFunctionRequest', {
  cid: STRING,
  uri: STRING,
  topic: STRING,
  subgroup: STRING,
});

/**
 * `POST /api/v1/functions/install`: code 200 when the function is ready to run, 408 when it is not yet after `waitMs`,
 * and then the work goes on. A client that leaves before takes its install along; after the 408 only the node's end does.
 */
export function addInstallRoute(
  app: FastifyInstance,
  node: Pick<InferenceNode, 'install'>,
  { log, waitMs }: { readonly log: ApiLog; readonly waitMs: number },
): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => {
    closing.abort(new InferbaseError('ERR_CLOSED', 'the node is closing; install the function again later'));
  });

  app.post('/api/v1/functions/install', async (request, reply) => {
    const { cid = '', uri = '', topic = '', subgroup = '' } = readBody(request, INSTALL_REQUEST);
    if (cid === '') return refuse(request, reply, uri);
    const client = watchClient(request.raw.socket);
    const signal = AbortSignal.any([client.signal, closing.signal]);
    const installing = node.install(cid, { signal, topic: topic === '' ? subgroup : topic, uri }).then(
      () => '{"code":"200"}\n',
      (error: unknown) => {
        if (expected(error) === null) log.error({ err: error, cid }, 'install failed');
        return encodeInstallError(error);
      },
    );
    const waiting = Promise.withResolvers<string>();
    const timer = setTimeout(() => waiting.resolve('{"code":"408"}\n'), waitMs);
    const answer = await Promise.race([installing, waiting.promise]);
    clearTimeout(timer);
    client.release();
    return sendJson(request, reply, answer);
  });
}

function refuse(request: FastifyRequest, reply: FastifyReply, uri: string): FastifyReply {
  if (uri === '') throw new InferbaseError('ERR_INVALID_REQUEST', 'URI or CID are required');
  const message = `function installation failed: ${uri} comes with nothing to verify it against; give its CID`;
  return sendJson(request, reply.code(500), `{"message":${encodeString(message)}}\n`);
}

function encodeInstallError(error: unknown): string {
  const { code, message } = describeError(error);
  return `{"code":"${code}","message":${encodeString(message)}}\n`;
}
