import { parentPort, workerData } from 'node:worker_threads';
import { toErrorData } from '../../core/errors.ts';
import { createAtomicFiles } from '../atomic-file.ts';
import { createBlockFolder } from '../block-folder.ts';
import { createLayout } from '../layout.ts';
import { serveSource } from '../sources/port-source.ts';
import { type PeerNode, startPeerNode } from './node.ts';
import type { FromPeersThread, Membership, PeersThreadData, ToPeersThread } from './protocol.ts';

/**
 * Entry of the thread that speaks libp2p: what peers send is decrypted, read and hashed here, so that neither HTTP nor
 * the preparation of functions waits for it. The libraries are loaded when the node joins, or at the first question.
 */
if (parentPort === null) throw new Error('This file runs as a worker thread only.');
const parent = parentPort;
const data = workerData as PeersThreadData;

const post = (message: FromPeersThread): void => parent.postMessage(message);
const log = (line: string, fields: object = {}): void => post({ type: 'log', line, fields });
const layout = createLayout(data.dataDir);
const files = createAtomicFiles({ tmpDir: layout.tmp, owner: data.owner, onStep: () => {} });
const folder = createBlockFolder({ files, layout }, { log });

let node: Promise<PeerNode> | undefined;

async function start(before: Promise<PeerNode> | undefined, membership: Membership | null): Promise<PeerNode> {
  await (await before?.catch(() => undefined))?.stop();
  return await startPeerNode({ folder, pinsPath: layout.pins, log }, data, membership);
}

async function join(membership: Membership): Promise<void> {
  node = start(node, membership);
  try {
    const { addresses } = await node;
    post({ type: 'joined', addresses });
  } catch (error) {
    node = undefined;
    post({ type: 'failed', error: toErrorData(error) });
  }
}

async function close(): Promise<void> {
  try {
    await (await node)?.stop();
  } catch (error) {
    log('the libp2p host did not stop cleanly', { error: String(error) });
  }
  parent.close();
}

parent.on('message', (message: ToPeersThread) => {
  if (message.type === 'join') void join(message.membership);
  else if (message.type === 'close') void close();
  else {
    serveSource(message.port, {
      name: 'peers',
      async fetchBlock(cid, { signal }) {
        node ??= start(undefined, null);
        return await (await node).ask(cid, signal);
      },
    });
  }
});
