import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { compileFunction } from './compile-function.ts';
import { curlLine, executeBody } from './execute-request.ts';
import { watchInterrupt } from './interrupt.ts';
import { askFirst } from './local/ask-first.ts';
import { checkPlaces, choosePlaces, DEFAULT_PORTS } from './local/places.ts';
import { ownFolder, planProcesses } from './local/plan.ts';
import { findLocalProject, type LocalProject } from './local/project.ts';
import type { LocalOptions } from './local/record.ts';
import { LOCAL_ROLES, type LocalRole } from './local/role.ts';
import { showLogs } from './local/show-logs.ts';
import { startMissing } from './local/start-missing.ts';
import { alive, type LocalRecords, readRecords } from './local/state.ts';
import { underLock } from './local/under-lock.ts';
import { withRuntime } from './open-runtime.ts';
import { storePackage } from './package-function.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { SETTINGS_FILES } from './serve.ts';
import { addSettingsFlags, type CommandSettings, commandSettings } from './settings-flags.ts';
import { print, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase run                       in the folder that inferbase init made
  $ inferbase run --logs                and show what they say; Ctrl-C ends that, not them
  $ inferbase run --listen-api 127.0.0.1:6001 --head-port 9020 --worker-port 9021
  $ inferbase run --upstream model=http://127.0.0.1:8001
  $ inferbase run --json                {"cid":"bafy…","method":"…","url":"http://…","started":["model","head","worker"],…}

Builds the function, starts model-server/server.mjs where upstreams.model.url is on this machine, a head and a worker,
each a process of its own in the background, waits until a request is answered, prints the curl to paste and returns.
What runs already is left as it is and gets the newest build; what is missing is started as it was before. What they
say is in nodes/*/log.txt: inferbase logs. inferbase status tells how they are, inferbase terminate ends them.

Exit codes: 0 they run, 1 something does not build, start or answer: then nothing is left of what was started, 2 wrong
usage or setting, 69 address taken, 73 data folder not writable, 130 interrupted.`;

/** Settings that may be given to `run` itself; all others stand in inferbase.yaml or the environment. */
const KEYS = ['listen.api', 'gateways', 'policy.allow', 'work.topics', 'log.level', 'upstreams'];

interface RunOptions extends Record<string, unknown> {
  readonly logs?: boolean;
  readonly json?: boolean;
}

/** `run`: a head and a worker of this project in the background. */
export const addRun: AddCommand = (program) => {
  const command = program
    .command('run')
    .description('Start head, worker and model server of this project on this machine, in the background.')
    .option('--logs', 'show what they say until Ctrl-C')
    .option('--head-port <n>', `port of the head for peers; 0 for any free one (default: ${DEFAULT_PORTS.head})`)
    .option('--worker-port <n>', `the same of the worker (default: ${DEFAULT_PORTS.worker})`)
    .option('--no-model', 'do not start the model server of the project')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, KEYS).action(async ({ logs = false, json = false, ...given }: RunOptions) => {
    const { signal } = watchInterrupt();
    const root = process.cwd();
    const told = await start(await findLocalProject(root), given, { signal, quiet: json });
    if (json) {
      print(JSON.stringify(told));
    } else {
      const me = program.name();
      print(`\nThe same request to paste:\n\n${told.curl}\n`);
      print(`They run in the background: ${me} status, ${me} logs -f, ${me} terminate.`);
    }
    if (logs) await showLogs(root, LOCAL_ROLES, { lines: 20, follow: true, json, signal });
  });
};

interface Watched {
  readonly signal: AbortSignal;
  readonly quiet: boolean;
}

