import { randomUUID } from 'node:crypto';
import process from 'node:process';
import type { ProcessGroups } from '../services/cgi/process-groups.ts';
import { killMarked } from './escaped-processes.ts';

/** Where programs are looked up when we were started without a `PATH`. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Process groups that do not outlive this process, however it exits; only a signal that cannot be caught prevents it. */
export function createProcessGroups(): ProcessGroups {
  const leaders = new Set<number>();
  const kill = (leader: number): void => {
    if (!leaders.has(leader)) return;
    try {
      process.kill(-leader, 'SIGKILL');
    } catch {
      // None is left.
    }
  };
  const killAll = (): void => {
    for (const leader of leaders) kill(leader);
  };
  return {
    path: process.env.PATH || DEFAULT_PATH,
    variable: (name) => process.env[name],
    mark: () => ['INFERBASE_EXTENSION', randomUUID()],
    adopt(leader, [name, value]) {
      if (leaders.size === 0) process.on('exit', killAll);
      leaders.add(leader);
      return {
        kill: () => kill(leader),
        killEscaped: () => killMarked(`${name}=${value}`, leader),
        forget: () => {
          if (leaders.delete(leader) && leaders.size === 0) process.off('exit', killAll);
        },
      };
    },
  };
}
