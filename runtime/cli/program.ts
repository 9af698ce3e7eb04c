import { type CommandLine, runCommandLine } from './command-line.ts';

export type { AddCommand } from './command-line.ts';

const COMMANDS: CommandLine['commands'] = [
  ['start', 'run the whole example: build, store, serve, ask', async () => (await import('./start.ts')).addStart],
  ['serve', 'serve functions by CID on the execute API', async () => (await import('./serve.ts')).addServe],
  ['exec', 'run one function once', async () => (await import('./exec.ts')).addExec],
  ['init', 'make a project for a function', async () => (await import('./init.ts')).addInit],
  ['build', 'compile AssemblyScript functions', async () => (await import('./build.ts')).addBuild],
  ['run', 'start head, worker and model server of this project', async () => (await import('./run.ts')).addRun],
  ['status', 'tell how those are that run started', async () => (await import('./status.ts')).addStatus],
  ['logs', 'show what those say', async () => (await import('./logs.ts')).addLogs],
  ['terminate', 'end those that run started', async () => (await import('./terminate.ts')).addTerminate],
  ['dev', 'build and run a function with every change', async () => (await import('./dev.ts')).addDev],
  ['test', "run a function's own tests", async () => (await import('./test.ts')).addTest],
  ['pin', 'put files into the embedded store, or pin them elsewhere', async () => (await import('./pin.ts')).addPin],
  ['unpin', 'give up a pin', async () => (await import('./unpin.ts')).addUnpin],
  ['pins', 'show what is pinned, here and elsewhere', async () => (await import('./pins.ts')).addPins],
  ['store', 'look after the data folder', async () => (await import('./store/store.ts')).addStore],
  ['keys', 'make and show libp2p keys', async () => (await import('./keys.ts')).addKeys],
  ['verify', 'check who signed an answer', async () => (await import('./verify.ts')).addVerify],
  ['inspect', 'show what a CID or a file is', async () => (await import('./inspect.ts')).addInspect],
];

/** Programs of the older stack that this one is installed as too, by name; their launchers put it before the arguments. */
const ALIASES: ReadonlyMap<string, () => Promise<(args: readonly string[]) => Promise<number>>> = new Map([
  ['allora-node', async () => (await import('./allora/allora-node.ts')).runAlloraNode],
  ['allora-keys', async () => (await import('./allora/allora-keys.ts')).runAlloraKeys],
  ['allora-wkr', async () => (await import('./allora-wkr.ts')).runAlloraWkr],
]);

/** Names of all commands, in the order of `--help`. */
export const COMMAND_NAMES: readonly string[] = COMMANDS.map(([name]) => name);

/**
 * Runs the command that the arguments name.
 * @param args arguments without node and script
 * @returns the exit code
 */
export async function parseCommandLine(args: readonly string[]): Promise<number> {
  const alias = ALIASES.get(args[0] ?? '');
  if (alias !== undefined) return (await alias())(args.slice(1));
  return await runCommandLine(
    {
      name: 'inferbase',
      description: 'Runs WebAssembly inference functions by CID.',
      commands: COMMANDS,
      examples: EXAMPLES,
    },
    args,
  );
}

const EXAMPLES = `
Examples:
  $ inferbase init price-feed && cd price-feed && inferbase run
  $ inferbase exec functions/hello/build/hello.wasm
  $ inferbase serve --data-dir /var/lib/inferbase
Each command explains itself: inferbase COMMAND --help.

Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 nothing runs (status), 69 address taken, 73 data folder not writable,
78 Node too old, 130 interrupted. exec: the code of the guest, or that of bls-runtime for a guest that was ended.`;
