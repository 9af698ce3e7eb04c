import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A process that writes, as far as waiting for what it writes goes. */
export interface Writing {
  readonly stdout: Readable;
  /** What is compared, of all that came so far. */
  text(): string;
  /** Resolves when it has ended. */
  readonly finished: Promise<{ readonly code: number | null }>;
  /** All it wrote, for the error. */
  all(): string;
}

/** Only a guard against waiting for ever: what was written is told then. In ms. */
const LONGEST_MS = 90_000;

/**
 * Waits until what a process wrote matches.
 * @throws Error with all it wrote when it ends before, or does not get there
 */
export async function untilWritten(process: Writing, pattern: RegExp): Promise<RegExpExecArray> {
  const late = AbortSignal.timeout(LONGEST_MS);
  for (;;) {
    const match = pattern.exec(process.text());
    if (match !== null) return match;
    const more = once(process.stdout, 'data', { signal: late }).then(() => undefined);
    const ended = await Promise.race([process.finished, more]).catch(() => 'late' as const);
    if (ended === undefined || pattern.test(process.text())) continue;
    const how = ended === 'late' ? `nothing matched ${pattern}` : `it ended with ${ended.code} before ${pattern}`;
    throw new Error(`${how}:\n${process.all()}`);
  }
}
