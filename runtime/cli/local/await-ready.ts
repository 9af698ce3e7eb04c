import { setTimeout as sleep } from 'node:timers/promises';
import { InferbaseError } from '../../core/errors.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { lastLines } from './last-lines.ts';
import type { StartedProcess } from './start-process.ts';

const LOOK_EVERY_MS = 50;
/** A machine with much to do takes its time. */
const PATIENCE_MS = 60_000;

/**
 * Waits until a process is ready.
 * @param whyNot says why it is not, or `null`
 * @throws InferbaseError with the last lines of its log when it ends, or takes too long; `ERR_CANCELLED` when `signal`
 *   aborts
 */
export async function awaitReady(
  root: string,
  { role, exit }: Pick<StartedProcess, 'role' | 'exit'>,
  whyNot: () => Promise<string | null>,
  signal: AbortSignal,
): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(LOOK_EVERY_MS)) {
    throwIfInterrupted(signal);
    const why = exit() === undefined ? await whyNot() : '';
    // After it was asked: else whoever has its port meanwhile may have answered.
    const ended = exit();
    if (ended === undefined && why === null) return;
    if (ended === undefined && Date.now() < until) continue;
    const what = ended === undefined ? `is not ready: ${why}` : `ended with ${ended} before it was ready`;
    throw new InferbaseError('ERR_INTERNAL', `the ${role} ${what}; correct what its log says`, {
      details: await lastLines(root, role),
    });
  }
}
