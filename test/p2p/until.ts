import { setTimeout } from 'node:timers/promises';

/** Waits until it is true; the limit is only a guard against waiting for ever. */
export async function until(holds: () => boolean, what = 'what was waited for'): Promise<void> {
  const late = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > late) throw new Error(`never came: ${what}`);
    await setTimeout(5);
  }
}
