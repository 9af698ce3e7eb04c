import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { parseTcpAddress } from '../core/multiaddr.ts';
import { serveHostThread } from '../store/peers/host-thread.ts';
import { collectAfterBursts } from './collect-after-bursts.ts';
import { openMetPeers } from './met-peers.ts';
import { createHostSide } from './port/host-side.ts';
import { startProtocols, type WorkData } from './protocols.ts';
import { createSwarmHost } from './swarm-host.ts';

/**
 * Entry of the thread of the libp2p host of a head or a worker: it serves blocks as a solo node's does, on the same host,
 * and speaks with workers and heads. What is said is encoded and signed here; the front thread gets values.
 */
if (parentPort === null) throw new Error('This file runs as a worker thread only.');
serveHostThread(parentPort, ({ data, layout, files, log }) => {
  const work = data.more as WorkData;
  const kept = new Set(data.connect.flatMap((address) => parseTcpAddress(address)?.peerId ?? []));
  const trusted = new Set([...kept, ...work.heads]);
  return async (init, port) => {
    if (port === undefined) throw new Error('a head and a worker need a port to the front thread');
    const { privateKey } = init;
    if (privateKey === null) throw new Error('a head and a worker need a key that they keep');
    const { host, swarm } = await createSwarmHost({ ...init, privateKey, trusted, log });
    const side = createHostSide(port, log);
    const path = join(layout.dataDir, 'peers.json');
    const met = await openMetPeers({ host, files }, { path, kept, log });
    side.show(swarm.peers);
    const protocols = await startProtocols({ swarm, side }, { ...work, trusted, log });
    const stopCollecting = collectAfterBursts({ host });
    return {
      host,
      started: () => void met.dialBack(),
      async stop() {
        stopCollecting();
        protocols.stop();
        side.close();
        swarm.stop();
        await met.stop();
      },
    };
  };
});
