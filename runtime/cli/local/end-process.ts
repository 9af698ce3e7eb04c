import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessRecord } from './record.ts';

/** Longer than a node takes that lets its requests end first. */
const GRACE_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** How a process came to its end: it was gone before, it ended when told to, or it had to be killed. */
export type Ending = 'gone' | 'ended' | 'killed';

/**
 * Ends the process that a record is of, with what it started in its group: SIGTERM, and SIGKILL where it goes on. A
 * process that merely has the same number is never signalled.
 * @param graceMs how long it may take to end by itself
 */
export async function endProcess(record: ProcessRecord, graceMs = GRACE_MS): Promise<Ending> {
  if (!signal(record, 'SIGTERM')) return 'gone';
  if (await isGoneWithin(record, graceMs)) return 'ended';
  signal(record, 'SIGKILL');
  await isGoneWithin(record, GRACE_MS);
  return 'killed';
}

/** Its group has its number: it was started as a leader. */
function signal(record: ProcessRecord, name: NodeJS.Signals): boolean {
  if (!isAlive(record)) return false;
  try {
    process.kill(-record.pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function isGoneWithin(record: ProcessRecord, ms: number): Promise<boolean> {
  for (const until = Date.now() + ms; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
    if (!isAlive(record)) return true;
  }
  return !isAlive(record);
}
