import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseListenAddress } from '../config/listen.ts';
import type { Settings } from '../config/settings.ts';
import { InferbaseError } from '../core/errors.ts';
import type { Runtime } from '../runtime.ts';
import { findFunctions } from './build.ts';
import { type CompiledFunction, compileFunction } from './compile-function.ts';
import { curlLine, executeBody, sendExecute } from './execute-request.ts';
import { EXIT, ExitError } from './exit.ts';
import { storeFunction } from './functions-folder.ts';
import { aborted, type Interrupt, watchInterrupt } from './interrupt.ts';
import { isFree, type ModelServer, startModelServer, tryListening } from './model-server.ts';
import { withRuntime } from './open-runtime.ts';
import { findPackage } from './package-root.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { listen } from './serve.ts';
import { addSettingsFlags, type CommandSettings, commandSettings } from './settings-flags.ts';
import { print, printError, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ npm start                     the same, in a clone
  $ npm start -- --once
  $ inferbase start --listen-api 127.0.0.1:6001

Exit codes: 0 answered (and, without --once, ended by Ctrl-C), 1 no usable answer, 2 wrong usage or setting, 69 address
taken, 73 data folder not writable.`;

const ASKED = 'coin-prediction';

/** `start`: the whole example, from source to answer. */
export const addStart: AddCommand = (program) => {
  const command = program
    .command('start')
    .description(
      'Build the example functions, store them, start the example model server and a node, send one execute request, ' +
        'print its answer and the curl to paste, and keep serving until Ctrl-C.',
    )
    .option('--once', 'end after the answer')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command).action(async (options: Record<string, unknown>) => {
    const interrupt = watchInterrupt();
    const settled = await commandSettings(options);
    await checkApiAddress(settled.settings);
    const functions = await buildExamples(interrupt.signal);
    const { model, loaded } = await openModel(options, settled, interrupt.signal);
    try {
      await withRuntime(loaded, (runtime) => serveAndAsk(runtime, functions, interrupt, options.once === true));
    } finally {
      await model?.close();
    }
  });
};

/** Before minutes are spent on building. */
async function checkApiAddress({ listen: { api } }: Settings): Promise<void> {
  const wanted = parseListenAddress(api);
  if (wanted !== undefined) await tryListening(wanted.host, wanted.port);
}

async function buildExamples(signal: AbortSignal): Promise<CompiledFunction[]> {
  const { root } = findPackage();
  if (!(await stat(join(root, 'functions', ASKED)).catch(() => undefined))) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      'start runs the example functions, which come with a clone of the repository; use inferbase serve here',
    );
  }
  const functions: CompiledFunction[] = [];
  for (const dir of await findFunctions(root)) {
    const built = await step(
      `building ${basename(dir)}`,
      () => compileFunction(dir, { signal }),
      ({ name, size: bytes, fresh }) => `${fresh ? 'built before' : 'built'}: ${name}.wasm, ${size(bytes)}`,
    );
    functions.push(built);
  }
  return functions;
}

/**
 * Settings, and the example model server where `upstreams.model.url` has it; on another port when the usual one is
 * taken. One that the operator named and that is there already is used as it is.
 */
async function openModel(
  options: Record<string, unknown>,
  loaded: CommandSettings,
  signal: AbortSignal,
): Promise<{ model: ModelServer | undefined; loaded: CommandSettings }> {
  const wanted = loaded.settings.upstreams.model?.url ?? '';
  const { hostname, port } = new URL(wanted);
  const local = hostname === '127.0.0.1' || hostname === 'localhost';
  const usual = Number(port || 80);
  const free = local && (await isFree(hostname, usual));
  const named = loaded.origin('upstreams.model.url') !== 'default';
  if (!free && named) {
    print(`✓ model server: ${wanted}, as set`);
    return { model: undefined, loaded };
  }
  const script = join(findPackage().root, 'functions', ASKED, 'model-server', 'server.ts');
  const startAt = (at: number): Promise<ModelServer> => startModelServer(script, { host: hostname, port: at, signal });
  const isUsual = ({ url }: ModelServer): boolean => Number(new URL(url).port || 80) === usual;
  const model = await step(
    'starting the model server',
    async () => {
      if (!free) return await startAt(0);
      try {
        return await startAt(usual);
      } catch (error) {
        // Somebody may have taken it since.
        if (named || signal.aborted || (await isFree(hostname, usual))) throw error;
        return await startAt(0);
      }
    },
    (started) => `model server: ${started.url}${isUsual(started) ? '' : ` (port ${port} is taken)`}`,
  );
  for (const line of model.lines) print(`  ${line}`);
  if (isUsual(model)) return { model, loaded };
  return { model, loaded: await commandSettings(options, { flags: { 'upstreams.model.url': model.url } }) };
}

async function serveAndAsk(
  runtime: Runtime,
  functions: readonly CompiledFunction[],
  { signal }: Interrupt,
  once: boolean,
): Promise<void> {
  const cids = new Map<string, string>();
  for (const { name, path } of functions) {
    const cid = await step(
      `storing ${name}`,
      () => storeFunction(runtime, path, `${name}.wasm`),
      (stored) => `stored ${name}: ${stored}`,
    );
    cids.set(name, cid);
  }
  const { peerId } = await runtime.openNode();
  const api = await step(
    'starting the node',
    () => listen(runtime),
    (url) => `node ${peerId}: ${url}`,
  );
  const body = executeBody(cids.get(ASKED) ?? '', `${ASKED}.wasm`, '1', 'ETH');
  const answer = await step(
    `asking ${ASKED} for ETH`,
    () => sendExecute(api, body, signal),
    () => `asked ${ASKED} for ETH, topic 1; the answer:`,
  );
  print(`\n${JSON.stringify(answer, null, 2)}\n`);
  if (!JSON.stringify(answer).includes('infererValue')) {
    printError('error: the answer has no infererValue; see its message and stderr above');
    throw new ExitError(EXIT.failure);
  }
  print(`The same request to paste${once ? ', while a node is running' : ''}:\n\n${curlLine(api, body)}\n`);
  if (once) return;
  print('Serving until Ctrl-C.');
  await aborted(signal);
  print('Closing.');
}
