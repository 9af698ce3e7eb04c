import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { InferbaseError } from '../core/errors.ts';
import { type Assignment, readText } from './assignment.ts';
import { CONFIG_VARIABLE, type Environment, environmentSettings } from './environment.ts';
import { fileSettings } from './file.ts';
import { ANY_NAME, findKey, SETTING_KEYS } from './keys.ts';
import { legacySettings } from './legacy.ts';
import { SETTINGS_SCHEMA, type Settings } from './settings.ts';
import { shownValue } from './shown-value.ts';

export interface SettingsSources {
  /** Folder that relative paths and `inferbase.yaml` are looked up in. */
  readonly cwd: string;
  readonly env: Environment;
  /** Settings file named by `--config`. */
  readonly config?: string | undefined;
  /** Key path → value of flags, text or already read; `undefined` values are absent flags. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** How flags are spelt, by key path, where not as the setting's own. */
  readonly flagNames?: Readonly<Record<string, string>>;
  /** Looked up in `cwd`, in this order, where no file is named; default `inferbase.yaml`. */
  readonly fileNames?: readonly string[];
  /** Defaults of a command that differ from the schema's, by key path. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Lines for the log, such as variables that have no effect. */
  readonly remarks: readonly string[];
  /** What was given another value than its default, by key path, and where. */
  readonly given: readonly { readonly key: string; readonly origin: string }[];
  /** Where a setting's value came from: `default`, `inferbase.yaml:4`, a variable, a flag. */
  origin(key: string): string;
}

/**
 * Merges all sources, later ones winning: defaults, file, `INFERBASE_*`, legacy variables, flags.
 * @throws InferbaseError ERR_INVALID_SETTING naming key, value, source and remedy; several are listed in `details`
 */
export async function loadSettings(sources: SettingsSources): Promise<LoadedSettings> {
  const { cwd, env } = sources;
  const named = sources.config ?? (env[CONFIG_VARIABLE] || undefined);
  const merged = new Map<string, Assignment>();
  const apply = (assignments: readonly Assignment[]): void => {
    for (const item of assignments) if (item.value !== undefined) merged.set(item.path.join('.'), item);
  };
  apply(await fileSettings(resolve(cwd, named ?? presentFile(sources)), named === undefined));
  apply(environmentSettings(env));
  const flags = flagSettings(sources);
  const last = (key: string): unknown =>
    flags.find(({ path, value }) => value !== undefined && path.join('.') === key)?.value;
  const role = String(last('role') ?? (env.NODE_ROLE || merged.get('role')?.value || sources.defaults?.role) ?? 'solo');
  const enabled = last('peers.enabled') ?? merged.get('peers.enabled')?.value ?? sources.defaults?.['peers.enabled'];
  const legacy = legacySettings(env, {
    listenApi: String(merged.get('listen.api')?.value ?? ''),
    role,
    peers: role !== 'solo' || enabled === true,
  });
  apply(legacy.assignments);
  apply(flags);
  addDefaults(merged, sources.defaults ?? {});

  const parsed = SETTINGS_SCHEMA.safeParse({ pinning: {}, ...nest(merged) });
  if (!parsed.success) throw explain(parsed.error.issues, merged);
  const { dataDir, keyFile, functionsDir, work } = parsed.data;
  const { dir, allora, ...programs } = parsed.data.extensions;
  const absolute = (path: string | null): string | null => (path === null ? null : resolve(cwd, path));
  const settings: Settings = deepFreeze({
    ...parsed.data,
    dataDir: resolve(cwd, dataDir),
    keyFile: absolute(keyFile),
    functionsDir: absolute(functionsDir),
    work: { ...work, attributesFile: absolute(work.attributesFile) },
    extensions: { dir: absolute(dir), allora: { ...allora, script: absolute(allora.script) }, programs },
  });
  const remarks =
    legacy.ignored.length === 0
      ? []
      : [
          `${legacy.ignored.join(', ')} ${legacy.ignored.length === 1 ? 'has' : 'have'} no effect on a ${settings.role} node`,
        ];
  const given = [...merged]
    .filter(([, { path, value, origin }]) => origin !== 'default' && !isDeepStrictEqual(value, fallbackOf(path)))
    .map(([key, { origin }]) => ({ key, origin }));
  return { settings, remarks, given, origin: (key) => merged.get(key)?.origin ?? 'default' };
}

