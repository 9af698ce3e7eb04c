import { basename, join } from 'node:path';
import type { Document, LineCounter } from 'yaml';
import { InferbaseError } from '../core/errors.ts';
import { LIMIT_NAMES, type Limits } from '../core/limits.ts';
import { isPackagePath } from '../core/manifest.ts';
import { parsePermission } from '../core/permissions.ts';
import { FUNCTION_KEY, openSettingsFile } from './file.ts';
import { nearest } from './keys.ts';
import { shownValue } from './shown-value.ts';

/** What an author says of a function under `function:`; the build reads it. */
export interface FunctionSettings {
  /** Of the module, the package and the pin. */
  readonly name: string;
  readonly description: string;
  /** A module that something else builds, as a path in the folder; `null`: AssemblyScript is compiled. */
  readonly module: string | null;
  readonly contentType: 'text' | 'json' | 'html';
  /** Permission lines it asks for; `null`: whatever the operator allows. */
  readonly permissions: readonly string[] | null;
  /** Limits it asks for. */
  readonly limits: Partial<Limits>;
  /** Files and folders that go into the package beside the module, as paths in the folder. */
  readonly files: readonly string[];
  /** The file that says so, or `null`: all of it are defaults. */
  readonly source: string | null;
}

/** Files that may have a `function:`, in this order. */
const FILES = ['inferbase.yaml', 'config.yaml'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

interface Field {
  readonly expects: string;
  readonly fits: (value: unknown) => boolean;
}

const TEXT: Field = { expects: 'text', fits: (value) => typeof value === 'string' };
const COUNT: Field = {
  expects: 'a whole number from 1 up',
  fits: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};

/** Keys of `function:` and what each has to be. */
const FIELDS: Readonly<Record<Exclude<keyof FunctionSettings, 'source'>, Field>> = {
  name: {
    expects: 'a name of at most 64 letters, digits, dots, hyphens and underscores',
    fits: (value) => typeof value === 'string' && NAME.test(value),
  },
  description: TEXT,
  module: {
    expects: 'the path of a .wasm file in this folder',
    fits: (value) => isPath(value) && /\.wasm$/.test(value),
  },
  contentType: { expects: 'text, json or html', fits: (value) => ['text', 'json', 'html'].includes(value as string) },
  permissions: { expects: 'a list of URLs, such as https://api.example.com/', fits: (value) => isList(value, isGrant) },
  limits: { expects: 'a mapping of limits to numbers', fits: (value) => isMapping(value) },
  files: {
    expects: 'a list of paths in this folder, with "/" and without ".."',
    fits: (value) => isList(value, isPath),
  },
};

/**
 * What the `function:` of a folder's `inferbase.yaml` (else `config.yaml`) says; defaults where there is none.
 * @param dir absolute path of the folder
 * @throws InferbaseError ERR_INVALID_SETTING naming file, line, key and remedy
 */
export async function readFunctionSettings(dir: string): Promise<FunctionSettings> {
  for (const file of FILES) {
    const opened = await openSettingsFile(join(dir, file), true);
    const node = opened?.document.get(FUNCTION_KEY, true);
    if (opened === undefined || node === undefined || node === null) continue;
    return check(dir, { file, ...opened });
  }
  return { ...defaults(dir), source: null };
}

function defaults(dir: string): Omit<FunctionSettings, 'source'> {
  const name = basename(dir)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
  return {
    name: name === '' ? 'function' : name,
    description: '',
    module: null,
    contentType: 'text',
    permissions: null,
    limits: {},
    files: [],
  };
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** @throws InferbaseError for aliases that unfold without end */
function declaredIn(source: Source): unknown {
  try {
    return (source.document.toJS({ maxAliasCount: 100 }) as Record<string, unknown>)[FUNCTION_KEY] ?? {};
  } catch (error) {
    throw wrong(source, [], `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function check(dir: string, source: Source): FunctionSettings {
  const declared = declaredIn(source);
  if (!isMapping(declared)) throw wrong(source, [], 'has to be a mapping, such as function: {name: price-feed}');
  const present = Object.entries(declared).filter(([, value]) => value !== null);
  for (const [key, value] of present) {
    if (!Object.hasOwn(FIELDS, key)) {
      throw wrong(source, [key], `is no key of it; did you mean ${nearest(key, Object.keys(FIELDS))}?`);
    }
    const { expects, fits } = FIELDS[key as keyof typeof FIELDS];
    if (!fits(value)) throw wrong(source, [key], `is ${shownValue(value)}; give ${expects}`);
    if (key === 'limits') checkLimits(value as Record<string, unknown>, source);
  }
  return { ...defaults(dir), ...Object.fromEntries(present), source: join(dir, source.file) };
}

function checkLimits(limits: Readonly<Record<string, unknown>>, source: Source): void {
  const names: readonly string[] = LIMIT_NAMES;
  for (const [key, value] of Object.entries(limits)) {
    if (!names.includes(key)) throw wrong(source, ['limits', key], `is no limit; did you mean ${nearest(key, names)}?`);
    if (!COUNT.fits(value)) throw wrong(source, ['limits', key], `is ${shownValue(value)}; give ${COUNT.expects}`);
  }
}

function wrong({ file, document, lines }: Source, key: readonly string[], what: string): InferbaseError {
  const path = [FUNCTION_KEY, ...key];
  // A key that is not a scalar of that name has no place of its own.
  const node = document.getIn(path, true) as { range?: readonly number[] } | undefined;
  const at = node?.range?.[0];
  const place = at === undefined ? file : `${file}:${lines.linePos(at).line}`;
  return new InferbaseError('ERR_INVALID_SETTING', `${path.join('.')} (${place}) ${what}`);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && isPackagePath(value.replace(/^\.\//, '').replace(/\/$/, ''));
}

function isGrant(value: unknown): boolean {
  try {
    parsePermission(value as string);
    return true;
  } catch {
    return false;
  }
}
