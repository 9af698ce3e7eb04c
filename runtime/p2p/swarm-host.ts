import type { PeerId } from '@libp2p/interface';
import { createHost, type HostInit } from '../store/peers/host.ts';
import { signerOf } from '../store/peers/signing-key.ts';
import { createGossip, type Gossip } from './gossip.ts';
import { createGossipGuard, type GossipGuardInit } from './gossip-guard.ts';
import { createSwarm, type GossipHost, type HostSwarm } from './host-swarm.ts';
import { PBFT_PROTOCOL } from './swarm.ts';

export interface SwarmHostInit
  extends Pick<HostInit, 'listen' | 'announce' | 'maxConnections' | 'allow'>,
    Pick<GossipGuardInit, 'trusted' | 'log' | 'perSecond' | 'patienceMs'> {
  /** libp2p `PrivateKey` message of an Ed25519 key. */
  readonly privateKey: Uint8Array;
}

export interface SwarmHost {
  /** Not started. */
  readonly host: GossipHost;
  readonly swarm: HostSwarm;
}

/** Makes the libp2p host of a head or a worker: the one that serves blocks, with gossipsub, its neighbours held to a rate. */
export async function createSwarmHost(init: SwarmHostInit): Promise<SwarmHost> {
  const hangUp = (peer: PeerId): void => {
    // The stream of a flood takes no polite goodbye.
    for (const connection of host.getConnections(peer)) connection.abort(new Error('this node lets you go'));
  };
  const guard = createGossipGuard({ ...init, hangUp });
  const host: GossipHost = await createHost<{ pubsub: Gossip }>({
    ...init,
    shunned: guard.isShunned,
    passing: (protocol) => protocol.startsWith(PBFT_PROTOCOL),
    services: { pubsub: await createGossip(guard) },
  });
  host.addEventListener('peer:disconnect', ({ detail }) => guard.forget(detail.toString()));
  const { privateKey, log, maxConnections, allow } = init;
  return { host, swarm: createSwarm({ host, sign: signerOf(privateKey) }, { log, maxConnections, allow }) };
}
