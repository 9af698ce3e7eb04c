import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';

/** Rounds of looking, since what is found may be starting others meanwhile. */
const MAX_ROUNDS = 5;
/** Processes looked at in one round, and at the same time. */
const MAX_LOOKED_AT = 4_096;
const AT_ONCE = 8;

/**
 * Ends processes that carry this mark in the environment they were started with, wherever they moved to. Only Linux tells;
 * one that cleans its environment, or runs as somebody else, is not found. Never rejects.
 * @param mark the whole entry, `NAME=value`; unique
 * @param after number of the process they come from: what was started later has a larger one, until numbers begin anew
 */
export async function killMarked(mark: string, after: number): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const numbers = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > after);
    const waiting = numbers.slice(0, MAX_LOOKED_AT);
    let found = false;
    const look = async (): Promise<void> => {
      for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
        const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
        if (!environment.split('\0').includes(mark)) continue;
        found = kill(pid) || found;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, look));
    if (!found) return;
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    // It is gone already, or somebody else's.
    return false;
  }
}
