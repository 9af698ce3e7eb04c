import { parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { ExecuteRequest } from '../core/node.ts';
import { gossipTopic, type RollCall } from '../core/work.ts';

/** Longest window a request may ask for, in ms. */
const MAX_WINDOW_MS = 3_600_000;
/** As long as a topic of a worker may be, in characters. */
const MAX_TOPIC = 256;

/** Longest method, in characters, as in a store. */
const MAX_METHOD = 1_024;
/** What a worker is wanted to be, as JSON, in characters: every worker of the topic is told. */
const MAX_ATTRIBUTES = 65_536;

/** sha-256 of a manifest's URL, as nodes of the older stack name functions installed by URL. */
const URL_HASH = /^[0-9a-f]{64}$/;

/**
 * What a request asks of workers.
 * @throws InferbaseError `ERR_INVALID_CID`, `ERR_INVALID_REQUEST`
 */
export function checkAsked({ functionId, method, topic, body }: ExecuteRequest): void {
  if (!URL_HASH.test(functionId)) parseCid(functionId);
  checkTopic(topic);
  checkLength('method', method.length, MAX_METHOD);
  const { attributes } = body.config ?? {};
  if (attributes !== undefined) checkLength('config.attributes', JSON.stringify(attributes).length, MAX_ATTRIBUTES);
}

function checkLength(field: string, length: number, most: number): void {
  if (length <= most) return;
  throw new InferbaseError('ERR_INVALID_REQUEST', `${field} has ${length} characters; at most ${most} are taken`);
}

/** @throws InferbaseError `ERR_INVALID_REQUEST` for one that is too long */
export function checkTopic(topic: string): void {
  if (topic.length <= MAX_TOPIC) return;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `topic has ${topic.length} characters, and no worker serves one of more than ${MAX_TOPIC}`,
  );
}

/** `timeout` of the request, in s, else the default. */
export function windowOf({ body }: ExecuteRequest, rollCallMs: number): number {
  const { timeout = 0 } = body.config ?? {};
  return timeout > 0 ? Math.min(timeout * 1_000, MAX_WINDOW_MS) : rollCallMs;
}

export function rollCallOf(
  { functionId, method, topic, body }: ExecuteRequest,
  { requestId, consensus }: Pick<RollCall, 'requestId' | 'consensus'>,
): RollCall {
  const attributes = body.config?.attributes ?? null;
  return { requestId, functionId, method, topic: gossipTopic(topic), consensus, attributes };
}
