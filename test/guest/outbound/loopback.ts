import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { intersectPermissions, NO_PERMISSIONS, type Permissions } from '../../../runtime/core/permissions.ts';
import { OutboundError } from '../../../runtime/guest/outbound/errors.ts';
import {
  createOutbound,
  type Outbound,
  type OutboundRequest,
  type OutboundResponse,
} from '../../../runtime/guest/outbound/fetch.ts';
import type { Upstream } from '../../../runtime/guest/outbound/targets.ts';

export interface Loopback {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
}

/** An HTTP server on 127.0.0.1 that ends with the test. */
export async function serve(t: TestContext, listener: RequestListener): Promise<Loopback & { server: Server }> {
  const server = createServer(listener);
  const port = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port, origin: `http://127.0.0.1:${port}` };
}

/** A TCP server that speaks to every connection as it likes. */
export async function serveRaw(t: TestContext, onConnection: (socket: Socket) => void): Promise<Loopback> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port, origin: `http://127.0.0.1:${port}` };
}

/** Answers every request with these very bytes. */
export function serveBytes(t: TestContext, answer: string | Uint8Array, end = true): Promise<Loopback> {
  return serveRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write(answer);
      if (end) socket.end();
    });
  });
}

function listen(server: { listen(port: number, host: string, ready: () => void): unknown; address(): unknown }) {
  return new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An outbound that ends with the test. */
export function outboundFor(
  t: TestContext,
  upstreams: Record<string, Partial<Upstream> & { url: string }> = {},
  bounds: { readonly sockets?: number; readonly unreadBytes?: number } = {},
): Outbound & { lines: string[] } {
  const lines: string[] = [];
  const complete = Object.entries(upstreams).map(
    ([name, upstream]) => [name, { headers: {}, timeoutMs: 10_000, ...upstream }] as const,
  );
  const outbound = createOutbound({
    upstreams: Object.fromEntries(complete),
    ...bounds,
    log: (line) => lines.push(line),
  });
  t.after(() => outbound.close());
  return { ...outbound, lines };
}

/** Permissions of an operator who allows these lines. */
export function policy(...lines: string[]): Permissions {
  return intersectPermissions({ policy: lines, manifest: null, request: null });
}

/** A GET without anything, to be varied. */
export function get(url: string, over: Partial<OutboundRequest> = {}): OutboundRequest {
  return {
    url,
    method: 'GET',
    headers: [],
    body: null,
    maxBodyBytes: 1_000_000,
    permissions: NO_PERMISSIONS,
    signal: new AbortController().signal,
    ...over,
  };
}

export async function bytesOf(response: OutboundResponse, step = 4096): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = new Uint8Array(step);
    const count = await response.read(part);
    if (count === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, count));
  }
}

export async function textOf(response: OutboundResponse): Promise<string> {
  return (await bytesOf(response)).toString();
}

/** The failure of a promise that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<OutboundError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof OutboundError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
