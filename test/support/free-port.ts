import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Ports that are looked through. */
const LOWEST = 10_240;
const HIGHEST = 32_767;
const TRIES = 100;

/**
 * The first port that the system hands out by itself, to whoever dials or listens on any: one below it is still free a
 * moment later.
 */
function firstGiven(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
  } catch {
    // macOS begins higher.
    return HIGHEST + 1;
  }
}

/** A port of loopback that nobody has just now. */
export async function freePort(): Promise<number> {
  const first = firstGiven();
  // Where the system hands out nearly all, one of them.
  const end = first > LOWEST + 1_000 ? Math.min(first, HIGHEST + 1) : HIGHEST + 1;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (end - LOWEST));
    const server = createServer();
    const isFree = await once(server.listen(port, '127.0.0.1'), 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`none of ${TRIES} ports from ${LOWEST} to ${end} was free`);
}
