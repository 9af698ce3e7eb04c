import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const IMPORT = /(?:\bfrom|\bimport)\s*["']([^"']+)["']/g;

interface Config {
  extends?: unknown;
  entries?: unknown;
  options?: { lib?: unknown };
}

/**
 * A hash over everything a function is compiled from: its asconfig.json and those it extends, its sources and all they
 * import, library folders, and the versions of compiler and packages. Equal hashes mean an equal module.
 * @param dir absolute path of the function's folder
 * @param compiler absolute path of `asc.js`
 * @param sdkRoot folder of the package whose SDK stands in for one of the project's own, if one does
 * @returns lower-case hex sha-256
 */
export async function hashInputs(dir: string, compiler: string, sdkRoot: string | null = null): Promise<string> {
  const files = new Map<string, string>();
  await addFile(files, join(dirname(compiler), '..', 'package.json'));
  await addConfig(files, join(dir, 'asconfig.json'), dir);
  if (sdkRoot !== null) {
    await addConfig(files, join(sdkRoot, 'sdk', 'asconfig.json'), dir);
    await addFolder(files, join(sdkRoot, 'sdk', 'assembly'));
  }
  const hash = createHash('sha256');
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path}\0${text.length}\0${text}`);
  }
  return hash.digest('hex');
}

/** Reads a file once; `undefined` when it was read already or is not there. */
async function addFile(files: Map<string, string>, path: string): Promise<string | undefined> {
  if (files.has(path)) return undefined;
  try {
    const text = await readFile(path, 'utf8');
    files.set(path, text);
    return text;
  } catch {
    // Whatever is missing, the compiler says it better.
    return undefined;
  }
}

async function addConfig(files: Map<string, string>, path: string, dir: string): Promise<void> {
  const text = await addFile(files, path);
  if (text === undefined) return;
  let config: Config;
  try {
    config = JSON.parse(text) as Config;
  } catch {
    return;
  }
  const base = dirname(path);
  if (typeof config.extends === 'string') {
    const parent = config.extends.startsWith('.') ? resolve(base, config.extends) : findPackageFile(config.extends);
    await addConfig(files, resolve(base, parent), dir);
  }
  for (const lib of strings(config.options?.lib)) await addFolder(files, resolve(base, lib));
  const entries = base === dir && config.entries === undefined ? ['assembly/index.ts'] : strings(config.entries);
  for (const entry of entries) await addSource(files, resolve(base, entry));
}

function findPackageFile(specifier: string): string {
  return join('node_modules', specifier);
}

async function addFolder(files: Map<string, string>, path: string): Promise<void> {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  for (const name of names) if (name.endsWith('.ts')) await addSource(files, join(path, name));
}

async function addSource(files: Map<string, string>, path: string): Promise<boolean> {
  if (files.has(path)) return true;
  const text = await addFile(files, path);
  if (text === undefined) return false;
  for (const [, specifier = ''] of text.matchAll(IMPORT)) {
    if (specifier.startsWith('.')) {
      const target = resolve(dirname(path), specifier);
      (await addSource(files, `${target}.ts`)) || (await addSource(files, join(target, 'index.ts')));
    } else {
      await addPackage(files, dirname(path), specifier);
    }
  }
  return true;
}

/** An installed package does not change without its version; the version stands for its sources. */
async function addPackage(files: Map<string, string>, from: string, specifier: string): Promise<void> {
  const parts = specifier.split('/');
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name, 'package.json');
    if (files.has(path) || (await addFile(files, path)) !== undefined || dirname(at) === at) return;
  }
}

function strings(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'string');
}
