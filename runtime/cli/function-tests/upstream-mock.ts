import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compareText, type Difference } from './difference.ts';
import type { MockedExchange } from './function-test.ts';

/** Largest request body that is kept to be compared, in bytes. */
const MAX_BODY_BYTES = 16 * 1_048_576;

/** A request that a guest sent to a mocked upstream. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A real HTTP server on loopback that stands for a model server, and answers as the test that runs now has it. */
export interface UpstreamMock {
  readonly url: string;
  /** Takes up the exchanges of the next test. */
  expect(exchanges: readonly MockedExchange[]): void;
  /** What was asked otherwise than expected, or not asked, since `expect`. */
  verify(): Difference[];
  close(): Promise<void>;
}

interface Script {
  readonly exchanges: readonly { readonly exchange: MockedExchange; asked: number }[];
  readonly problems: Difference[];
}

/**
 * Starts a mock on a free port of loopback.
 * @param name as guests know it, `http://NAME/`
 */
export async function startMock(name: string): Promise<UpstreamMock> {
  let script: Script = { exchanges: [], problems: [] };
  const server = createServer((request, response) => {
    // The test that was running when the request came.
    const current = script;
    response.on('error', () => {});
    readBody(request).then(
      (body) => answer(name, current, toAsked(request, body), response),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    expect(exchanges) {
      script = { exchanges: exchanges.map((exchange) => ({ exchange, asked: 0 })), problems: [] };
    },
    verify: () => [...script.problems, ...neverAsked(name, script)],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toAsked({ method = 'GET', url = '/', headers }: IncomingMessage, body: string): Asked {
  const at = url.indexOf('?');
  const flat = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return {
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at)),
    headers: Object.fromEntries(flat),
    body,
  };
}

function answer(name: string, script: Script, asked: Asked, response: ServerResponse): void {
  const open = script.exchanges.filter(
    ({ exchange, asked: count }) => exchange.times === null || count < exchange.times,
  );
  const fitting = open.find(({ exchange }) => departures(exchange.request, asked).length === 0);
  if (fitting === undefined) {
    const shown = `${asked.method} ${asked.path}${asked.query.size > 0 ? `?${asked.query}` : ''}`;
    script.problems.push({ about: `upstream ${name}`, lines: unexpected(shown, open, asked) });
    response.writeHead(501, { 'content-type': 'text/plain' });
    response.end(`The test does not expect ${shown}.\n`);
    return;
  }
  fitting.asked += 1;
  const { status, headers, body, delayMs, drop } = fitting.exchange.response;
  setTimeout(() => {
    if (drop) response.destroy();
    else response.writeHead(status, { 'content-length': String(body.length), ...headers }).end(body);
  }, delayMs).unref();
}

/** What was asked, and how that departs from what comes nearest to it. */
function unexpected(shown: string, open: Script['exchanges'], asked: Asked): string[] {
  const candidates = open.map(({ exchange }) => departures(exchange.request, asked));
  const nearest = candidates.sort((a, b) => a.length - b.length)[0];
  const lines = [`was asked ${shown}, which the test does not expect`];
  if (nearest === undefined) return [...lines, '  nothing more is expected of it'];
  for (const { about, lines: parts } of nearest) lines.push(`  ${about}`, ...parts);
  return lines;
}

function departures(wanted: MockedExchange['request'], asked: Asked): Difference[] {
  const found: Difference[] = [];
  const { method, path, query = {}, headers = {}, body } = wanted;
  if (method !== undefined) found.push(...compareText('method', { exact: method }, asked.method));
  if (path !== undefined) found.push(...compareText('path', { exact: path }, asked.path));
  for (const [name, value] of Object.entries(query)) {
    found.push(...compareText(`query ${name}`, { exact: value }, asked.query.get(name) ?? ''));
  }
  for (const [name, value] of Object.entries(headers)) {
    found.push(...compareText(`header ${name}`, value, asked.headers[name] ?? ''));
  }
  if (body !== undefined) found.push(...compareText('body', body, asked.body));
  return found;
}

function neverAsked(name: string, script: Script): Difference[] {
  return script.exchanges.flatMap(({ exchange: { times, request }, asked }) => {
    if (times === null || asked >= times) return [];
    const shown = `${request.method ?? 'any method'} ${request.path ?? 'any path'}`;
    const said = asked === 0 ? 'was never asked' : `was asked ${asked} of ${times} times`;
    return [{ about: `upstream ${name}`, lines: [`${said} ${shown}`] }];
  });
}
