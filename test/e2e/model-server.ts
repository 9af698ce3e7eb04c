import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface ModelServer {
  readonly url: string;
  /** Requests so far. */
  readonly asked: number;
  /** From now on: what it says, or `null` where it lets them wait. */
  say(text: string | null): void;
  /** Resolves when another request has come. */
  next(): Promise<void>;
}

/** A model server on loopback that says the same to everybody, or nothing. */
export async function startModelServer(t: TestContext, text: string | null): Promise<ModelServer> {
  let says = text;
  let asked = 0;
  const held = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    asked++;
    server.emit('asked');
    if (says === null) held.add(response);
    else response.end(says);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    say(next) {
      says = next;
      if (next === null) return;
      for (const response of held) response.end(next);
      held.clear();
    },
    next: async () => void (await once(server, 'asked')),
  };
}
