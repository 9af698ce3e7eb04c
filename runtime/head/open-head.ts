import { join } from 'node:path';
import { consensusOf, type Settings } from '../config/settings.ts';
import type { PeerView, WorkerNetwork } from '../core/work.ts';
import type { Identity } from '../services/identity.ts';
import { createKeptResults } from '../services/kept-results/kept-results.ts';
import { createHead, type Head } from './head.ts';

export interface OpenHead extends Omit<Head, 'close'> {
  /** Ends requests under way with `ERR_CLOSED`, and writes the results that are not on disk yet. */
  close(): Promise<void>;
}

/** A head with these settings, whose results outlive it in the data folder. */
export function openHead(
  components: {
    readonly identity: Pick<Identity, 'peerId' | 'sign'>;
    readonly network: WorkerNetwork;
    readonly peers: () => Promise<readonly PeerView[]>;
    readonly log: (line: string, fields?: object) => void;
  },
  settings: Pick<Settings, 'dataDir' | 'role' | 'work'>,
): OpenHead {
  const { identity, network, peers, log } = components;
  const { dataDir, work } = settings;
  const results = createKeptResults({ folder: join(dataDir, 'results'), log });
  const sign = (text: string): string => Buffer.from(identity.sign(Buffer.from(text))).toString('hex');
  const { peerId } = identity;
  const head = createHead({ peerId, network, results, sign }, { ...work, consensus: consensusOf(settings) });
  return {
    ...head,
    peers,
    async close() {
      await head.close();
      await results.close();
    },
  };
}
