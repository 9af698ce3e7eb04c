import type { FastifyBaseLogger } from 'fastify';

/** What the API needs of a pino logger. */
export type ApiLog = Pick<FastifyBaseLogger, 'error'>;

export const NO_LOG: ApiLog = { error: () => {} };
