import { throwIfInterrupted } from '../interrupt.ts';
import { step } from '../progress.ts';
import { awaitReady } from './await-ready.ts';
import type { LocalPlan } from './plan.ts';
import { isAlive, type ProcessRecord } from './record.ts';
import { LOCAL_ROLES, type LocalRole } from './role.ts';
import { type StartedProcess, startProcess } from './start-process.ts';
import { type LocalRecords, whyNotReady } from './state.ts';

export interface StartOptions {
  /** What runs already: left as it is. */
  readonly running: LocalRecords;
  readonly signal: AbortSignal;
  readonly quiet: boolean;
}

/**
 * Starts what of a plan does not run, one after the other, and waits until all of it is ready. Where that fails, and
 * where `prove` does, what was started is ended again.
 * @param prove sees them work, before they are left alone
 * @returns records of all, and what `prove` returned
 * @throws InferbaseError with the log of the one that failed; `ERR_CANCELLED` when `signal` aborts
 */
export async function startMissing<T>(
  root: string,
  plan: LocalPlan,
  { running, signal, quiet }: StartOptions,
  prove: (records: LocalRecords) => Promise<T>,
): Promise<{ readonly records: LocalRecords; readonly started: readonly LocalRole[]; readonly proof: T }> {
  const records: Partial<Record<LocalRole, ProcessRecord>> = { ...running };
  const started: StartedProcess[] = [];
  const ready = async (role: LocalRole, exit: () => string | undefined): Promise<void> => {
    await awaitReady(root, { role, exit }, () => whyNotReady(role, records), signal);
  };
  try {
    for (const role of LOCAL_ROLES) {
      const start = plan[role];
      const there = records[role];
      if (start === undefined) continue;
      if (there !== undefined) {
        const exit = (): string | undefined => (isAlive(there) ? undefined : 'a signal or an error of its own');
        await step(
          `waiting for the ${role}`,
          () => ready(role, exit),
          () => told(role, there, 'runs already'),
          { quiet },
        );
        continue;
      }
      await step(
        `starting the ${role}`,
        async () => {
          const process = await startProcess(root, start);
          started.push(process);
          records[role] = process.record;
          await ready(role, process.exit);
          return process.record;
        },
        (record) => told(role, record, 'started'),
        { quiet },
      );
    }
    const proof = await prove(records);
    throwIfInterrupted(signal);
    for (const process of started) await process.keep();
    return { records, started: started.map(({ role }) => role), proof };
  } catch (error) {
    for (const process of started.reverse()) await process.end();
    throw error;
  }
}

function told(role: LocalRole, { pid, url, p2p, topics }: ProcessRecord, what: string): string {
  const subscribed = topics.length === 0 ? '' : `, topic ${topics.join(', ')}`;
  return `${role} ${what}: ${url ?? p2p}${subscribed} (pid ${pid})`;
}
