import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import process from 'node:process';
import { findPackage } from './package-root.ts';

/** How projects name the SDK's options; the file is there once `inferbase` is among a project's own packages. */
const SDK_CONFIG = /(?:^|\/)inferbase\/sdk\/asconfig\.json$/;
/** Options of asc that are paths, to be read from where the file lies. */
const PATHS = ['outFile', 'textFile', 'lib', 'path'];

/** What asc is told so that a project compiles wherever the SDK was found. */
export interface SdkConfig {
  /** Configuration file, relative to the project. */
  readonly config: string;
  /** Further arguments. */
  readonly args: readonly string[];
  /** Folder of the package whose SDK stands in for the project's own; `null` where the project has its own. */
  readonly sdkRoot: string | null;
  remove(): Promise<void>;
}

/**
 * Prepares asc's options for a project. A project with `inferbase` among its packages is left as it is. For others,
 * whose asconfig.json names a file that is not there, the SDK of a parent folder or the one beside this program stands
 * in: asc gets a configuration that names it, and a folder to find `inferbase/sdk` in. The module is the same.
 * @param dir absolute path of a folder with an asconfig.json
 * @param build folder for the stand-in, below `dir`
 */
export async function prepareSdk(dir: string, build: string): Promise<SdkConfig> {
  const text = await readFile(join(dir, 'asconfig.json'), 'utf8');
  const wanted = extendsOf(text);
  const missing = wanted !== undefined && SDK_CONFIG.test(wanted) && !existsSync(resolve(dir, wanted));
  const installed = findInstalled(dir);
  const unknown = { config: 'asconfig.json', args: [], sdkRoot: null, remove: async () => {} };
  if (!missing && installed !== undefined) return unknown;
  // A clone's functions import the SDK by its path; so may a project of any other kind.
  if (!missing && !(wanted === undefined || SDK_CONFIG.test(wanted))) return unknown;

  const extended = missing || wanted === undefined ? undefined : resolve(dir, wanted, '..', '..');
  const sdkRoot = installed ?? extended ?? findPackage().root;
  const config = join(build, `.asconfig.${process.pid}.json`);
  if (missing) await writeFile(config, rebased(text, dir, build, sdkRoot));
  const packages = installed === undefined ? await mkdtemp(join(tmpdir(), 'inferbase-sdk-')) : undefined;
  if (packages !== undefined) await symlink(sdkRoot, join(packages, 'inferbase'), 'junction');
  return {
    config: missing ? toPosix(relative(dir, config)) : 'asconfig.json',
    args: packages === undefined ? [] : ['--path', packages],
    sdkRoot,
    async remove() {
      await rm(config, { force: true });
      if (packages !== undefined) await rm(packages, { recursive: true, force: true });
    },
  };
}

/** The package among those of the folder or a parent of it, as asc looks for it. */
function findInstalled(dir: string): string | undefined {
  for (let at = dir; ; at = dirname(at)) {
    const found = join(at, 'node_modules', 'inferbase');
    if (existsSync(join(found, 'sdk', 'asconfig.json'))) return found;
    if (dirname(at) === at) return undefined;
  }
}

function extendsOf(text: string): string | undefined {
  try {
    const { extends: base } = JSON.parse(text);
    return typeof base === 'string' ? base : undefined;
  } catch {
    // asc says what is wrong with it.
    return undefined;
  }
}

/** The same options as seen from `build`, on top of the SDK that was found. A path that leads up works where an absolute one does not. */
function rebased(text: string, dir: string, build: string, sdkRoot: string): string {
  const move = (path: unknown): unknown =>
    typeof path === 'string' && !path.startsWith('/') ? toPosix(join(relative(build, dir), path)) : path;
  const moveIn = (options: Record<string, unknown> | undefined): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(options ?? {}).map(([name, value]) => {
        if (PATHS.includes(name)) return [name, Array.isArray(value) ? value.map(move) : move(value)];
        return [name, value];
      }),
    );
  const config = JSON.parse(text);
  const targets = Object.entries(config.targets ?? {}) as [string, Record<string, unknown>][];
  return JSON.stringify({
    ...config,
    extends: toPosix(relative(build, join(sdkRoot, 'sdk', 'asconfig.json'))),
    entries: (config.entries ?? []).map(move),
    options: moveIn(config.options),
    targets: Object.fromEntries(targets.map(([name, options]) => [name, moveIn(options)])),
  });
}

function toPosix(path: string): string {
  const slashed = path.split(sep).join('/');
  return slashed.startsWith('.') ? slashed : `./${slashed}`;
}
