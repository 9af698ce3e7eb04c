import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { isFree } from '../model-server.ts';

/** Below what systems hand out by themselves: Linux from 32 768, others from 49 152. */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES = 50;

const chosen = new Set<number>();

/**
 * A port that nobody has, for a process that will listen there in a while: not one that the system may give to whoever
 * dials or listens in the meantime. Never the same twice.
 * @param host address to listen on
 * @throws the system's error where the address is not one of this machine
 */
export async function freePort(host: string): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isFree(host, port)) return port;
  }
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
