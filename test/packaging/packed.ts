import { globSync, lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnv, mustRun } from './commands.ts';

/** Builds and packs this package as for publishing; returns the tarball's path. */
export function pack(into: string): string {
  const { stdout } = mustRun('npm', ['pack', '--json', '--pack-destination', into]);
  const [first] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  return join(into, first.filename);
}

export interface InstalledPackage {
  /** The folder of the package itself. */
  readonly folder: string;
  /** The command that was put on the `PATH`. */
  readonly command: string;
  /** What npm printed. */
  readonly printed: string;
}

/** `npm install --global TARBALL` into an empty prefix. */
export async function installGlobally(tarball: string, prefix: string): Promise<InstalledPackage> {
  await mkdir(prefix, { recursive: true });
  const { stdout, stderr } = mustRun('npm', ['install', '--global', '--prefix', prefix, tarball], {
    cwd: prefix,
    // What a user's own npm settings make npm say is not ours to test.
    env: cleanEnv({ npm_config_userconfig: join(prefix, 'none') }),
  });
  return {
    folder: join(prefix, 'lib/node_modules/inferbase'),
    command: join(prefix, 'bin/inferbase'),
    printed: stdout + stderr,
  };
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  return globSync('**', { cwd: folder })
    .map((path) => lstatSync(join(folder, path)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
