import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { compileFunction } from './compile-function.ts';
import { watchInterrupt } from './interrupt.ts';
import type { AddCommand } from './program.ts';
import { step } from './progress.ts';
import { size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase build                      every function below functions/, or the folder itself
  $ inferbase build functions/hello      writes functions/hello/build/hello.wasm
  $ inferbase build --force my-function`;

/** `build [DIR…]`: compiles functions. */
export const addBuild: AddCommand = (program) => {
  program
    .command('build')
    .description('Compile AssemblyScript functions to DIR/build/NAME.wasm; what has not changed is left alone.')
    .argument('[dir...]', 'folders of functions (default: functions/*, else the folder itself)')
    .option('--force', 'compile even if nothing has changed')
    .addHelpText('after', EXAMPLES)
    .action(async (dirs: readonly string[], { force }: { force?: boolean }) => {
      const { signal } = watchInterrupt();
      const folders = dirs.length > 0 ? dirs : await findFunctions(process.cwd());
      for (const dir of folders) {
        await step(
          `building ${dir}`,
          () => compileFunction(dir, { force: force === true, signal }),
          ({ name, path, size: bytes, fresh }) =>
            `${fresh ? 'unchanged' : 'built'} ${name} ${relative(process.cwd(), path)} ${size(bytes)}`,
        );
      }
    });
};

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
    `${root} has no function to build; name a folder with an asconfig.json`,
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
  return found.every(Boolean);
}
