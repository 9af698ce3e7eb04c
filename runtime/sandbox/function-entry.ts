import { hash } from 'node:crypto';
import { InferbaseError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import type { FunctionEntry, ModuleEntry } from '../core/sandbox-messages.ts';
import { instanceBytesOf } from '../wasm/link.ts';

/** A compiled module and what is known of it. */
interface Compiled {
  readonly name: string;
  readonly module: WebAssembly.Module;
  readonly facts: ModuleFacts;
}

/** A function as the store has it. */
export interface LinkedFunction extends Compiled {
  readonly manifest: Manifest | null;
  /** In the order to instantiate them in. */
  readonly libraries?: readonly Compiled[];
}

/** By entry module, then by what it is linked to and called by. */
const entries = new WeakMap<WebAssembly.Module, Map<string, FunctionEntry>>();

/**
 * A stored function as the sandbox wants it; the same object for the same modules.
 * @throws InferbaseError ERR_INVALID_MODULE when it has nothing to call
 */
export function toFunctionEntry(found: LinkedFunction): FunctionEntry {
  const known = entries.get(found.module) ?? new Map<string, FunctionEntry>();
  const key = keyOf(found);
  const made = known.get(key);
  if (made !== undefined) return made;
  const entry = makeEntry(found);
  known.set(key, entry);
  entries.set(found.module, known);
  return entry;
}

/** Nearly every function is one module with the usual entry. */
function keyOf({ libraries = [], manifest }: LinkedFunction): string {
  const called = manifest === null ? null : manifest.entryExport;
  if (libraries.length === 0 && called === null) return '';
  return JSON.stringify([called, libraries.map(({ name, facts }) => [name, facts.sha256])]);
}

function makeEntry(found: LinkedFunction): FunctionEntry {
  const { module, facts, libraries = [] } = found;
  return {
    module,
    facts: {
      ...kept(facts),
      sha256: libraries.length === 0 ? facts.sha256 : sha256Of([...libraries, found]),
      entry: entryExport(found),
      instanceBytes: instanceBytesOf([...libraries, found]),
    },
    libraries: libraries.map((library) => ({
      name: library.name,
      module: library.module,
      facts: kept(library.facts),
    })),
  };
}

function sha256Of(modules: readonly Compiled[]): string {
  return hash('sha256', modules.map(({ facts }) => facts.sha256).join(' '));
}

function kept({ memory, imports, links, hasStart, catches, setupFuel }: ModuleFacts): ModuleEntry['facts'] {
  return { memory, imports, links, hasStart, catches, setupFuel };
}

function entryExport({ facts, manifest }: LinkedFunction): string | null {
  const functions = new Set(facts.exports.filter(({ kind }) => kind === 'function').map(({ name }) => name));
  const listed = [...functions].slice(0, 20).join(', ') || 'no function';
  const named = manifest?.entryExport ?? null;
  if (named !== null && !functions.has(named)) {
    throw new InferbaseError(
      'ERR_INVALID_MODULE',
      `the manifest's entry is ${JSON.stringify(named.slice(0, 80))}, which the module does not export as a function; it exports: ${listed}`,
    );
  }
  const entry = named ?? ['', '_start'].find((name) => functions.has(name)) ?? null;
  if (entry === null && !facts.hasStart) {
    throw new InferbaseError(
      'ERR_INVALID_MODULE',
      `the module exports no _start and has no start section, so there is nothing to run; it exports: ${listed}`,
    );
  }
  return entry;
}
