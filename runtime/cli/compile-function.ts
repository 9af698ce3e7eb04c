import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { hashInputs } from './function-inputs.ts';

export interface CompiledFunction {
  /** Name of the function's folder. */
  readonly name: string;
  /** Absolute path of the module, `DIR/build/NAME.wasm`. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Nothing had changed, so nothing was compiled. */
  readonly fresh: boolean;
}

/**
 * Compiles a function's folder with the AssemblyScript compiler found from that folder upwards, then beside us. Skipped
 * when nothing it is made of has changed since. The module appears whole or not at all.
 * @param folder folder with an asconfig.json
 * @throws InferbaseError ERR_INVALID_REQUEST without compiler or asconfig.json; ERR_INVALID_MODULE, with the compiler's
 * lines in `details`, when it does not compile
 */
export async function compileFunction(
  folder: string,
  options: { force?: boolean; signal?: AbortSignal } = {},
): Promise<CompiledFunction> {
  const dir = resolve(folder);
  const name = basename(dir);
  if (!(await exists(join(dir, 'asconfig.json')))) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `${dir} has no asconfig.json, so it is no function; in a project of yours write one with {"extends": "./node_modules/inferbase/sdk/asconfig.json"}`,
    );
  }
  const compiler = findCompiler(dir);
  const build = join(dir, 'build');
  const path = join(build, `${name}.wasm`);
  const stamp = join(build, `.${name}.inputs`);
  const inputs = await hashInputs(dir, compiler);
  if (options.force !== true && (await exists(path)) && (await readFile(stamp, 'utf8').catch(() => '')) === inputs) {
    return { name, path, size: (await stat(path)).size, fresh: true };
  }
  await mkdir(build, { recursive: true });
  const temporary = join(build, `.${name}.${process.pid}.wasm`);
  try {
    const args = [compiler, '--config', 'asconfig.json', '--target', 'release', '--outFile', temporary];
    const { exitCode, output } = await runCompiler(args, dir, options.signal);
    if (exitCode !== 0 || !(await exists(temporary))) {
      throw new InferbaseError('ERR_INVALID_MODULE', `${name} does not compile; correct what asc says`, {
        details: output.trimEnd().split('\n'),
      });
    }
    await rename(temporary, path);
    await writeFile(stamp, inputs);
  } finally {
    await rm(temporary, { force: true });
  }
  return { name, path, size: (await stat(path)).size, fresh: false };
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
    `the AssemblyScript compiler is not installed where ${dir} could find it; type: npm install --save-dev assemblyscript`,
  );
}

/** Without a shell: a path is never read as a command. */
function runCompiler(
  args: readonly string[],
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, args, {
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

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
