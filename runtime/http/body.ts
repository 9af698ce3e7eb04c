import type { FastifyReply, FastifyRequest } from 'fastify';
import { decodeJson, type GoType, indentJson, unpackError } from '../wire/go-json.ts';

/**
 * Decodes a request's body as echo's binder does: an empty one binds nothing whatever its type, and any other needs a
 * content type that begins with `application/json`.
 * @throws InferbaseError `ERR_INVALID_REQUEST`
 */
export function readBody<T>(request: FastifyRequest, type: GoType<T>): T {
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) return type.zero;
  if (!request.headers['content-type']?.startsWith('application/json')) throw unsupportedMediaType();
  return decodeJson(body, type);
}

/** b7s wraps echo's 415 into a 400. */
export function unsupportedMediaType(): Error {
  return unpackError('code=415, message=Unsupported Media Type');
}

const JSON_TYPE = 'application/json; charset=UTF-8';

/**
 * Sends JSON text.
 * @param json compact, with its trailing newline; indented here when the query says `pretty`
 */
export function sendJson(request: FastifyRequest, reply: FastifyReply, json: string): FastifyReply {
  reply.header('content-type', JSON_TYPE);
  const pretty = request.raw.url?.includes('pretty', request.raw.url.indexOf('?')) === true && isPretty(request);
  return reply.send(pretty ? `${indentJson(json)}\n` : json);
}

function isPretty({ query }: FastifyRequest): boolean {
  return typeof query === 'object' && query !== null && 'pretty' in query;
}
