import { type LinkedImport, REWRITTEN } from '../core/module-facts.ts';
import { type FunctionEntry, initialPages, type ModuleEntry } from '../core/sandbox-messages.ts';
import { type PlannedImports, planImports } from './host-imports.ts';

/** What to do for an instance of one module; the same for every execution, so it is worked out once. */
export interface ModulePlan extends ModuleEntry {
  /** What others import it by; empty for the entry. */
  readonly name: string;
  readonly imports: PlannedImports;
  /** Exports to call once it is instantiated, in order. */
  readonly calls: readonly string[];
  /** The linear memory of its own; `null` when it has none, or another module's. */
  readonly memory: OwnMemory | null;
  /** What it takes from libraries. */
  readonly links: readonly LinkedImport[];
  /** Tables that are made for each execution. */
  readonly tables: readonly LinkedImport[];
}

/** A memory from the pool, and the import it is given by. */
export interface OwnMemory {
  readonly module: string;
  readonly name: string;
  readonly initial: number;
  readonly maximum: number | null;
}

export interface FunctionPlan extends ModulePlan {
  readonly facts: FunctionEntry['facts'];
  /** Linear memory that all its modules begin with, in 64 KiB pages. */
  readonly pages: number;
  /** In the order to instantiate them in. */
  readonly libraries: readonly ModulePlan[];
}

/** Plans a function that arrived on this thread. */
export function planFunction(entry: FunctionEntry): FunctionPlan {
  const { libraries: linked = [] } = entry;
  const names = new Set(linked.map(({ name }) => name));
  const libraries = linked.map((library) => planModule(library, library.name, names));
  return {
    // One that takes or returns something is called with it, once all else is done.
    ...planModule(entry, '', names, entry.facts.call === undefined ? entry.facts.entry : null),
    facts: entry.facts,
    pages: initialPages(entry),
    libraries,
  };
}

/** @param called export of the entry; libraries have none */
function planModule(
  { module, facts }: ModuleEntry,
  name: string,
  libraries: ReadonlySet<string>,
  called: string | null = null,
): ModulePlan {
  const functions = new Set(
    WebAssembly.Module.exports(module).flatMap((each) => (each.kind === 'function' ? [each.name] : [])),
  );
  const start = facts.hasStart ? REWRITTEN.start : null;
  const calls = [start, '_initialize', called].filter((each) => each !== null && functions.has(each)) as string[];
  const [links, provided] = [true, false].map((linked) =>
    facts.links.filter((link) => libraries.has(link.module) === linked),
  ) as [LinkedImport[], LinkedImport[]];
  const imported = facts.links.find(({ kind }) => kind === 'memory');
  const key = imported ?? { module: REWRITTEN.importModule, name: REWRITTEN.memory };
  const isOthers = imported !== undefined && libraries.has(imported.module);
  const memory = facts.memory === null || isOthers ? null : { module: key.module, name: key.name, ...facts.memory };
  const tables = provided.filter(({ kind }) => kind === 'table');
  return { name, module, facts, imports: planImports(facts.imports), calls, memory, links, tables };
}