function fallbackOf(path: readonly string[]): unknown {
  const fallback = findKey(path)?.fallback;
  return typeof fallback === 'function' ? fallback(path[1]) : fallback;
}

/** The first of the file names that is there. */
function presentFile({ cwd, fileNames = ['inferbase.yaml'] }: SettingsSources): string {
  return fileNames.find((name) => existsSync(resolve(cwd, name))) ?? 'inferbase.yaml';
}

function flagSettings({ flags = {}, flagNames = {} }: SettingsSources): Assignment[] {
  return Object.entries(flags).map(([key, value]) => {
    const path = key.split('.');
    const row = findKey(path);
    if (row === undefined) throw new TypeError(`no setting ${key}`);
    const origin = flagNames[key] ?? row.flag ?? `flag for ${key}`;
    return { path, value: typeof value === 'string' ? readText(row, value) : value, origin };
  });
}

/** Puts defaults where no source said anything; every upstream, extension and service named at all gets those of its own. */
function addDefaults(merged: Map<string, Assignment>, defaults: Readonly<Record<string, unknown>>): void {
  const names: Record<string, Set<string>> = {
    upstreams: new Set(['model']),
    extensions: new Set(),
    pinning: new Set(),
  };
  for (const { path } of merged.values()) {
    // The schema cannot see this one: copying an object leaves it behind.
    if (path[1] === '__proto__') throw new InferbaseError('ERR_INVALID_SETTING', explainOne(path.slice(0, 2), merged));
    const [group = '', name = ''] = path;
    if (findKey(path)?.path[1] === ANY_NAME) names[group]?.add(name);
  }
  for (const row of SETTING_KEYS) {
    for (const name of (row.path[1] === ANY_NAME && names[row.path[0] ?? '']) || ['']) {
      const path = row.path.map((part) => (part === ANY_NAME ? name : part));
      const key = path.join('.');
      if (merged.has(key)) continue;
      const fallback = typeof row.fallback === 'function' ? row.fallback(name) : row.fallback;
      const value = defaults[key] ?? fallback;
      if (value !== undefined) merged.set(key, { path, value, origin: 'default' });
    }
  }
}

interface Tree {
  [name: string]: unknown;
}

function nest(merged: ReadonlyMap<string, Assignment>): Tree {
  const tree = (): Tree => Object.create(null);
  const root = tree();
  for (const { path, value } of merged.values()) {
    let at = root;
    for (const part of path.slice(0, -1)) {
      at[part] ??= tree();
      at = at[part] as Tree;
    }
    at[path.at(-1) ?? ''] = value;
  }
  return root;
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
}

function explain(issues: readonly Issue[], merged: ReadonlyMap<string, Assignment>): InferbaseError {
  const lines = new Set(issues.map((issue) => explainOne(issue.path.map(String), merged)));
  const [first, ...others] = lines;
  if (others.length === 0) return new InferbaseError('ERR_INVALID_SETTING', first ?? 'the settings are not valid');
  return new InferbaseError('ERR_INVALID_SETTING', `${lines.size} settings are not valid; correct each of these`, {
    details: [...lines],
  });
}

function explainOne(path: readonly string[], merged: ReadonlyMap<string, Assignment>): string {
  // An issue inside a list or mapping has a longer path than its setting.
  for (let length = path.length; length > 0; length--) {
    const row = findKey(path.slice(0, length));
    if (row === undefined) continue;
    const key = path.slice(0, length).join('.');
    const item = merged.get(key);
    if (item === undefined) return `${key} is missing; give ${row.expects}`;
    const shown = row.secret === true ? 'a value (not shown)' : shownValue(item.value);
    return `${key} is ${shown} (set by ${item.origin}); ${row.remedy?.(item.value) ?? `give ${row.expects}`}`;
  }
  const inside = [...merged.values()].find((item) => path.every((part, i) => item.path[i] === part));
  const where = inside === undefined ? '' : ` (set by ${inside.origin})`;
  return `${path.join('.')}${where} is not a valid name; use letters, digits and hyphens, as in a host name`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
