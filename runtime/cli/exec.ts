import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import type { Outcome } from '../core/execution.ts';
import type { StoredFunction } from '../store/store.ts';
import { executionContext } from './execution-context.ts';
import { EXIT, ExitError } from './exit.ts';
import { aborted, watchInterrupt } from './interrupt.ts';
import { withAnyRuntime, withRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { overlaySeeds, readSeedFolders } from './seed-folder.ts';
import {
  addSettingsFlags,
  COMMON_KEYS,
  collect,
  commandSettings,
  EXTENSION_KEYS,
  howToRaise,
} from './settings-flags.ts';
import { isInputIgnored, readStdin } from './stdin.ts';
import { cidOf, readFolder, readTarget } from './target.ts';
import { print, printError } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase exec functions/hello/build/hello.wasm
  $ inferbase exec build/price-feed                 a package, or any folder of modules, before it is pinned
  $ inferbase exec price-feed.car --method price-feed.wasm
  $ inferbase exec bafk… --env ALLORA_ARG_PARAMS=ETH --upstream model=http://127.0.0.1:8000
  $ echo '[1,2,3]' | inferbase exec average.wasm --stdin - -- --window 2
  $ inferbase exec train.wasm --dir ./prices --dir ./models::/models
  $ inferbase exec fetch.wasm --allow https://api.example.com/v1/ --deadline 5000

Exit code: the guest's own; for a guest that was ended, bls-runtime's number of the cause, and the cause on stderr.`;

interface ExecOptions {
  readonly method?: string;
  readonly env?: readonly string[];
  readonly stdin?: string;
  readonly allow?: readonly string[];
  readonly dir?: readonly string[];
  readonly deadline?: string;
  readonly memory?: string;
  readonly fuel?: string;
  readonly json?: boolean;
}

/** `exec <cid|file>`: runs one function once, here. */
export const addExec: AddCommand = (program, done) => {
  const command = program
    .command('exec')
    .description('Run one function once: its output is ours, and so is its exit code.')
    .argument('<cid|file>', 'function in the store or at a gateway, a .wasm file, or a CAR file')
    .argument('[args...]', 'arguments of the guest, after --')
    .option('--method <file>', 'module to run, where the CID is a package')
    .option('--env <name=value>', 'environment variable of the guest; may be repeated', collect)
    .option('--stdin <file|->', 'standard input of the guest; - is ours')
    .option('--allow <url>', 'URL prefix the guest may reach; may be repeated', collect)
    .option(
      '--dir <host[::guest]>',
      'folder read into memory and put under / (or guest), over the files of the package; writes stay in memory; may be repeated',
      collect,
    )
    .option('--deadline <ms>', 'longest time it may run, in ms (default: limits.deadlineMs)')
    .option('--memory <pages>', 'linear memory, in 64 KiB pages (default: limits.memoryPages)')
    .option('--fuel <n>', 'instructions, weighed, it may use (default: limits.fuel)')
    .option('--json', 'print what came of it as one JSON object instead')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'upstreams', ...EXTENSION_KEYS]).action(
    async (target: string, args: readonly string[], options: ExecOptions) => {
      done(await exec(target, args, options));
    },
  );
};

async function exec(text: string, args: readonly string[], options: ExecOptions): Promise<number> {
  const flags = {
    'limits.deadlineMs': options.deadline,
    'limits.memoryPages': options.memory,
    'limits.fuel': options.fuel,
  };
  const flagNames = {
    'limits.deadlineMs': '--deadline',
    'limits.memoryPages': '--memory',
    'limits.fuel': '--fuel',
  };
  const defaults = { 'log.level': 'warn', 'sandbox.threads': 1 };
  const loaded = await commandSettings({ ...options }, { flags, flagNames, defaults });
  const { settings } = loaded;
  const interrupt = watchInterrupt();
  const env = (options.env ?? []).map(readVariable);
  const folder = await readFolder(text, settings.dataDir);
  const target = folder ?? (await readTarget(text));
  const stdin = await readStdin(options.stdin, settings.limits.stdinBytes);
  const files = await readSeedFolders(options.dir ?? []);
  const method = options.method ?? '';
  const open = target.kind === 'cid' ? withRuntime : withAnyRuntime;
  const outcome = await open(loaded, async (runtime) => {
    const { store } = runtime;
    const found =
      target.kind === 'file'
        ? await store.prepareFile(target.bytes, method || target.name)
        : await store.get(await cidOf(target, store, interrupt.signal), { method, signal: interrupt.signal });
    if (isInputIgnored(options.stdin) && readsInput(found)) {
      printError('inferbase: the function gets no standard input; give it ours with --stdin -');
    }
    const seeds = overlaySeeds(found.files, files);
    const context = executionContext(found, settings, { allow: options.allow ?? [], args, env, stdin, files: seeds });
    return Promise.race([runtime.run(found, context, interrupt.signal), interruption(interrupt.signal)]);
  });
  if (options.json) print(JSON.stringify(toJson(outcome)));
  else show(outcome);
  return outcome.exitCode & 0xff;
}

function readsInput({ facts }: StoredFunction): boolean {
  return facts.imports.some(({ name }) => name === 'fd_read' || name === 'memory_read');
}

/** Not waited for the guest: closing ends it as well. */
async function interruption(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw new ExitError(EXIT.interrupted);
}

function readVariable(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InferbaseError('ERR_INVALID_SETTING', `--env ${text} has no value; write it as NAME=VALUE`);
}

function show(outcome: Outcome): void {
  process.stdout.write(outcome.stdout);
  process.stderr.write(outcome.stderr);
  if (outcome.stdoutTruncated)
    printError(`inferbase: stdout was cut at its limit; ${howToRaise('limits.stdoutBytes')}`);
  if (outcome.stderrTruncated)
    printError(`inferbase: stderr was cut at its limit; ${howToRaise('limits.stderrBytes')}`);
  if (outcome.cause === 'exited') return;
  const why = outcome.message === '' ? '' : `: ${outcome.message}`;
  printError(`inferbase: the function ended with cause ${outcome.cause}, exit code ${outcome.exitCode}${why}`);
}

function toJson(outcome: Outcome): Record<string, unknown> {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { ...outcome, stdout: text(outcome.stdout), stderr: text(outcome.stderr) };
}
