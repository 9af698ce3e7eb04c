import { InferbaseError } from '../../core/errors.ts';
import type { InferenceNode } from '../../core/node.ts';
import type { Log } from '../../telemetry/log.ts';

export interface DevEndpoint {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

/** Stands for the function, whose CID changes with every build; a name leads to it. */
const ANY_CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';

/**
 * Serves a function under development on loopback: `/fn/NAME/…` and the execute API, whatever function is asked for. Only
 * requests that name loopback as their host are answered, and none that a page of another origin sends: a browser must
 * not carry strangers in, by DNS rebinding or otherwise. No CORS headers are sent.
 * @param name of the function
 * @throws InferbaseError ERR_INVALID_SETTING when the port is taken
 */
export async function openDevEndpoint(
  node: InferenceNode,
  init: { readonly name: string; readonly port: number; readonly bodyLimitBytes: number; readonly log: Log },
): Promise<DevEndpoint> {
  const { createApi } = await import('../../http/api.ts');
  const { bodyLimitBytes, log, name } = init;
  const app = await createApi(node, { log, bodyLimitBytes, webFunctions: [`${name}=${ANY_CID}`] });
  let port = init.port;
  app.addHook('onRequest', async (request, reply) => {
    const { host, origin } = request.headers;
    if (isLocal(host, port) && isOwn(origin, port) && isAsked(request.headers['sec-fetch-site'])) return;
    await reply
      .code(403)
      .send({ message: `only requests to http://127.0.0.1:${port} are answered, and none of another page` });
  });
  try {
    await app.listen({ host: '127.0.0.1', port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `port ${port} is taken; choose another with --port, 0 for any free one`,
    );
  }
  const bound = app.server.address();
  if (bound !== null && typeof bound === 'object') port = bound.port;
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
}

const NAMES = ['127.0.0.1', 'localhost', '[::1]'];

function isLocal(host: string | undefined, port: number): boolean {
  return NAMES.some((name) => host?.toLowerCase() === `${name}:${port}`);
}

/** Programs send no origin, nor does a browser that is sent here by hand. A sandboxed page sends `null`: whose, none can tell. */
function isOwn(origin: string | undefined, port: number): boolean {
  return origin === undefined || NAMES.some((name) => origin === `http://${name}:${port}`);
}

/**
 * A page's images, scripts, links and forms that only read come without an origin; of those a browser says where they are
 * from. `none`: somebody typed the address.
 */
function isAsked(site: string | string[] | undefined): boolean {
  return site === undefined || site === 'none' || site === 'same-origin';
}
