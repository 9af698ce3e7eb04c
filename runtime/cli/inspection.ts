import { createHash } from 'node:crypto';
import { InferbaseError, toErrorData } from '../core/errors.ts';
import { findHostCall } from '../core/host-calls.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import { allows, intersectPermissions, type Permissions } from '../core/permissions.ts';
import { entryExport } from '../sandbox/entry-export.ts';
import { librariesOf } from '../store/libraries.ts';
import { checkMemory } from '../wasm/check-memory.ts';

export interface ImportReport {
  readonly module: string;
  readonly name: string;
  /** What it is for: `wasi`, `http`, `cgi`, `memory` (environment and input), …; `linked` for what is no host call. */
  readonly kind: string;
  /** What a call of it does. */
  readonly note: string;
}

export interface ModuleReport {
  readonly name: string;
  readonly sha256?: string;
  readonly memory?: ModuleFacts['memory'];
  readonly hasStart?: boolean;
  /** What may come out differently on another machine; see `ModuleFacts`. */
  readonly varies?: ModuleFacts['varies'];
  /** Each import with what a call of it does. */
  readonly imports?: readonly ImportReport[];
  readonly exports?: readonly { readonly name: string; readonly kind: string }[];
  /** Why it would not run; `null` when it would. */
  readonly refused: string | null;
}

export interface AskedLine {
  readonly line: string;
  /** `void`: it grants nothing here, such as one about files. */
  readonly state: 'allowed' | 'denied' | 'void';
}

/** What a function needs an operator's setting for, told by the host calls it imports. */
export interface Need {
  readonly permission: 'network' | 'processes';
  readonly calls: readonly string[];
}

/** What `inspect` found. */
export interface Inspection {
  readonly kind: string;
  /** `null` for a file that is part of no DAG. */
  readonly cid: string | null;
  /** In bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly manifest: Manifest | null;
  /** Sums that the manifest gives and that were compared with the bytes. */
  readonly verified: readonly string[];
  /** Permission lines of its manifest, with what `policy.allow` says to them; `null` where it has none. */
  readonly asks: readonly AskedLine[] | null;
  readonly needs: readonly Need[];
  readonly modules: readonly ModuleReport[];
}

/** What a module's own bytes say; for one that is refused, as much as V8 can tell. */
export async function inspectBytes(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  pages: number,
  manifest: Manifest | null = null,
): Promise<ModuleReport> {
  const { prepareModule } = await import('../wasm/prepare.ts');
  try {
    return inspectFacts(name, prepareModule(bytes).facts, { pages, manifest });
  } catch (error) {
    return refusedModule(name, bytes, error);
  }
}

/**
 * What the modules of one package say, each linked with the libraries that its manifest declares for it.
 * @param files bytes by name
 * @param context.pages 64 KiB pages a guest may have
 */
export async function inspectModules(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  { pages, manifest }: { pages: number; manifest: Manifest | null },
): Promise<ModuleReport[]> {
  const { prepareModule } = await import('../wasm/prepare.ts');
  const { linkModules } = await import('../wasm/link.ts');
  const facts = new Map<string, ModuleFacts>();
  const failures = new Map<string, unknown>();
  for (const [name, bytes] of files) {
    const libraries = new Set(librariesOf(manifest, name).map((library) => library.name));
    try {
      facts.set(name, prepareModule(bytes, libraries).facts);
    } catch (error) {
      failures.set(name, error);
    }
  }
  return [...files].map(([name, bytes]) => {
    const own = facts.get(name);
    if (own === undefined) return refusedModule(name, bytes, failures.get(name));
    try {
      const libraries = librariesOf(manifest, name).map(({ name: library, file }) => {
        const found = facts.get(file);
        if (found !== undefined) return { name: library, facts: found };
        const why = failures.has(file) ? toErrorData(failures.get(file)).message : 'it is not in the package';
        throw new InferbaseError('ERR_INVALID_MODULE', `its library ${file} cannot be linked: ${why}`);
      });
      linkModules({ name, facts: own }, libraries);
      return inspectFacts(name, own, { pages, manifest });
    } catch (error) {
      return { ...inspectFacts(name, own, { pages, manifest }), refused: toErrorData(error).message };
    }
  });
}

