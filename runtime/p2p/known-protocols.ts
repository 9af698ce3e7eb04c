import type { Libp2p, Peer, PeerStore } from '@libp2p/interface';

/**
 * libp2p writes to the peer store with every stream that the peer speaks its protocol: read, decoded, compared, encoded.
 * On a wire that takes a stream for each message that is a seventh of all work. Here each protocol of a peer is written
 * once, for as long as it is connected.
 */
export function rememberProtocols(host: Pick<Libp2p, 'peerStore' | 'addEventListener'>): void {
  const { peerStore } = host;
  const known = new Map<string, Map<string, Peer>>();
  const merge: PeerStore['merge'] = peerStore.merge.bind(peerStore);

  peerStore.merge = async (peerId, data, options) => {
    const [protocol, ...more] = data.protocols ?? [];
    if (protocol === undefined || more.length > 0 || Object.keys(data).length > 1) {
      return await merge(peerId, data, options);
    }
    const id = peerId.toString();
    const before = known.get(id)?.get(protocol);
    if (before !== undefined) return before;
    const peer = await merge(peerId, data, options);
    known.set(id, (known.get(id) ?? new Map<string, Peer>()).set(protocol, peer));
    return peer;
  };
  host.addEventListener('peer:disconnect', ({ detail }) => known.delete(detail.toString()));
}
