import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package this program belongs to, found from here upwards: sources and builds lie at different depths. */
export function findPackage(): { readonly root: string; readonly version: string } {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dirname(dir) !== dir; dir = dirname(dir)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
      if (name === 'inferbase') return { root: dir, version: String(version) };
    } catch {
      // Not in this folder.
    }
  }
  throw new Error('package.json of inferbase is missing; install it again');
}
