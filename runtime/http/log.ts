import type { FastifyBaseLogger } from 'fastify';
import type { ExecuteRequest } from '../core/node.ts';
import { describeError } from '../core/wire-code.ts';

/** What the API needs of a pino logger. */
export type ApiLog = Pick<FastifyBaseLogger, 'error' | 'debug' | 'level'>;

export const NO_LOG: ApiLog = { level: 'silent', error: () => {}, debug: () => {} };

/** Of what a stranger wrote, so many characters are logged. */
const SHOWN = 100;

/** The code of the answer, and the nodes that ran it. */
interface RequestEnd {
  readonly code: string;
  readonly cluster: readonly string[];
}

/** Tells how one execute request ended. */
export type TellEnd = (requestId: string, asked: ExecuteRequest, end: RequestEnd) => void;

/** A line for each execute request, at level `debug`; `null` where nobody sees those: then a request costs nothing. */
export function createTellEnd(log: ApiLog): TellEnd | null {
  if (log.level !== 'debug') return null;
  return (requestId, { functionId, topic }, { code, cluster }) => {
    const asked = { function: functionId.slice(0, SHOWN), topic: topic.slice(0, SHOWN) };
    log.debug({ requestId, ...asked, code, nodes: cluster.length }, 'request answered');
  };
}

/** How a request ended that never ran. */
export function endOf(error: unknown): RequestEnd {
  return { code: describeError(error).code, cluster: [] };
}
