import process from 'node:process';
import { splitMethod } from '../core/entry-call.ts';
import { InferbaseError } from '../core/errors.ts';
import type { Outcome } from '../core/execution.ts';
import type { HostCallTrace } from '../core/host-call-trace.ts';
import { entryExport } from '../sandbox/entry-export.ts';
import type { StoredFunction } from '../store/store.ts';
import { executionContext } from './execution-context.ts';
import { EXIT, ExitError } from './exit.ts';
import { aborted, watchInterrupt } from './interrupt.ts';
import { withAnyRuntime, withReadingRuntime } from './open-runtime.ts';
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
import { print, printable, printError, size } from './terminal.ts';
import { traceLines } from './trace-lines.ts';

const EXAMPLES = `
Examples:
  $ inferbase exec functions/hello/build/hello.wasm
  $ inferbase exec build/price-feed                 a package, or any folder of modules, before it is pinned
  $ inferbase exec price-feed.car --method price-feed.wasm
  $ inferbase exec bafk… --env ALLORA_ARG_PARAMS=ETH --upstream model=http://127.0.0.1:8000
  $ inferbase exec hello.wasm#handle -- Ada
  $ echo '[1,2,3]' | inferbase exec average.wasm --stdin - -- --window 2
  $ inferbase exec train.wasm --dir ./prices --dir ./models::/models
  $ inferbase exec fetch.wasm --allow https://api.example.com/v1/ --deadline 5000

Exit code: the guest's own; for a guest that was ended, bls-runtime's number of the cause, and the cause on stderr.`;

const NEWLINE = 10;

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
  readonly trace?: boolean;
}

/** `exec <cid|file>`: runs one function once, here. */
export const addExec: AddCommand = (program, done) => {
  const command = program
    .command('exec')
    .description('Run one function once: its output is ours, and so is its exit code.')
    .argument(
      '<cid|file|folder>',
      'function in the store or at a gateway, a .wasm file, a CAR file, or the folder of a package',
    )
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
    .option('--trace', 'tell on stderr every host call with its time, and what was used')
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
  const { target, method } = await readFunction(text, options.method ?? '', settings.dataDir);
  const stdin = await readStdin(options.stdin, settings.limits.stdinBytes);
  const files = await readSeedFolders(options.dir ?? []);
  const open = target.kind === 'cid' ? withReadingRuntime : withAnyRuntime;
  const outcome = await open(loaded, async (runtime) => {
    const { store } = runtime;
    const found =
      target.kind === 'file'
        ? await store.prepareFile(target.bytes, method.file || target.name)
        : await store.get(await cidOf(target, store, interrupt.signal), {
            method: method.file,
            signal: interrupt.signal,
          });
    if (isInputIgnored(options.stdin) && readsInput(found, method.export, args)) {
      printError('inferbase: the function gets no standard input; give it ours with --stdin -');
    }
    const seeds = overlaySeeds(found.files, files);
    const context = executionContext(found, settings, { allow: options.allow ?? [], args, env, stdin, files: seeds });
    const traced = options.trace === true ? { ...context, trace: true } : context;
    return Promise.race([
      runtime.run({ ...found, entry: method.export }, traced, interrupt.signal),
      interruption(interrupt.signal),
    ]);
  });
  if (options.json) print(JSON.stringify(toJson(outcome)));
  else show(outcome);
  return outcome.exitCode & 0xff;
}

/** What the arguments name: `FILE.wasm#EXPORT` and `CID#EXPORT` as well as what `--method` adds. */
async function readFunction(text: string, method: string, dataDir: string) {
  const asked = splitMethod(method);
  const named = splitMethod(text);
  const place = named.export === '' ? text : named.file;
  const target = (await readFolder(place, dataDir)) ?? (await readTarget(place));
  return { target, method: { file: asked.file, export: asked.export || named.export } };
}

function readsInput({ facts, manifest }: StoredFunction, entry: string, args: readonly string[]): boolean {
  // An export that takes something is called with the input, where there is no argument.
  const { call } = entryExport(facts, entry, manifest?.entryExport ?? '');
  if (call !== undefined && call.params.length > 0 && args.length === 0) return true;
  return facts.imports.some(({ name }) => name === 'fd_read' || name === 'memory_read');
}

/** Not waited for the guest: closing ends it as well. */
async function interruption(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw new ExitError(EXIT.interrupted);
}

/**
 * Reads `NAME=VALUE` of `--env`.
 * @throws InferbaseError ERR_INVALID_SETTING without a name
 */
export function readVariable(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InferbaseError(
    'ERR_INVALID_SETTING',
    `--env ${text} has no ${at === 0 ? 'name' : 'value'}; write it as NAME=VALUE`,
  );
}

function show(outcome: Outcome): void {
  if (outcome.trace !== undefined) showTrace(outcome, outcome.trace);
  process.stdout.write(outcome.stdout);
  // Nothing is added for a program that reads; on a terminal what comes next would stand on the same line.
  if (process.stdout.isTTY && outcome.stdout.length > 0 && outcome.stdout.at(-1) !== NEWLINE)
    process.stdout.write('\n');
  process.stderr.write(outcome.stderr);
  if (outcome.stdoutTruncated)
    printError(`inferbase: stdout was cut at its limit; ${howToRaise('limits.stdoutBytes')}`);
  if (outcome.stderrTruncated)
    printError(`inferbase: stderr was cut at its limit; ${howToRaise('limits.stderrBytes')}`);
  if (outcome.cause === 'exited') return;
  // A trap may name the export that the guest's author chose.
  const why = outcome.message === '' ? '' : `: ${printable(outcome.message)}`;
  printError(`inferbase: the function ended with cause ${outcome.cause}, exit code ${outcome.exitCode}${why}`);
}

function showTrace({ usage }: Outcome, trace: readonly HostCallTrace[]): void {
  for (const line of traceLines(trace)) printError(line);
  if (usage.hostCalls > trace.length) printError(`… ${usage.hostCalls - trace.length} more host calls`);
  const { wallMs, cpuMs, peakMemoryBytes, fuel } = usage;
  printError(`${wallMs.toFixed(2)} ms, ${cpuMs.toFixed(2)} ms cpu, ${size(peakMemoryBytes)} memory, fuel ${fuel}`);
}

function toJson(outcome: Outcome): Record<string, unknown> {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { ...outcome, stdout: text(outcome.stdout), stderr: text(outcome.stderr) };
}
