import { join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import type { PeerView, WorkerNetwork } from '../core/work.ts';
import { createKeptResults } from '../services/kept-results/kept-results.ts';
import { createHead, type Head } from './head.ts';

export interface OpenHead extends Omit<Head, 'close'> {
  /** Ends requests under way with `ERR_CLOSED`, and writes the results that are not on disk yet. */
  close(): Promise<void>;
}

/** A head with these settings, whose results outlive it in the data folder. */
export function openHead(
  components: {
    readonly peerId: string;
    readonly network: WorkerNetwork;
    readonly peers: () => Promise<readonly PeerView[]>;
    readonly log: (line: string, fields?: object) => void;
  },
  { dataDir, work }: Pick<Settings, 'dataDir' | 'work'>,
): OpenHead {
  const { peerId, network, peers, log } = components;
  const results = createKeptResults({ folder: join(dataDir, 'results'), log });
  const head = createHead({ peerId, network, results }, work);
  return {
    ...head,
    peers,
    async close() {
      head.close();
      await results.close();
    },
  };
}
