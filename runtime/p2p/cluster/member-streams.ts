import { messageOf } from '../../core/errors.ts';
import { type DirectMessage, PBFT_PROTOCOL, type Swarm } from '../swarm.ts';

/** What the members of one cluster say to each other: a message on a stream of its own, in the order in which it was said. */
export interface MemberStreams {
  /** Messages of the others are taken, once it resolves; those of anybody else are refused. */
  open(): Promise<void>;
  /** To all others; delivered or lost. */
  broadcast(bytes: Uint8Array): void;
  /** Takes nothing more; what was said leaves, since it may be what a slower member needs to finish. */
  close(): Promise<void>;
}

export interface MemberStreamsInit {
  readonly requestId: string;
  /** base58 peer ids, this node among them. */
  readonly members: readonly string[];
  readonly maxBytes: number;
  readonly onMessage: (bytes: Uint8Array, from: string) => void;
  readonly log: (line: string, fields?: object) => void;
}

/** b7s's NetworkTimeout (consensus/pbft/params.go). */
const SEND_MS = 5_000;
/** A member that is not there yet, or has not formed its side, is tried again after so long, in ms. */
const AGAIN_MS = [100, 300, 1_000, 2_000] as const;
/** Messages that wait for one member. */
const MAX_WAITING = 64;

/** Not open yet. */
export function createMemberStreams(
  swarm: Pick<Swarm, 'peerId' | 'send' | 'handle' | 'unhandle'>,
  { requestId, members, maxBytes, onMessage, log }: MemberStreamsInit,
): MemberStreams {
  const protocol = `${PBFT_PROTOCOL}/cluster/${requestId}`;
  const others = members.filter((peerId) => peerId !== swarm.peerId);
  let closed = false;
  /** By member: what is sent to it after what came before, and how much of it there is. */
  const lines = new Map(others.map((peerId) => [peerId, { last: Promise.resolve(), waiting: 0 }]));

  async function send(peerId: string, bytes: Uint8Array): Promise<void> {
    const signal = AbortSignal.timeout(SEND_MS);
    for (const pause of [...AGAIN_MS, null]) {
      try {
        await swarm.send(peerId, protocol, bytes, signal);
        return;
      } catch (error) {
        // A cluster that is disbanded is gone at the other end.
        if (closed) return;
        if (pause === null || signal.aborted) {
          log('a message to a member of a cluster was lost', { peer: peerId, requestId, error: messageOf(error) });
          return;
        }
        await sleep(pause, signal);
      }
    }
  }

  return {
    async open() {
      const take = ({ bytes, from }: DirectMessage): void => {
        if (!closed) onMessage(bytes, from);
      };
      await swarm.handle(protocol, maxBytes, take, (peerId) => lines.has(peerId));
    },
    broadcast(bytes) {
      for (const [peerId, line] of lines) {
        if (line.waiting >= MAX_WAITING) continue;
        line.waiting++;
        line.last = line.last.then(async () => {
          await send(peerId, bytes);
          line.waiting--;
        });
      }
    },
    async close() {
      closed = true;
      await swarm.unhandle(protocol);
    },
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener('abort', settle);
    if (signal.aborted) settle();
  });
}
