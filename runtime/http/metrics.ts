import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, as `http://HOST:PORT/metrics`. */
  readonly url: string;
}

/**
 * Serves metrics to Prometheus at `/metrics`.
 * @param render the text of a scrape
 * @throws the system's error where it cannot listen there
 */
export async function openMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  render: () => string,
): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    const isAsked = request.url?.split('?', 1)[0] === '/metrics' && ['GET', 'HEAD'].includes(request.method ?? '');
    response.writeHead(isAsked ? 200 : 404, {
      'content-type': isAsked ? 'text/plain; version=0.0.4; charset=utf-8' : 'text/plain; charset=utf-8',
    });
    response.end(isAsked ? render() : 'metrics are at /metrics\n');
  });
  // Scrapes are short; whoever is slower keeps no node from ending.
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  server.listen(port, host);
  await once(server, 'listening');
  const bound = server.address();
  const own = bound !== null && typeof bound === 'object' ? bound : { address: host, port };
  return {
    url: `http://${own.address.includes(':') ? `[${own.address}]` : own.address}:${own.port}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
