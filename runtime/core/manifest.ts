import { InferbaseError } from './errors.ts';
import { LIMIT_NAMES, type Limits } from './limits.ts';

/** What an author declares beside a module, in the DAG that the CID names. */
export interface Manifest {
  /** Empty when not given. */
  readonly name: string;
  /** Where the tar.gz with the modules is; `null` when they lie beside the manifest. */
  readonly archive: {
    readonly url: string /** Lower-case hex sha-256 of the archive. */;
    readonly checksum: string;
  } | null;
  /** Permission lines; `null` narrows nothing. */
  readonly permissions: readonly string[] | null;
  readonly limits: Partial<Limits>;
  readonly modules: readonly ManifestModule[];
  /** File to run when a request names no method. */
  readonly entryModule: string | null;
  /** Export to call, as version 1 has it; `null` for the usual one. */
  readonly entryExport: string | null;
  /** Files beside the modules that the function reads, by path in the package; `null` where the manifest does not say. */
  readonly files: readonly string[] | null;
}

/** A module file named by the manifest. */
export interface ManifestModule {
  readonly file: string;
  /** Lower-case hex. */
  readonly md5: string | null;
  /** What other modules of the package import it by; empty when not given. */
  readonly name: string;
  /** `module` (a library, linked by name), `entry`, or what else was written. */
  readonly type: string;
}

/** Largest manifest that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 262_144;

/** What `$schema` of a manifest says: a name, not an address (`inferbase/manifest.schema.json` has the schema). */
export const MANIFEST_SCHEMA = 'urn:inferbase:manifest:1';

/** Keys of the older stack for limits of ours: 64 KiB pages, ms, units. 0 is no limit. */
export const LEGACY_LIMITS = {
  limited_memory: 'memoryPages',
  run_time: 'deadlineMs',
  limited_fuel: 'fuel',
} as const satisfies Record<string, keyof Limits>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Parses a manifest of the bls CLI (`runtime.url`), of the newer Blockless form (`deployment.uri`) or one without an
 * archive. Keys that mean nothing here are left out.
 *
 * Permissions that are missing, null, or `[]` as the bls CLI writes it by default, narrow nothing; `[]` beside an
 * `inferbase` key is meant as written. `limited_memory` is in 64 KiB pages, `run_time` in ms, 0 is no limit; of
 * such a key and the limit of ours the smaller holds.
 * @throws InferbaseError `ERR_INVALID_MANIFEST` naming the path of the key
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const root = object(parseJson(bytes), '');
  const own = optional(root, 'inferbase', '', object);
  const modules = optional(root, 'modules', '', array) ?? [];
  const parsed = modules.map((item, index) => moduleOf(object(item, `modules[${index}]`), `modules[${index}]`));
  const name = optional(root, 'name', '', string) || functionName(root) || '';
  const entry = parsed.find((module) => module.type === 'entry') ?? (parsed.length === 1 ? parsed[0] : undefined);
  return {
    name,
    archive: archiveOf(root),
    permissions: permissionsOf(root, own !== undefined),
    limits: tightest(legacyLimits(root), ownLimits(own)),
    modules: parsed,
    entryModule: entry === undefined ? null : entry.file,
    entryExport: entryExportOf(root),
    files: own === undefined ? null : filesOf(own),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new InferbaseError(
      'ERR_INVALID_MANIFEST',
      `manifest.json has ${bytes.length} bytes; at most ${MAX_MANIFEST_BYTES} are read.`,
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 120) : '';
    throw new InferbaseError('ERR_INVALID_MANIFEST', `manifest.json is not JSON in UTF-8: ${why}.`, { cause: error });
  }
}

function functionName(root: Json): string | undefined {
  const declared = optional(root, 'function', '', object);
  return declared === undefined ? undefined : optional(declared, 'name', 'function', string);
}

/** In version 0 `entry` names a file on the author's machine. */
function entryExportOf(root: Json): string | null {
  if (root.version !== 1) return null;
  const name = optional(root, 'entry', '', string) ?? '';
  return name === '' || name === '_start' ? null : name;
}

