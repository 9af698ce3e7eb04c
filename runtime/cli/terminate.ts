import process from 'node:process';
import { throwIfInterrupted, watchInterrupt } from './interrupt.ts';
import { endProcess } from './local/end-process.ts';
import { findRoot } from './local/find-root.ts';
import { awaitFree } from './local/places.ts';
import { type ProcessRecord, removeRecord } from './local/record.ts';
import type { LocalRole } from './local/role.ts';
import { alive, readRecords } from './local/state.ts';
import { underLock } from './local/under-lock.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { print, printError } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase terminate
  $ inferbase terminate --json        {"ended":[{"role":"head","pid":4711,"how":"ended"},…]}

Each is told to end (SIGTERM), and lets its requests end; one that takes more than ten seconds is killed. Only what
inferbase run started in this project is signalled, whatever else has its number meanwhile. Data and logs stay.

Exit codes: 0 nothing runs any more, 1 something cannot be ended, 130 interrupted.`;

/** First who takes requests, last who is asked by others. */
const ORDER: readonly LocalRole[] = ['head', 'worker', 'model'];

/** `terminate`: ends what `run` started. */
export const addTerminate: AddCommand = (program) => {
  program
    .command('terminate')
    .description('End head, worker and model server of this project.')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json = false }: { json?: boolean }) => {
      const { signal } = watchInterrupt();
      const { root, where } = await findRoot(process.cwd());
      if (Object.keys(await readRecords(root)).length === 0) {
        print(json ? JSON.stringify({ ended: [] }) : `nothing runs${where}`);
        return;
      }
      const ended = await underLock(root, signal, async () => {
        const records = await readRecords(root);
        const running = alive(records);
        const told: { role: LocalRole; pid: number; how: string }[] = [];
        for (const role of ORDER) {
          throwIfInterrupted(signal);
          const record = running[role];
          if (record !== undefined) told.push({ role, pid: record.pid, how: await end(role, record, json) });
          await removeRecord(root, role);
        }
        return told;
      });
      if (json) print(JSON.stringify({ ended }));
      else if (ended.length === 0) print(`nothing runs${where}; what ran has ended by itself`);
    });
};

async function end(role: LocalRole, record: ProcessRecord, quiet: boolean): Promise<string> {
  const how = await step(
    `ending the ${role}`,
    () => endProcess(record),
    (ending) => `${role} ${ending === 'killed' ? 'did not end and was killed' : 'ended'} (pid ${record.pid})`,
    { quiet },
  );
  for (const address of await awaitFree(record)) printError(`warning: somebody else listens on ${address} now`);
  return how;
}
