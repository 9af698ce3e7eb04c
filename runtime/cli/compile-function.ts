import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { type FunctionSettings, readFunctionSettings } from '../config/function-file.ts';
import { InferbaseError } from '../core/errors.ts';
import { isThere } from '../core/folder.ts';
import { hashInputs } from './function-inputs.ts';
import { handleArgs } from './handle-args.ts';
import { prepareSdk } from './sdk-config.ts';

/** The compiler that is tested with this version; what the line to type asks for. */
export const COMPILER = 'assemblyscript@0.28.20';

/** How asc answers where nothing is to be compiled: with its help. */
const ASC_USAGE = /^\s*SYNTAX\s/;

export interface CompiledFunction {
  readonly name: string;
  /** Absolute path of the module, `DIR/build/NAME.wasm`. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Nothing had changed, so nothing was compiled. */
  readonly fresh: boolean;
  /** What the folder's `function:` says. */
  readonly settings: FunctionSettings;
}

/**
 * Compiles a function's folder with the AssemblyScript compiler found from that folder upwards, then beside us. Skipped
 * when nothing it is made of has changed since. The module appears whole or not at all. Where `function.module` names a
 * module that something else builds, that is copied.
 * @param folder folder with an asconfig.json, or an inferbase.yaml whose `function:` names a module
 * @throws InferbaseError ERR_INVALID_REQUEST without compiler or asconfig.json; ERR_INVALID_SETTING for a `function:`
 * that is not right; ERR_INVALID_MODULE, with the compiler's lines in `details`, when it does not compile
 */
export async function compileFunction(
  folder: string,
  options: { force?: boolean; signal?: AbortSignal } = {},
): Promise<CompiledFunction> {
  const dir = resolve(folder);
  const settings = await readFunctionSettings(dir);
  const { name } = settings;
  const build = join(dir, 'build');
  const path = join(build, `${name}.wasm`);
  const fresh =
    settings.module === null
      ? await compile({ dir, name, build, path }, options)
      : await copyModule(join(dir, settings.module), { build, path });
  return { name, path, size: (await stat(path)).size, fresh, settings };
}

/** What every module begins with. */
const MAGIC = Buffer.from('\0asm');

interface Places {
  readonly dir: string;
  readonly name: string;
  readonly build: string;
  readonly path: string;
}

/** @returns whether there was nothing to do */
async function compile(places: Places, options: { force?: boolean; signal?: AbortSignal }): Promise<boolean> {
  const { dir, name, build, path } = places;
  if (!(await isThere(dir)))
    throw new InferbaseError('ERR_INVALID_REQUEST', `there is no folder ${dir}; check the path`);
  if (!(await isThere(join(dir, 'asconfig.json')))) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `${dir} has no asconfig.json, so it is no function; in a project of yours write one with {"extends": "./node_modules/inferbase/sdk/asconfig.json", "entries": ["assembly/index.ts"]}, or have inferbase init make the project`,
    );
  }
  const compiler = findCompiler(dir);
  await mkdir(build, { recursive: true });
  const sdk = await prepareSdk(dir, build);
  const temporary = join(build, `.${name}.${process.pid}.wasm`);
  try {
    const stamp = join(build, `.${name}.inputs`);
    const inputs = await hashInputs(dir, compiler, sdk.sdkRoot);
    const known = options.force !== true && (await isThere(path)) ? await readFile(stamp, 'utf8').catch(() => '') : '';
    if (known === inputs) return true;
    const args = [compiler, '--config', sdk.config, '--target', 'release', '--outFile', temporary];
    args.push(...sdk.args, ...(await handleArgs(dir)));
    const { exitCode, output } = await runCompiler(args, dir, options.signal);
    if (exitCode !== 0 || !(await isThere(temporary))) {
      if (ASC_USAGE.test(output)) throw namesNoEntry(dir);
      throw new InferbaseError('ERR_INVALID_MODULE', `${name} does not compile; correct what asc says`, {
        details: output.trimEnd().split('\n'),
      });
    }
    await rename(temporary, path);
    await writeFile(stamp, inputs);
    return false;
  } finally {
    await rm(temporary, { force: true });
    await sdk.remove();
  }
}

function namesNoEntry(dir: string): InferbaseError {
  return new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${join(dir, 'asconfig.json')} names no source; add "entries": ["assembly/index.ts"] to it`,
  );
}

/** @returns whether the same module was there already */
async function copyModule(from: string, { build, path }: Pick<Places, 'build' | 'path'>): Promise<boolean> {
  if (!(await isThere(from))) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `there is no ${from}, which function.module names; build it first, or correct the path`,
    );
  }
  if (resolve(from) === path) return true;
  const bytes = await readFile(from);
  // Whatever it is would be packed, and pinned for all to read: a path may lead anywhere by a link.
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new InferbaseError(
      'ERR_INVALID_MODULE',
      `${from}, which function.module names, is no WebAssembly module; build it, or correct the path`,
    );
  }
  const before = await readFile(path).catch(() => undefined);
  if (before?.equals(bytes)) return true;
  await mkdir(build, { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return false;
}

function findCompiler(dir: string): string {
  for (const from of [join(dir, 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve('assemblyscript/bin/asc.js');
    } catch {
      // Looked for in the next place.
    }
  }
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `the AssemblyScript compiler is not installed where ${dir} could find it; in that folder type: npm install --save-dev --save-exact ${COMPILER}`,
  );
}

/** Without a shell: a path is never read as a command. */
function runCompiler(
  args: readonly string[],
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((settle, fail) => {
    // The flag keeps the compiler's launcher from starting a second process, which a signal would not end.
    const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', fail);
    child.on('close', (exitCode) => settle({ exitCode, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
