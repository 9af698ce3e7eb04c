import type { Libp2p, Peer } from '@libp2p/interface';

/**
 * Spares the peer store of a host what libp2p asks of it for every stream: to note that the peer speaks the protocol of
 * that stream. While a peer stays connected it is noted once; reading, decoding and comparing the peer each time would
 * cost as much as a small message.
 * @param passing whether a protocol comes and goes: noted, those of a peer would be ever more
 */
export function noteProtocolsOnce(
  host: Pick<Libp2p, 'peerStore' | 'addEventListener'>,
  passing: (protocol: string) => boolean = () => false,
): void {
  const { peerStore } = host;
  const noted = new Map<string, { peer: Peer; readonly protocols: Set<string> }>();
  const { merge } = peerStore;
  peerStore.merge = async (id, data, options) => {
    const [protocol, ...others] = data.protocols ?? [];
    if (protocol === undefined || others.length > 0 || Object.keys(data).length > 1) {
      return await merge.call(peerStore, id, data, options);
    }
    const name = id.toString();
    const known = noted.get(name);
    if (known?.protocols.has(protocol)) return known.peer;
    if (passing(protocol)) return known?.peer ?? (await merge.call(peerStore, id, {}, options));
    const peer = await merge.call(peerStore, id, data, options);
    noted.set(name, { peer, protocols: new Set([...(known?.protocols ?? []), protocol]) });
    return peer;
  };
  host.addEventListener('peer:disconnect', ({ detail }) => noted.delete(detail.toString()));
}
