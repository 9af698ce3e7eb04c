import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { isThere } from '../core/folder.ts';
import { watchInterrupt } from './interrupt.ts';
import { findRoot } from './local/find-root.ts';
import { LOCAL_ROLES, type LocalRole, logPath } from './local/role.ts';
import { showLogs } from './local/show-logs.ts';
import type { AddCommand } from './program.ts';

const EXAMPLES = `
Examples:
  $ inferbase logs                  the last 100 lines of all
  $ inferbase logs -f               and what they say from now on, until Ctrl-C
  $ inferbase logs worker -n 1000
  $ inferbase logs --json           {"role":"head","line":"…"} a line

Works in the folder of the project, or any below it.
The files are nodes/ROLE/log.txt; what was said before the last start, or before 8 MiB, is in nodes/ROLE/log.old.txt.

Exit codes: 0 shown (also when ended by Ctrl-C), 1 there are no logs here, 2 wrong usage.`;

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: string;
  readonly json?: boolean;
}

/** `logs [ROLE]`: what the processes of this project say. */
export const addLogs: AddCommand = (program) => {
  program
    .command('logs')
    .description('Show what head, worker and model server of this project say.')
    .argument('[role]', 'head, worker or model (default: all)')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('-n, --lines <n>', 'how many lines of what was said before', '100')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', EXAMPLES)
    .action(async (named: string | undefined, { follow = false, json = false, lines }: LogsOptions) => {
      const { signal } = watchInterrupt();
      const roles = LOCAL_ROLES.filter((role) => named === undefined || role === named);
      if (roles.length === 0) throw invalid(`${named} is none of ${LOCAL_ROLES.join(', ')}; name one of them, or none`);
      if (!/^\d{1,6}$/.test(lines)) throw invalid(`--lines ${lines} is no number of lines; give one such as 100`);
      const { root, where } = await findRoot(process.cwd());
      if (!(await hasLogs(root, roles))) {
        const message = `there are no logs of ${roles.join(', ')}${where}; inferbase run starts what writes them`;
        throw new InferbaseError('ERR_INVALID_REQUEST', message);
      }
      await showLogs(root, roles, { lines: Number(lines), follow, json, signal });
    });
};

async function hasLogs(root: string, roles: readonly LocalRole[]): Promise<boolean> {
  const found = await Promise.all(roles.map((role) => isThere(logPath(root, role))));
  return found.includes(true);
}

function invalid(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_SETTING', message);
}
