import { join } from 'node:path';
import type { Settings } from './settings.ts';

/** Path of the node's key file. */
export function keyPath({ keyFile, dataDir }: Pick<Settings, 'keyFile' | 'dataDir'>): string {
  return keyFile ?? join(dataDir, 'keys', 'priv.bin');
}