/** A module that is refused, with as much as V8 can tell of it. */
function refusedModule(name: string, bytes: Uint8Array<ArrayBuffer>, error: unknown): ModuleReport {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, sha256, ...describe(bytes), refused: toErrorData(error).message };
}

/** Imports and exports of a module that we refuse but V8 reads. */
function describe(bytes: Uint8Array<ArrayBuffer>): Pick<ModuleReport, 'imports' | 'exports'> {
  try {
    const module = new WebAssembly.Module(bytes);
    return {
      imports: WebAssembly.Module.imports(module).map(({ module: from, name }) => explain(from, name)),
      exports: WebAssembly.Module.exports(module),
    };
  } catch {
    return {};
  }
}

/**
 * What the facts of a prepared module say.
 * @param context.pages 64 KiB pages a guest may have
 * @param context.manifest of its package: a library of it need not have anything to run
 */
export function inspectFacts(
  name: string,
  facts: ModuleFacts,
  context: { pages: number; manifest: Manifest | null },
): ModuleReport {
  const { sha256, memory, hasStart, imports, links, exports, varies } = facts;
  return {
    name,
    sha256,
    memory,
    hasStart,
    varies,
    imports: [
      ...imports.map(({ module, name: call }) => explain(module, call)),
      ...links.map(({ module, name: link, kind }) => ({ module, name: link, kind: 'linked', note: `a ${kind}` })),
    ],
    exports: exports.map(({ name: exported, kind }) => ({ name: exported, kind })),
    refused: refusal(name, facts, context),
  };
}

/**
 * The permission lines of a manifest.
 * @param policy the operator's
 */
export function askedLines(manifest: Manifest | null, policy: readonly string[]): readonly AskedLine[] | null {
  const granted = intersectPermissions({ policy, manifest: null, request: null });
  return manifest?.permissions?.map((line) => ({ line, state: stateOf(line, granted) })) ?? null;
}

function stateOf(line: string, granted: Permissions): AskedLine['state'] {
  const url = /^https?:/i.test(line) ? URL.parse(line) : null;
  if (url === null) return 'void';
  return allows(granted, url) ? 'allowed' : 'denied';
}

/** What the modules of a function need a setting for. */
export function needsOf(modules: readonly Pick<ModuleReport, 'imports'>[]): readonly Need[] {
  const imports = modules.flatMap((module) => module.imports ?? []);
  const needs = (['network', 'processes'] as const).map((permission) => {
    const names = imports.flatMap(({ module, name }) => {
      return findHostCall(module, name)?.permission === permission ? [`${module}.${name}`] : [];
    });
    return { permission, calls: [...new Set(names)] };
  });
  return needs.filter(({ calls }) => calls.length > 0);
}

function refusal(
  name: string,
  facts: ModuleFacts,
  { pages, manifest }: { pages: number; manifest: Manifest | null },
): string | null {
  try {
    checkMemory(facts, pages);
    const isLibrary = manifest?.modules.some(
      ({ file, type }) => type === 'module' && file.replace(/^.*\//s, '') === name,
    );
    if (isLibrary !== true) entryExport(facts);
    return null;
  } catch (error) {
    return toErrorData(error).message;
  }
}

function explain(module: string, name: string): ImportReport {
  const kind = kindOf(module);
  const call = findHostCall(module, name);
  if (call === undefined) return { module, name, kind, note: 'refused, no host call has this name' };
  const { unservedErrno, permission } = call;
  if (unservedErrno !== null) return { module, name, kind, note: `not served, returns errno ${unservedErrno}` };
  return { module, name, kind, note: permission === 'none' ? 'served' : `served, needs ${permission} permission` };
}

function kindOf(module: string): string {
  if (/^wasi_/.test(module)) return 'wasi';
  return module.replace(/^(?:blockless|bless)[_.]?/, '') || module;
}

/**
 * A package's verified sums, in words: its archive's was compared when it was opened, a module's when it was read.
 * @param read names of the modules that could be read
 */
export function verifiedSums(manifest: Manifest | null, read: readonly string[]): string[] {
  if (manifest === null) return [];
  const archive = manifest.archive === null ? [] : [`sha-256 of ${manifest.archive.url}`];
  const files = manifest.modules.filter(({ md5 }) => md5 !== null).map(({ file }) => file.replace(/^.*\//s, ''));
  return [...archive, ...files.filter((file) => read.includes(file)).map((file) => `md5 of ${file}`)];
}
