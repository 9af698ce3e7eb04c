import type { Libp2p } from '@libp2p/interface';
import { InferbaseError, messageOf } from '../../core/errors.ts';
import { parseTcpAddress } from '../../core/multiaddr.ts';
import type { BlockFolder } from '../block-folder.ts';
import { keepConnections } from './connections.ts';
import { createExchange, type Exchange } from './exchange.ts';
import { forgetStrangers } from './forget-strangers.ts';
import { createHost, type HostInit } from './host.ts';
import type { Membership, PeersThreadData } from './protocol.ts';
import { createServedBlocks } from './served-blocks.ts';

/** A libp2p host that speaks bitswap and keeps its connections. */
export interface PeerNode extends Pick<Exchange, 'ask'> {
  /** Multiaddrs it can be reached at, with its peer id. */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

/** A host with what it does beside the exchange of blocks. */
export interface MadeHost {
  /** Not started. */
  readonly host: Libp2p;
  /** It is up. */
  started(): void;
  /** Before the host stops. */
  stop(): Promise<void>;
}

/**
 * Starts the node.
 * @param components.makeHost makes the host of a member, where it is to do more than exchange blocks
 * @param membership `null`: a passing identity that only dials and serves nothing
 * @throws InferbaseError `ERR_INVALID_SETTING` when it cannot listen
 */
export async function startPeerNode(
  components: {
    folder: BlockFolder;
    pinsPath: string;
    log: (line: string, fields?: object) => void;
    makeHost?: ((init: HostInit) => Promise<MadeHost>) | undefined;
  },
  init: Pick<
    PeersThreadData,
    'connect' | 'bitswap' | 'serve' | 'maxConnections' | 'maxPerAddress' | 'allow' | 'timeoutMs'
  >,
  membership: Membership | null,
): Promise<PeerNode> {
  const { log } = components;
  const { privateKey, listen, announce } = membership ?? { privateKey: null, listen: [], announce: [] };
  const make = (membership === null ? undefined : components.makeHost) ?? makeHost;
  const { maxConnections, maxPerAddress = null, allow } = init;
  const made = await make({ privateKey, listen, announce, maxConnections, maxPerAddress, allow });
  const { host } = made;
  const served = createServedBlocks(components, { serve: membership === null ? 'none' : init.serve, log });
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
  let missing = (): readonly string[] => [];
  const waiting = { settled, missing: () => missing() };
  const exchange = init.bitswap
    ? await createExchange({ host, served }, { timeoutMs: init.timeoutMs, log, ...waiting })
    : null;
  try {
    await host.start();
  } catch (error) {
    await made.stop();
    await host.stop();
    throw cannotListen(listen, error);
  }
  made.started();
  const named = new Set(init.connect.map((address) => parseTcpAddress(address)?.peerId ?? ''));
  // Nodes often share one list, with themselves in it.
  const others = init.connect.filter((address) => parseTcpAddress(address)?.peerId !== host.peerId.toString());
  const connections = keepConnections({ host }, { connect: others, log });
  missing = connections.missing;
  const stopForgetting = forgetStrangers({ host }, named);
  void connections.settled.then(settle);
  return {
    ask: exchange?.ask ?? noExchange,
    addresses: host.getMultiaddrs().map(String),
    async stop() {
      connections.stop();
      stopForgetting();
      settle();
      await exchange?.stop();
      await made.stop();
      await host.stop();
    },
  };
}

async function makeHost(init: HostInit): Promise<MadeHost> {
  return { host: await createHost(init), started: () => {}, stop: async () => {} };
}

async function noExchange(): Promise<never> {
  throw new InferbaseError('ERR_SOURCE_UNAVAILABLE', 'peers are not asked for blocks: peers.enabled is false');
}

function cannotListen(listen: readonly string[], error: unknown): InferbaseError {
  // A page of advice with the system's errors in it.
  const text = messageOf(error);
  const why = [...text.matchAll(/\b(?:listen|bind) (E[A-Z]+[^\n]*)/g)].map(([, one]) => one).join('; ') || text;
  return new InferbaseError(
    'ERR_INVALID_SETTING',
    `peers.listen: ${listen.join(', ')} cannot be listened on (${why}); give free addresses of this machine`,
    { cause: error },
  );
}