/** @returns what `--json` tells */
async function start(
  project: LocalProject,
  given: Readonly<Record<string, unknown>>,
  { signal, quiet }: Watched,
): Promise<{ readonly curl: string; readonly [name: string]: unknown }> {
  const { root } = project;
  const before = await readRecords(root);
  const running = alive(before);
  const options = optionsFor(given, before, running);
  const loaded = await commandSettings(options, {
    defaults: { 'log.level': 'warn', 'sandbox.threads': 1 },
    fileNames: SETTINGS_FILES,
  });
  const places = await choosePlaces(project, loaded.settings, options);
  // Before time is spent on building.
  const missing = LOCAL_ROLES.filter((role) => running[role] === undefined);
  await checkPlaces(missing, places);
  // A worker of an earlier version had its functions beside its key.
  const dataDir = running.worker && (running.worker.dataDir ?? ownFolder(root, 'worker'));
  const { name, cid } = await buildAndStore(project, loaded, { dataDir, signal, quiet });
  const plan = await planProcesses(project, {
    places,
    loaded,
    options: {
      ...options,
      listenApi: places.api,
      headPort: String(places.headPort),
      workerPort: String(places.workerPort),
    },
  });
  const body = executeBody(cid, `${name}.wasm`, plan.worker.about.topics[0] ?? '1', 'ETH');
  const ask = async ({ head }: LocalRecords): Promise<object> =>
    askFirst(head?.url ?? '', body, { root, signal, quiet });
  const { records, started, proof } = await underLock(root, signal, async () =>
    // Another `run` may have been first.
    startMissing(root, plan, { running: alive(await readRecords(root)), signal, quiet }, ask),
  );
  const url = records.head?.url ?? '';
  const processes = LOCAL_ROLES.flatMap((role) => (records[role] === undefined ? [] : [{ role, ...records[role] }]));
  return { cid, method: body.method, url, curl: curlLine(url, body), started, processes, answer: proof };
}

/** Whom an option of `run` is for; all, where it is not here. */
const CONCERNED: Readonly<Record<string, readonly LocalRole[]>> = {
  listenApi: ['head'],
  headPort: ['head', 'worker'],
  workerPort: ['worker'],
  workTopics: ['worker'],
  upstream: ['model', 'worker'],
  model: ['model'],
};

/**
 * What is started again is started as it was, but for what is given anew.
 * @throws InferbaseError `ERR_INVALID_SETTING` for an option that would change what runs already
 */
function optionsFor(
  given: Readonly<Record<string, unknown>>,
  { head, worker, model }: LocalRecords,
  running: LocalRecords,
): LocalOptions {
  const options: Record<string, LocalOptions[string]> = { ...(head ?? worker ?? model)?.options };
  for (const [name, value] of Object.entries(given as LocalOptions)) {
    // `--no-model` is the only one that has a value when it is not given.
    if (value === undefined || (name === 'model' && value === true)) continue;
    const role = (CONCERNED[name] ?? LOCAL_ROLES).find((one) => running[one] !== undefined);
    if (role === undefined) {
      options[name] = value;
    } else if (!isAnyPort(value) && JSON.stringify(running[role]?.options[name]) !== JSON.stringify(value)) {
      const flag = name === 'model' ? '--no-model' : `--${name.replace(/[A-Z]/g, '-$&').toLowerCase()}`;
      throw new InferbaseError(
        'ERR_INVALID_SETTING',
        `${flag} cannot change the ${role}, which runs already; leave it out, or type inferbase terminate first`,
      );
    }
  }
  return options;
}

/** Port 0: the one that was chosen will do. */
function isAnyPort(value: LocalOptions[string]): boolean {
  return typeof value === 'string' && /^(?:.*:)?0$/.test(value);
}

/** Builds the function where it has changed, and stores it where the worker finds it: one that runs, in `dataDir`. */
async function buildAndStore(
  { functionFolder }: LocalProject,
  { settings, log }: CommandSettings,
  { dataDir = settings.dataDir, signal, quiet }: Watched & { readonly dataDir: string | undefined },
): Promise<{ readonly name: string; readonly cid: string }> {
  const compiled = await step(
    'building',
    () => compileFunction(functionFolder, { signal }),
    ({ name, size: bytes, fresh }) => `${fresh ? 'built before' : 'built'}: ${name}.wasm, ${size(bytes)}`,
    { quiet },
  );
  const { name } = compiled;
  const own = { ...settings, dataDir, peers: { ...settings.peers, enabled: false } };
  const cid = await step(
    `storing ${name}`,
    () =>
      withRuntime({ settings: own, log }, async ({ store }) => {
        const stored = await storePackage(store, functionFolder, compiled);
        await store.pin(stored, name);
        await store.get(stored, { method: '', signal });
        return stored;
      }),
    (stored) => `stored ${name}: ${stored}`,
    { quiet },
  );
  return { name, cid };
}
