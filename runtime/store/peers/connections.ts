import type { Libp2p, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { parseTcpAddress } from '../../core/multiaddr.ts';

export interface Connections {
  /** Resolves when every peer has been tried once and those reached have said what they speak. */
  readonly settled: Promise<void>;
  /** A line for each peer that is not connected, with the reason. */
  missing(): readonly string[];
  stop(): void;
}

export interface ConnectionsInit {
  /** Multiaddrs with `/p2p/ID`. */
  readonly connect: readonly string[];
  readonly log: (line: string, fields?: object) => void;
  /** First pause after a failure and the longest one, in ms; it doubles in between. */
  readonly backOffMs?: readonly [first: number, longest: number];
}

const BACK_OFF_MS = [500, 60_000] as const;
const DIAL_MS = 10_000;
/** A connection that held this long starts the pauses afresh, in ms. */
const HELD_MS = 30_000;
const IDENTIFY_MS = 3_000;

/** Keeps connected to the given peers: dials again, for ever, with growing pauses. */
export function keepConnections(components: { host: Libp2p }, init: ConnectionsInit): Connections {
  const { host } = components;
  const [firstPause, longestPause] = init.backOffMs ?? BACK_OFF_MS;
  const stopping = new AbortController();
  const missing = new Map<string, string>();

  async function keep(address: string, tried: () => void): Promise<void> {
    const id = parseTcpAddress(address)?.peerId ?? '';
    const peer = { peer: id, address };
    let pause = firstPause;
    for (let told = false; !stopping.signal.aborted; ) {
      const attempt = new AbortController();
      const over = AbortSignal.any([stopping.signal, attempt.signal]);
      try {
        const identified = eventOf(host, 'peer:identify', id, over);
        const gone = eventOf(host, 'peer:disconnect', id, over);
        const { remotePeer } = await host.dial(multiaddr(address), {
          signal: AbortSignal.any([over, AbortSignal.timeout(DIAL_MS)]),
        });
        const { protocols } = await host.peerStore.get(remotePeer);
        if (protocols.length === 0) await Promise.race([identified, gone, sleep(IDENTIFY_MS, over)]);
        if (host.getConnections(remotePeer).length > 0) {
          missing.delete(address);
          init.log('connected to a peer', peer);
          told = false;
          tried();
          const since = Date.now();
          await gone;
          if (stopping.signal.aborted) return;
          missing.set(address, 'the connection was lost');
          init.log('lost a peer; it is dialled again', peer);
          if (Date.now() - since > HELD_MS) pause = firstPause;
        } else throw new Error('it hung up at once; it may be full, or take named peers only');
      } catch (error) {
        if (stopping.signal.aborted) return;
        const problem = reasonOf(error);
        missing.set(address, problem);
        // Once, not at every attempt.
        if (!told) init.log('a peer cannot be reached; it is dialled again', { ...peer, error: problem });
        told = true;
      } finally {
        attempt.abort();
      }
      tried();
      // Not all at once, where many nodes lost the same peer.
      await sleep(pause * (0.75 + Math.random() / 2), stopping.signal);
      pause = Math.min(longestPause, pause * 2);
    }
  }

  const settled = init.connect.map((address) => new Promise<void>((resolve) => void keep(address, resolve)));
  return {
    settled: Promise.all(settled).then(() => {}),
    missing: () => Array.from(missing, ([address, problem]) => `peer ${address}: not connected, ${problem}`),
    stop: () => stopping.abort(),
  };
}

/** Resolves at the next such event of that peer, or when the signal aborts. */
function eventOf(
  host: Libp2p,
  name: 'peer:identify' | 'peer:disconnect',
  id: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      host.removeEventListener(name, onEvent);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const onEvent = ({ detail }: CustomEvent<PeerId | { peerId: PeerId }>): void => {
      const peer = 'peerId' in detail ? detail.peerId : detail;
      if (peer.toString() === id) settle();
    };
    host.addEventListener(name, onEvent);
    signal.addEventListener('abort', settle);
    if (signal.aborted) settle();
  });
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal?.addEventListener('abort', settle);
  });
}

/** Dialling several addresses fails with several errors; one says enough. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.name === 'TimeoutError' || error.name === 'AbortError' ? 'it did not answer in time' : error.message;
}
