import { relative, resolve } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { findFunctions } from './build.ts';
import { createColours } from './colour.ts';
import { openDevEndpoint } from './dev/endpoint.ts';
import { createDevSession, type DevRequest } from './dev/session.ts';
import { watchSources } from './dev/watch.ts';
import { readVariable } from './exec.ts';
import { aborted, watchInterrupt } from './interrupt.ts';
import { withAnyRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, COMMON_KEYS, collect, commandSettings, EXTENSION_KEYS } from './settings-flags.ts';
import { readStdin } from './stdin.ts';
import { print } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase dev                                       the function in this folder
  $ inferbase dev functions/hello --env NAME=Ada
  $ inferbase dev --stdin input.json --upstream model=http://127.0.0.1:8000
  $ curl http://127.0.0.1:6080/fn/hello/path?a=b        in another terminal: becomes the last request

With every change of a source it builds, runs the last request again, and shows what came of it: stdout, stderr, host
calls with their times, memory and fuel. Ctrl-C ends it.

Exit codes: 0 ended by Ctrl-C, 1 the folder is no function, 2 wrong usage or setting, 69 port taken.`;

interface DevOptions {
  readonly env?: readonly string[];
  readonly stdin?: string;
  readonly allow?: readonly string[];
  readonly method?: string;
  readonly port: string;
}

/** `dev [FOLDER]`: builds and runs a function again with every change. */
export const addDev: AddCommand = (program) => {
  const command = program
    .command('dev')
    .description('Watch a function: build, run the last request again, show what it did; with a local HTTP endpoint.')
    .argument('[folder]', 'folder of the function', '.')
    .argument('[args...]', 'arguments of the guest, after --')
    .option('--env <name=value>', 'environment variable of the guest; may be repeated', collect)
    .option('--stdin <file>', 'standard input of the guest')
    .option('--method <#export>', 'export to call')
    .option('--allow <url>', 'URL prefix the guest may reach; may be repeated', collect)
    .option('--port <n>', 'port of the endpoint on 127.0.0.1; 0 for any free one', '6080')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'upstreams', ...EXTENSION_KEYS]).action(
    async (folder: string, args: readonly string[], options: DevOptions) => dev(resolve(folder), args, options),
  );
};

async function dev(root: string, args: readonly string[], options: DevOptions): Promise<void> {
  const { signal } = watchInterrupt();
  const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
  const { settings, log } = loaded;
  const folder = await onlyFunction(root);
  const env = (options.env ?? []).map(readVariable);
  const stdin = await readStdin(options.stdin, settings.limits.stdinBytes);
  const label = ['run', ...(options.env ?? []), ...args].join(' ');
  const first: DevRequest = { label, input: { args, env, stdin, files: [], allow: [] }, method: options.method ?? '' };
  await withAnyRuntime(loaded, async (runtime) => {
    const session = createDevSession(
      { runtime, print, colours: createColours(process.stdout) },
      { folder, settings, first, allow: options.allow ?? [] },
    );
    const name = (folder.split(/[/\\]/).at(-1) ?? 'function').replace(/[^A-Za-z0-9._-]/g, '-');
    const port = readPort(options.port);
    const endpoint = await openDevEndpoint(session.node, {
      name,
      port,
      bodyLimitBytes: settings.limits.bodyBytes,
      log,
    });
    const unwatch = watchSources(
      { folder, dataDir: settings.dataDir },
      () => void session.rebuild(),
      (error) => log.error({ err: error }, 'watching ended'),
    );
    try {
      await session.rebuild();
      print(`watching ${relative(process.cwd(), folder) || '.'}; ${endpoint.url}/fn/${name}/ runs it; Ctrl-C ends`);
      await aborted(signal);
    } finally {
      unwatch();
      session.close();
      await endpoint.close();
    }
  });
}

async function onlyFunction(root: string): Promise<string> {
  const [first, ...others] = await findFunctions(root);
  if (first !== undefined && others.length === 0) return first;
  const names = [first, ...others].map((folder) => relative(process.cwd(), folder ?? '')).join(', ');
  throw new InferbaseError('ERR_INVALID_REQUEST', `there are several functions here; name one of ${names}`);
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InferbaseError('ERR_INVALID_SETTING', `--port ${text} is no port; give a number from 0 to 65535`);
}
