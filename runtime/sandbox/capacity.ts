import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** A parked guest takes up to five memory maps; past the kernel's number V8 aborts the process and nothing catches it. */
const MAPS_PER_EXECUTION = 5;
/** Share of the maps that executions may use; the rest is V8's own and the program's. */
const MAPS_SHARE = 0.5;
/** What a live execution may take beside its linear memory: its stack if it waits deep down, its buffers. */
const BYTES_PER_EXECUTION = 1024 * 1024;

/** Linear memory that all live executions may have together: half of the machine's, in bytes. */
export function memoryCapacity(): number {
  return Math.floor(totalmem() / 2);
}

/**
 * Most executions this machine carries at once.
 * @param asked the operator's number
 * @returns `asked`, or less where the kernel's map count or the memory is small
 */
export function executionCapacity(asked: number): number {
  const maps = Math.floor((maxMapCount() * MAPS_SHARE) / MAPS_PER_EXECUTION);
  const memory = Math.floor(totalmem() / 2 / BYTES_PER_EXECUTION);
  return Math.max(1, Math.min(asked, maps, memory));
}

function maxMapCount(): number {
  try {
    const count = Number.parseInt(readFileSync('/proc/sys/vm/max_map_count', 'utf8'), 10);
    return Number.isNaN(count) ? 65_530 : count;
  } catch {
    // Not Linux: no such limit is known, Linux's default is a fair guess.
    return 65_530;
  }
}
