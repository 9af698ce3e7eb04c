import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface';
import type { CID } from 'multiformats/cid';
import { toErrorData } from '../../core/errors.ts';
import { cancelled } from '../single-flight.ts';
import { type Answering, createAnswering } from './answering.ts';
import { askPeers, type Swarm } from './ask-race.ts';
import { decodeMessage } from './bitswap-message.ts';
import { createFrameReader } from './frames.ts';
import { BITSWAP, createOutbox } from './outbox.ts';
import { createPeer, type Peer } from './peer.ts';
import type { ServedBlocks } from './served-blocks.ts';

export interface Exchange {
  /**
   * Asks the connected peers for a block.
   * @returns the block, hashed
   * @throws SourceMiss `ERR_FUNCTION_NOT_FOUND` when no peer has it, `ERR_INTEGRITY` when all that answered lied,
   *   `ERR_SOURCE_UNAVAILABLE` when one that might have it failed or is not connected; InferbaseError `ERR_CANCELLED`
   */
  ask(cid: CID, signal: AbortSignal): Promise<Uint8Array>;
  /** Registers no more and answers no more; wants under way fail. */
  stop(): Promise<void>;
}

export interface ExchangeInit extends Pick<Swarm, 'settled' | 'missing'> {
  /** For one block from all peers together, in ms. */
  readonly timeoutMs: number;
  readonly log: (line: string, fields?: object) => void;
}

/** Streams that one connection may have open towards us, and we towards it. */
const MAX_STREAMS = 16;
/** Bytes of messages not yet whole, of all peers. */
const MAX_HELD = 64 * 1024 * 1024;
/** Longest a message may take to arrive once begun, in ms. */
const MESSAGE_MS = 30_000;
const MAX_READS = 8;
/** Peers asked for one block at most. */
const MAX_ASKED = 16;
/** How long a peer that lied is not asked, in ms. */
const SHUN_MS = 60_000;
const MAX_SHUNNED = 1024;

interface Entry {
  readonly peer: Peer;
  readonly answering: Answering;
  leave(): void;
}

/** Speaks bitswap on a libp2p host: asks peers for blocks and answers theirs. Call it before the host starts. */
export async function createExchange(
  components: { host: Libp2p; served: ServedBlocks },
  { settled, missing, timeoutMs, log }: ExchangeInit,
): Promise<Exchange> {
  const { host, served } = components;
  const entries = new Map<string, Entry>();
  const listeners = new Set<(peer: Peer) => void>();
  /** Peer id → when it is asked again. */
  const shunned = new Map<string, number>();
  const budget = { held: 0, max: MAX_HELD };
  const reading = createGate(MAX_READS);

  function entryOf(id: PeerId): Entry {
    const name = id.toString();
    const known = entries.get(name);
    if (known !== undefined) return known;
    const outbox = createOutbox({
      connection: () => host.getConnections(id).find(({ status }) => status === 'open'),
      onFailure: (error) => peer.fail('ERR_SOURCE_UNAVAILABLE', `could not be asked: ${textOf(error)}`),
    });
    const onLie = (problem: string): void => {
      log('a peer was let go', { peer: name, problem });
      shun(name);
      void host.hangUp(id, { signal: AbortSignal.timeout(1_000) }).catch(() => {});
    };
    const peer = createPeer({ id: name, outbox, onLie });
    const onFailure = (error: unknown): void => log('a peer could not be served', { peer: name, error: textOf(error) });
    const answering = createAnswering({ served, outbox, reading, onFailure });
    const leave = (): void => {
      answering.stop();
      outbox.close();
      peer.fail('ERR_SOURCE_UNAVAILABLE', 'went away');
    };
    const entry = { peer, answering, leave };
    entries.set(name, entry);
    return entry;
  }

  function shun(name: string): void {
    shunned.delete(name);
    shunned.set(name, Date.now() + SHUN_MS);
    if (shunned.size > MAX_SHUNNED) shunned.delete(shunned.keys().next().value ?? '');
  }

  function isShunned(name: string): boolean {
    return (shunned.get(name) ?? 0) > Date.now();
  }

  function onStream(stream: Stream, connection: Connection): void {
    const { remotePeer } = connection;
    const frames = createFrameReader(budget);
    let timer: NodeJS.Timeout | undefined;
    const end = (error?: Error): void => {
      clearTimeout(timer);
      frames.drop();
      if (error !== undefined) stream.abort(error);
    };
    stream.addEventListener('message', ({ data }) => {
      // What is left of a peer that has gone must not bring it back.
      if (stream.status === 'aborted' || connection.status !== 'open') return;
      try {
        for (const bytes of frames.push(data.subarray())) {
          const message = decodeMessage(bytes);
          const { peer, answering } = entryOf(remotePeer);
          peer.receive(message);
          answering.receive(message.wants);
          clearTimeout(timer);
          timer = undefined;
        }
        if (frames.partial) timer ??= setTimeout(() => end(new Error('a message took too long')), MESSAGE_MS);
      } catch (error) {
        log('a peer was not understood', { peer: remotePeer.toString(), error: textOf(error) });
        end(error as Error);
      }
    });
    stream.addEventListener('close', () => end());
    // Our half is not needed: answers go on streams of ours.
    stream.close({ signal: AbortSignal.timeout(MESSAGE_MS) }).catch((error: Error) => end(error));
  }

  function onGone(id: PeerId): void {
    const name = id.toString();
    const entry = entries.get(name);
    if (entry === undefined || host.getConnections(id).some(({ status }) => status === 'open')) return;
    entries.delete(name);
    entry.leave();
  }

  const swarm: Swarm = {
    settled,
    missing,
    candidates() {
      const peers = Array.from(entries.values(), ({ peer }) => peer).filter(({ id }) => !isShunned(id));
      return peers.sort((a, b) => a.marks - b.marks).slice(0, MAX_ASKED);
    },
    shunned() {
      const names = [...shunned.keys()].filter(isShunned);
      return names.map((name) => `${name} sent wrong bytes and is not asked for a while`);
    },
    onPeer(tell) {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
  };

  await host.handle(BITSWAP, onStream, { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS });
  const registration = await host.register(BITSWAP, {
    onConnect(id) {
      const { peer } = entryOf(id);
      if (!isShunned(peer.id)) for (const tell of listeners) tell(peer);
    },
  });
  const onDisconnect = ({ detail }: CustomEvent<PeerId>): void => onGone(detail);
  host.addEventListener('peer:disconnect', onDisconnect);

  return {
    async ask(cid, signal) {
      if (signal.aborted) throw cancelled(signal);
      return await askPeers(swarm, cid, timeoutMs, signal);
    },
    async stop() {
      host.removeEventListener('peer:disconnect', onDisconnect);
      host.unregister(registration);
      await host.unhandle(BITSWAP);
      for (const entry of entries.values()) entry.leave();
      entries.clear();
    },
  };
}

/** At most `max` at a time; the others wait in line. */
function createGate(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = [];
  let open = 0;
  return async (work) => {
    if (open >= max) await new Promise<void>((resolve) => line.push(resolve));
    else open++;
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) open--;
      else next();
    }
  };
}

function textOf(error: unknown): string {
  return toErrorData(error).message || String(error);
}
