import { Command, CommanderError } from 'commander';
import { EXIT } from './exit.ts';
import { findPackage } from './package-root.ts';

/** Adds one command to the program; its action puts the exit code where `done` takes it. */
export type AddCommand = (program: Command, done: (exitCode: number) => void) => void;

/** Commands are loaded when they are asked for, so that `--version` is quick. */
const COMMANDS: readonly (readonly [name: string, summary: string, load: () => Promise<AddCommand>])[] = [
  ['start', 'run the whole example: build, store, serve, ask', async () => (await import('./start.ts')).addStart],
  ['serve', 'serve functions by CID on the execute API', async () => (await import('./serve.ts')).addServe],
  ['exec', 'run one function once', async () => (await import('./exec.ts')).addExec],
  ['init', 'make a project for a function', async () => (await import('./init.ts')).addInit],
  ['build', 'compile AssemblyScript functions', async () => (await import('./build.ts')).addBuild],
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

/** Programs of the Go nodes that this one is installed as too, by name; their launchers put it before the arguments. */
const ALIASES: ReadonlyMap<string, () => Promise<(args: readonly string[]) => Promise<number>>> = new Map([
  ['allora-node', async () => (await import('./allora/allora-node.ts')).runAlloraNode],
  ['allora-keys', async () => (await import('./allora/allora-keys.ts')).runAlloraKeys],
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
  let exitCode: number = EXIT.ok;
  const program = new Command('inferbase')
    .description('Runs WebAssembly inference functions by CID.')
    .version(findPackage().version, '-v, --version')
    .helpCommand('help [command]', 'explain a command')
    .enablePositionalOptions()
    // Long flags leave less than that of 80 columns; without it their texts would not be wrapped at all.
    .configureHelp({ minWidthToWrap: 24 })
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  const asked = args[0] === 'help' ? args[1] : args[0];
  for (const [name, summary, load] of COMMANDS) {
    if (asked === name)
      (await load())(program, (code) => {
        exitCode = code;
      });
    else program.command(name).summary(summary).description(summary);
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed what there was to say; help and version come here as well.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

const EXAMPLES = `
Examples:
  $ inferbase start --once
  $ inferbase exec functions/hello/build/hello.wasm
  $ inferbase serve --data-dir /var/lib/inferbase
Each command explains itself: inferbase COMMAND --help.

Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 69 address taken, 73 data folder not writable,
78 Node too old, 130 interrupted. exec: the code of the guest, or that of bls-runtime for a guest that was ended.`;