function archiveOf(root: Json): Manifest['archive'] {
  const runtime = optional(root, 'runtime', '', object);
  const deployment = optional(root, 'deployment', '', object);
  // As b7s does: a runtime with a URL replaces the whole deployment.
  const legacy = runtime === undefined ? undefined : optional(runtime, 'url', 'runtime', string);
  if (runtime !== undefined && legacy) return { url: legacy, checksum: checksumOf(runtime, 'runtime') };
  const uri = deployment === undefined ? undefined : optional(deployment, 'uri', 'deployment', string);
  if (deployment !== undefined && uri) return { url: uri, checksum: checksumOf(deployment, 'deployment') };
  return null;
}

function checksumOf(parent: Json, path: string): string {
  const value = optional(parent, 'checksum', path, string) ?? '';
  if (!/^[0-9a-f]{64}$/i.test(value)) throw bad(`${path}.checksum`, 'the sha-256 of the archive, 64 hex digits', value);
  return value.toLowerCase();
}

function permissionsOf(root: Json, ours: boolean): readonly string[] | null {
  const list = optional(root, 'permissions', '', array);
  if (list === undefined || (list.length === 0 && !ours)) return null;
  return list.map((item, index) => string(item, `permissions[${index}]`));
}

function legacyLimits(root: Json): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [key, limit] of Object.entries(LEGACY_LIMITS)) {
    const value = optional(root, key, '', count) ?? 0;
    if (value > 0) limits[limit] = value;
  }
  return limits;
}

function ownLimits(own: Json | undefined): Partial<Limits> {
  const limits = own === undefined ? undefined : optional(own, 'limits', 'inferbase', object);
  const result: Partial<Record<keyof Limits, number>> = {};
  if (limits === undefined) return result;
  for (const key of LIMIT_NAMES) {
    const value = optional(limits, key, 'inferbase.limits', count);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** Where a limit is written under both of its names, the smaller value holds: neither widens what the other asks for. */
function tightest(legacy: Partial<Limits>, own: Partial<Limits>): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = { ...legacy, ...own };
  for (const key of LIMIT_NAMES) {
    const [old, ours] = [legacy[key], own[key]];
    if (old !== undefined && ours !== undefined) limits[key] = Math.min(old, ours);
  }
  return limits;
}

function filesOf(own: Json): readonly string[] | null {
  const list = optional(own, 'files', 'inferbase', array);
  return list?.map((item, index) => packagePath(item, `inferbase.files[${index}]`)) ?? null;
}

/** Relative, `/` between folders, and inside the package. */
function packagePath(value: unknown, path: string): string {
  const text = string(value, path);
  if (!isPackagePath(text)) throw bad(path, 'a path inside the package', value);
  return text;
}

/** Whether a text names a file inside a package: relative, `/` between folders, no `.`, `..`, empty part or `\\`. */
export function isPackagePath(text: string): boolean {
  if (text.length > 240 || /[\\\p{Cc}]/u.test(text)) return false;
  return text.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function moduleOf(item: Json, path: string): ManifestModule {
  const file = string(item.file, `${path}.file`);
  const md5 = optional(item, 'md5', path, string) ?? '';
  if (md5 !== '' && !/^[0-9a-f]{32}$/i.test(md5)) throw bad(`${path}.md5`, 'an md5, 32 hex digits', md5);
  const name = optional(item, 'name', path, string) ?? '';
  const type = optional(item, 'type', path, string) ?? '';
  return { file, md5: md5 === '' ? null : md5.toLowerCase(), name, type };
}

/** A missing key and null are the same: bls and b7s write both. */
function optional<T>(
  parent: Json,
  key: string,
  path: string,
  check: (value: unknown, path: string) => T,
): T | undefined {
  const value = Object.hasOwn(parent, key) ? parent[key] : undefined;
  return value === undefined || value === null ? undefined : check(value, path === '' ? key : `${path}.${key}`);
}

function object(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(path, 'an object', value);
  return value as Json;
}

function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(path, 'a list', value);
  return value;
}

function string(value: unknown, path: string): string {
  if (typeof value !== 'string') throw bad(path, 'a string', value);
  return value;
}

function count(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad(path, 'a whole number', value);
  return value;
}

function bad(path: string, wanted: string, value: unknown): InferbaseError {
  const shown = (JSON.stringify(value) ?? 'missing').slice(0, 60);
  const where = path === '' ? 'manifest.json' : `manifest.json: ${path}`;
  return new InferbaseError('ERR_INVALID_MANIFEST', `${where} should be ${wanted}, not ${shown}.`);
}
