import type { PeerId } from '@libp2p/interface';
import { createHost, type HostInit } from '../store/peers/host.ts';
import { signerOf } from '../store/peers/signing-key.ts';
import { createBanishment } from './banishment.ts';
import { createDirectGuard, type DirectGuardInit } from './direct-guard.ts';
import { createGossip, type Gossip } from './gossip.ts';
import { createGossipGuard, type GossipGuardInit } from './gossip-guard.ts';
import { createSwarm, type GossipHost, type HostSwarm } from './host-swarm.ts';
import { PBFT_PROTOCOL } from './swarm.ts';

export interface SwarmHostInit
  extends Pick<HostInit, 'listen' | 'announce' | 'maxConnections' | 'maxPerAddress' | 'allow'>,
    GossipGuardInit,
    DirectGuardInit {
  readonly log: (line: string, fields?: object) => void;
  /** libp2p `PrivateKey` message of an Ed25519 key. */
  readonly privateKey: Uint8Array;
}

export interface SwarmHost {
  /** Not started. */
  readonly host: GossipHost;
  readonly swarm: HostSwarm;
}

/** Makes the libp2p host of a head or a worker: the one that serves blocks, with gossipsub, its peers held to a rate. */
export async function createSwarmHost(init: SwarmHostInit): Promise<SwarmHost> {
  const hangUp = (peer: PeerId): void => {
    // The stream of a flood takes no polite goodbye.
    for (const connection of host.getConnections(peer)) connection.abort(new Error('this node lets you go'));
  };
  const { privateKey, log, maxConnections, allow } = init;
  const banishment = createBanishment({ hangUp, log });
  const gossipGuard = createGossipGuard(banishment, init);
  const guard = createDirectGuard(banishment, init);
  const host: GossipHost = await createHost<{ pubsub: Gossip }>({
    ...init,
    shunned: banishment.isShunned,
    passing: (protocol) => protocol.startsWith(PBFT_PROTOCOL),
    services: { pubsub: await createGossip(gossipGuard) },
  });
  host.addEventListener('peer:disconnect', ({ detail }) => {
    for (const one of [gossipGuard, guard]) one.forget(detail.toString());
  });
  return { host, swarm: createSwarm({ host, sign: signerOf(privateKey), guard }, { log, maxConnections, allow }) };
}
