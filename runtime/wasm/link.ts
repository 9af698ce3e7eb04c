import { isHostModule } from '../core/host-calls.ts';
import { type LinkedImport, type ModuleExport, type ModuleFacts, REWRITTEN } from '../core/module-facts.ts';
import { BOUNDS } from './bounds.ts';
import { requireProvided } from './check-imports.ts';
import { invalidModule, quoteName } from './invalid-module.ts';

/** A module of a package. */
export interface NamedModule {
  /** What others import it by; of the entry, its file's. */
  readonly name: string;
  readonly facts: Pick<ModuleFacts, 'links' | 'exports' | 'instanceBytes' | 'growsTables'>;
}

/**
 * Links the modules of one package by name: every import that is no host call is found among the exports of the library
 * it names, with the same type. Names in front of the ones they import are sorted behind them.
 *
 * Source: bls-runtime's configuration of version 1, which has no forward references.
 * @param entry the module that runs
 * @param libraries in the order of the manifest
 * @returns the libraries in the order to instantiate them
 * @throws InferbaseError ERR_INVALID_MODULE naming the modules and the import
 */
export function linkModules<Library extends NamedModule>(
  entry: NamedModule,
  libraries: readonly Library[],
): readonly Library[] {
  const byName = checkNames(libraries);
  const known = new Map<NamedModule, ReadonlyMap<string, ModuleExport>>();
  const exportsOf = (library: NamedModule): ReadonlyMap<string, ModuleExport> => {
    const exports = known.get(library) ?? new Map(library.facts.exports.map((found) => [found.name, found]));
    known.set(library, exports);
    return exports;
  };
  for (const module of [...libraries, entry]) checkLinks(module, byName, exportsOf);
  if (libraries.length > 0) checkCost([...libraries, entry]);
  return sort(libraries, byName);
}

/** @throws InferbaseError ERR_INVALID_MODULE for a name that cannot be linked by */
export function checkNames<Named extends Pick<NamedModule, 'name'>>(
  libraries: readonly Named[],
): ReadonlyMap<string, Named> {
  if (libraries.length > BOUNDS.libraries) {
    throw invalidModule(
      `the package links ${libraries.length} modules, more than the ${BOUNDS.libraries} allowed; put some together`,
    );
  }
  const byName = new Map<string, Named>();
  for (const library of libraries) {
    const { name } = library;
    const problem = byName.has(name)
      ? 'is there twice'
      : name === ''
        ? 'has no name to be imported by'
        : isHostModule(name) || name === REWRITTEN.importModule
          ? 'has the name of a module of host calls'
          : null;
    if (problem !== null) throw invalidModule(`the library ${quoteName(name)} ${problem}; rename it in the manifest`);
    byName.set(name, library);
  }
  return byName;
}

function checkLinks(
  module: NamedModule,
  byName: ReadonlyMap<string, NamedModule>,
  exportsOf: (library: NamedModule) => ReadonlyMap<string, ModuleExport>,
): void {
  for (const link of module.facts.links) {
    const library = byName.get(link.module);
    if (library === undefined) {
      requireProvided(link);
      continue;
    }
    const shown = `${quoteName(module.name)} imports the ${link.kind} ${quoteName(link.module)}.${quoteName(link.name)}`;
    const found = exportsOf(library).get(link.name);
    if (found === undefined) throw invalidModule(`${shown}, which that module does not export; export it there`);
    const problem = mismatch(link, found);
    if (problem !== null) throw invalidModule(`${shown}${problem}; correct its declaration`);
  }
}

function mismatch(link: LinkedImport, found: ModuleExport): string | null {
  if (found.kind !== link.kind) return `, which is a ${found.kind}`;
  if (found.type !== link.type) return ` as ${link.type}, but it is ${found.type}`;
  // An index of a type means nothing outside of its module.
  if (/\(ref (null )?\d/.test(link.type)) return ` as ${link.type}, a type that is not linked between modules`;
  if (link.extent === undefined || found.extent === undefined) return null;
  const [wanted, there] = [link.extent, found.extent];
  if (there.initial < wanted.initial) return ` of at least ${wanted.initial}, but it begins with ${there.initial}`;
  if (wanted.maximum === null) return null;
  if (there.maximum !== null && there.maximum <= wanted.maximum) return null;
  return ` of at most ${wanted.maximum}, but it can grow to ${there.maximum ?? 'any size'}`;
}

function checkCost(modules: readonly NamedModule[]): void {
  const bytes = modules.reduce((sum, { facts }) => sum + facts.instanceBytes, 0);
  if (bytes <= BOUNDS.setBytes) return;
  throw invalidModule(
    `the modules of the package take ${bytes} bytes in each execution beside their memory, more than the ${BOUNDS.setBytes} allowed; use smaller tables`,
  );
}

/** Depth first; no deeper than there are libraries. */
function sort<Library extends NamedModule>(
  libraries: readonly Library[],
  byName: ReadonlyMap<string, Library>,
): Library[] {
  const sorted = new Set<Library>();
  const path: Library[] = [];
  const visit = (library: Library): void => {
    if (sorted.has(library)) return;
    const from = path.indexOf(library);
    if (from !== -1) {
      const circle = [...path.slice(from), library].map(({ name }) => quoteName(name)).join(' → ');
      throw invalidModule(`the modules import each other in a circle: ${circle}; put what they share in another one`);
    }
    path.push(library);
    for (const link of library.facts.links) {
      const next = byName.get(link.module);
      if (next !== undefined) visit(next);
    }
    path.pop();
    sorted.add(library);
  };
  for (const library of libraries) visit(library);
  return [...sorted];
}

/**
 * What an instance of the whole set takes beside linear memory, in bytes; see `ModuleFacts.instanceBytes`. A table that
 * one module exports may be grown by another.
 */
export function instanceBytesOf(modules: readonly NamedModule[]): number {
  const bytes = modules.reduce((sum, { facts }) => sum + facts.instanceBytes, 0);
  const grown = modules.some(({ facts }) => facts.growsTables && facts.links.some(({ kind }) => kind === 'table'));
  return grown && modules.length > 1 ? bytes + BOUNDS.tableElements * BYTES_PER_ELEMENT : bytes;
}

/** As measured for `estimateInstanceBytes`. */
const BYTES_PER_ELEMENT = 24;
