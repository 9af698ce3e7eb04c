import { hash } from 'node:crypto';
import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import type { FunctionEntry, ModuleEntry } from '../core/sandbox-messages.ts';
import { instanceBytesOf } from '../wasm/link.ts';
import { entryExport } from './entry-export.ts';

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
 * A stored function as the sandbox wants it; the same object for the same modules and export.
 * @param asked export to call; empty for the manifest's, or the usual one
 * @throws InferbaseError ERR_INVALID_MODULE when it has nothing to call, or nothing that can be called
 */
export function toFunctionEntry(found: LinkedFunction, asked = ''): FunctionEntry {
  const known = entries.get(found.module) ?? new Map<string, FunctionEntry>();
  const key = keyOf(found, asked);
  const made = known.get(key);
  if (made !== undefined) return made;
  const entry = makeEntry(found, asked);
  known.set(key, entry);
  entries.set(found.module, known);
  return entry;
}

/** Nearly every function is one module with the usual entry. */
function keyOf({ libraries = [], manifest }: LinkedFunction, asked: string): string {
  const called = asked !== '' ? asked : manifest === null ? null : manifest.entryExport;
  if (libraries.length === 0 && called === null) return '';
  return JSON.stringify([called, libraries.map(({ name, facts }) => [name, facts.sha256])]);
}

function makeEntry(found: LinkedFunction, asked: string): FunctionEntry {
  const { module, facts, libraries = [] } = found;
  return {
    module,
    facts: {
      ...kept(facts),
      sha256: libraries.length === 0 ? facts.sha256 : sha256Of([...libraries, found]),
      ...entryExport(facts, asked, found.manifest?.entryExport ?? ''),
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
