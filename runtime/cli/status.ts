import process from 'node:process';
import { createColours } from './colour.ts';
import { EXIT, ExitError } from './exit.ts';
import { type FoundRoot, findRoot } from './local/find-root.ts';
import { isAlive, type ProcessRecord } from './local/record.ts';
import { LOCAL_ROLES, type LocalRole } from './local/role.ts';
import { type LocalRecords, readRecords, type SeenWorkers, seenWorkers, whyNotReady } from './local/state.ts';
import type { AddCommand } from './program.ts';
import { count, print, printable } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase status
  $ inferbase status --json        {"project":"/…","processes":[{"role":"head","running":true,"pid":4711,…},…]}
Works in the folder of the project, or any below it.

Exit codes: 0 all that inferbase run started is up, 1 something is down or not ready, 3 nothing runs here.`;

/** What is told of one process. */
interface Told extends Omit<ProcessRecord, 'version' | 'birth' | 'options'> {
  readonly role: LocalRole;
  readonly running: boolean;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason: string | null;
  /** Of a head: the peer ids of the workers it sees, by topic. */
  readonly workers?: SeenWorkers;
}

/** `status`: how the processes of this project are. */
export const addStatus: AddCommand = (program) => {
  program
    .command('status')
    .description('Tell how head, worker and model server of this project are.')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json = false }: { json?: boolean }) => {
      const found = await findRoot(process.cwd());
      const records = await readRecords(found.root);
      const told: Told[] = [];
      for (const role of LOCAL_ROLES) {
        const expected = role !== 'model' && Object.values(records).some(isAlive);
        if (records[role] !== undefined) told.push(await tell(role, records[role], records));
        else if (expected) told.push({ ...NOTHING, role, reason: 'it was not started' });
      }
      if (json) print(JSON.stringify({ project: found.root, processes: told }));
      else show(told, found);
      if (told.every(({ ready }) => ready) && told.length > 0) return;
      throw new ExitError(told.some(({ running }) => running) ? EXIT.failure : EXIT.nothingRuns);
    });
};

const NOTHING = {
  running: false,
  ready: false,
  pid: 0,
  since: '',
  url: null,
  p2p: null,
  peerId: null,
  topics: [],
};

async function tell(role: LocalRole, record: ProcessRecord, records: LocalRecords): Promise<Told> {
  const { pid, since, url, p2p, peerId, topics } = record;
  const running = isAlive(record);
  const reason = running ? await whyNotReady(role, records) : 'it has ended; inferbase run starts it again';
  const told = { role, running, ready: reason === null, reason, pid, since, url, p2p, peerId, topics };
  if (role !== 'head' || !told.ready || url === null) return told;
  const asked = records.worker?.topics ?? [];
  return { ...told, workers: await seenWorkers(url, asked).catch(() => ({})) };
}

function show(all: readonly Told[], { root, where }: FoundRoot): void {
  const colours = createColours(process.stdout);
  if (!all.some(({ running }) => running)) {
    print(`nothing runs${where}; inferbase run, in the folder of a project, starts its head, worker and model server`);
  } else if (root !== process.cwd()) {
    print(`project ${root}`);
  }
  for (const { role, running, ready, reason, pid, since, url, p2p, topics, workers = {} } of all) {
    const state = ready ? colours.green('up  ') : running ? colours.yellow('wait') : colours.red('down');
    const parts = [
      url,
      p2p,
      topics.length === 0 ? null : `topic ${topics.join(', ')}`,
      ...Object.entries(workers).map(([topic, peers]) => `sees ${count(peers.length, 'worker')} on topic ${topic}`),
      running ? `pid ${pid} since ${localTime(since)}` : null,
      reason,
    ];
    const [first = '', ...others] = parts.filter((part) => part !== null);
    print(`${role.padEnd(6)} ${state} ${printable(first)}`);
    for (const part of others) print(`            ${colours.dim(printable(part))}`);
  }
}

/** In this machine's time zone, to the second. */
function localTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString('sv-SE');
}
