import { type MessagePort, workerData } from 'node:worker_threads';
import { toErrorData } from '../../core/errors.ts';
import { createLineBudget } from '../../telemetry/line-budget.ts';
import { type AtomicFiles, createAtomicFiles } from '../atomic-file.ts';
import { createBlockFolder } from '../block-folder.ts';
import { createLayout, type Layout } from '../layout.ts';
import { serveSource } from '../sources/port-source.ts';
import type { HostInit } from './host.ts';
import { type MadeHost, type PeerNode, startPeerNode } from './node.ts';
import type { FromPeersThread, Membership, PeersThreadData, ToPeersThread } from './protocol.ts';

/** What an entry of the thread has to do more with. */
export interface HostThread {
  readonly data: PeersThreadData;
  readonly layout: Layout;
  readonly files: AtomicFiles;
  readonly log: (line: string, fields?: object) => void;
}

/** Makes the host of a member. @param port to whoever had it join, where that gave one */
export type MakeHost = (init: HostInit, port: MessagePort | undefined) => Promise<MadeHost>;

/**
 * The work of the thread that speaks libp2p: what peers send is decrypted, read and hashed here, so that neither HTTP nor
 * the preparation of functions waits for it. The libraries are loaded when the node joins, or at the first question.
 * @param extend says how the host of a member is made, where it is to do more than exchange blocks
 */
export function serveHostThread(
  parent: MessagePort,
  extend: (thread: HostThread) => MakeHost | undefined = () => undefined,
): void {
  const data = workerData as PeersThreadData;
  const post = (message: FromPeersThread): void => parent.postMessage(message);
  const log = boundedLog((line, fields) => post({ type: 'log', line, fields }));
  const layout = createLayout(data.dataDir);
  const files = createAtomicFiles({ tmpDir: layout.tmp, owner: data.owner, onStep: () => {} });
  const folder = createBlockFolder({ files, layout }, { log });
  const make = extend({ data, layout, files, log });

  let node: Promise<PeerNode> | undefined;

  async function start(
    before: Promise<PeerNode> | undefined,
    membership: Membership | null,
    port?: MessagePort,
  ): Promise<PeerNode> {
    await (await before?.catch(() => undefined))?.stop();
    const makeHost = make && ((init: HostInit) => make(init, port));
    return await startPeerNode({ folder, pinsPath: layout.pins, log, makeHost }, data, membership);
  }

  async function join({ membership, port }: ToPeersThread & { type: 'join' }): Promise<void> {
    node = start(node, membership, port);
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
    if (message.type === 'join') void join(message);
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
}

/** Lines of the log that one peer may cause in a minute, and all of them: a stranger comes under as many names as it likes. */
const PEER_LINES = { lines: 30, windowMs: 60_000 } as const;
const PEERS_LINES = { lines: 600, windowMs: 60_000 } as const;

function boundedLog(write: (line: string, fields: object) => void): HostThread['log'] {
  const ofAll = createLineBudget(write, PEERS_LINES);
  const ofOne = createLineBudget((line, fields) => ofAll('', line, fields), PEER_LINES);
  return (line, fields = {}) => {
    const { peer } = fields as { readonly peer?: unknown };
    if (typeof peer === 'string') ofOne(peer, line, fields);
    else write(line, fields);
  };
}
