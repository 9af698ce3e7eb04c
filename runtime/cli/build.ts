import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { readFunctionSettings } from '../config/function-file.ts';
import { InferbaseError } from '../core/errors.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { type CompiledFunction, compileFunction } from './compile-function.ts';
import { inspectBytes } from './inspection.ts';
import { watchInterrupt } from './interrupt.ts';
import { packageFunction, type WrittenPackage } from './package-function.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { readWhole } from './target.ts';
import { print, printError, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase build                      every function below functions/, or the folder itself
  $ inferbase build functions/hello      writes functions/hello/build/hello.wasm and functions/hello/build/hello/
  $ inferbase build --force my-function
  $ inferbase build --json               {"name":"hello","path":"…/hello.wasm",…,"package":{"cid":"bafy…",…}}

The package is a folder with manifest.json and a tar.gz, as b7s and Blockless tools install it: pin it with
inferbase pin DIR/build/NAME. The CID printed is its function_id: the same source has the same CID on any machine.
What goes into it, its permissions and limits stand under function: in the folder's inferbase.yaml.

Exit codes: 0 built, 1 something does not compile or is missing, 2 wrong usage or inferbase.yaml, 130 interrupted.`;

interface BuildOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `build [DIR…]`: compiles functions and packs them. */
export const addBuild: AddCommand = (program) => {
  program
    .command('build')
    .description('Compile AssemblyScript functions to DIR/build/NAME.wasm and pack them in DIR/build/NAME.')
    .argument('[dir...]', 'folders of functions (default: functions/*, else the folder itself)')
    .option('--force', 'compile even if nothing has changed')
    .option('--json', 'one JSON object per function')
    .addHelpText('after', EXAMPLES)
    .action(async (dirs: readonly string[], { force = false, json = false }: BuildOptions) => {
      const { signal } = watchInterrupt();
      const folders = dirs.length > 0 ? dirs : await findFunctions(process.cwd());
      for (const dir of folders) {
        const compiled = await step(
          `building ${basename(resolve(dir))}`,
          () => compileFunction(dir, { force, signal }),
          ({ name, path, size: bytes, fresh }) =>
            `${fresh ? 'unchanged' : 'built'} ${name} ${shortened(path)} ${size(bytes)}`,
          { quiet: json },
        );
        const packed = await step(
          `packing ${compiled.name}`,
          () => packageFunction(resolve(dir), compiled),
          ({ path, size: bytes, cid }) => `package ${cid} ${shortened(path)} ${size(bytes)}`,
          { quiet: json },
        );
        const { refused } = await inspectBytes(
          compiled.name,
          await readWhole(compiled.path),
          DEFAULT_LIMITS.memoryPages,
        );
        if (json) print(JSON.stringify(report(compiled, packed, refused)));
        else if (refused !== null) printError(`warning: ${compiled.name} would not run: ${refused}`);
      }
    });
};

function report(compiled: CompiledFunction, packed: WrittenPackage, refused: string | null): object {
  const { name, path, size: bytes, fresh } = compiled;
  return {
    name,
    path,
    size: bytes,
    fresh,
    refused,
    package: { cid: packed.cid, path: packed.path, size: packed.size },
  };
}

function shortened(path: string): string {
  const full = resolve(path);
  const short = relative(process.cwd(), full) || '.';
  return short.startsWith('..') ? full : short;
}

/**
 * Folders of the functions a project has: those in `functions/`, else the project itself.
 * @throws InferbaseError ERR_INVALID_REQUEST when there is none
 */
export async function findFunctions(root: string): Promise<string[]> {
  const parent = join(root, 'functions');
  const names = await readdir(parent).catch(() => []);
  const dirs: string[] = [];
  for (const name of names.sort()) if (await isFunction(join(parent, name))) dirs.push(join(parent, name));
  if (dirs.length > 0) return dirs;
  if (await isFunction(root)) return [root];
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${root} has no function to build; go to a folder with an asconfig.json, or make one with inferbase init NAME`,
  );
}

async function isFunction(dir: string): Promise<boolean> {
  const found = await Promise.all(
    ['asconfig.json', 'assembly'].map((name) =>
      stat(join(dir, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean) || (await readFunctionSettings(dir)).module !== null;
}
