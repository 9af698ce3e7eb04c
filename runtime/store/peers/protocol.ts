import type { MessagePort } from 'node:worker_threads';
import type { ErrorData } from '../../core/errors.ts';
import type { Owner } from '../owner.ts';
import type { ServeRule } from './served-blocks.ts';

/** Everything that the front thread and the thread of the libp2p host say to each other. */

/** What the thread is started with. */
export interface PeersThreadData {
  readonly dataDir: string;
  readonly owner: Owner;
  /** Multiaddrs of peers to keep connected. */
  readonly connect: readonly string[];
  /** Whether blocks are exchanged with peers. */
  readonly bitswap: boolean;
  readonly serve: ServeRule;
  readonly maxConnections: number;
  /** Of those, what one address may have opened; missing, `null`: half. */
  readonly maxPerAddress?: number | null;
  /** Peer ids that may connect here; none: any. */
  readonly allow: readonly string[];
  /** For one block from all peers, in ms. */
  readonly timeoutMs: number;
  /** For the entry of the thread, where it does more than exchange blocks: plain data. */
  readonly more?: unknown;
}

/** Who this node is among peers: known by its key, reachable, serving. */
export interface Membership {
  /** libp2p `PrivateKey` message. */
  readonly privateKey: Uint8Array;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Multiaddrs that others are told instead; none: those it listens on. */
  readonly announce: readonly string[];
}

export type ToPeersThread =
  /** The port is for what an entry does beside the exchange of blocks. */
  | { readonly type: 'join'; readonly membership: Membership; readonly port?: MessagePort }
  /** Another thread may ask for blocks through this port, see `sources/port-source.ts`. */
  | { readonly type: 'asker'; readonly port: MessagePort }
  | { readonly type: 'close' };

export type FromPeersThread =
  /** It has joined and listens here. */
  | { readonly type: 'joined'; readonly addresses: readonly string[] }
  | { readonly type: 'failed'; readonly error: ErrorData }
  | { readonly type: 'log'; readonly line: string; readonly fields: object };
