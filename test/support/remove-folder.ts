import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

const removed = new Set<string>();

function removeAll(): void {
  for (const path of removed) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // Somebody still writes there, whom the test runner will tell of.
    }
  }
}

/**
 * Removes a folder of a test with all that is in it, and once more when this process ends: a node that is ended after its
 * folder may be in the middle of a file, or make one. Never rejects.
 */
export async function removeFolder(path: string): Promise<void> {
  if (removed.size === 0) process.once('exit', removeAll);
  removed.add(path);
  await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
}
