import { findHostCall } from '../core/host-calls.ts';
import type { LinkedImport, ModuleFacts } from '../core/module-facts.ts';
import { describeImports, signature } from './describe-externs.ts';
import { invalidModule, quoteName } from './invalid-module.ts';
import type { ModuleShape } from './module-shape.ts';

/** What a module imports: host calls, and the rest. */
export type CheckedImports = Pick<ModuleFacts, 'imports' | 'links'>;

/**
 * Holds every import against the host-call table, by own name and full signature. What is not in it must come from a
 * module of the same package, or be a memory or table, which are made for each execution.
 * @param libraries names of the modules of the package
 * @throws InferbaseError ERR_INVALID_MODULE naming the import
 */
export function checkImports(bytes: Uint8Array, shape: ModuleShape, libraries: ReadonlySet<string>): CheckedImports {
  const imports: { module: string; name: string }[] = [];
  const links: LinkedImport[] = [];
  for (const described of describeImports(bytes, shape)) {
    const { module, name } = described;
    const call = findHostCall(module, name);
    if (call !== undefined) {
      requireCall(described, signature(call.params, call.results));
      imports.push({ module, name });
    } else {
      if (!libraries.has(module)) requireProvided(described);
      links.push(described);
    }
  }
  return { imports, links };
}

function requireCall({ module, name, kind, type }: LinkedImport, served: string): void {
  const shown = `${quoteName(module)}.${quoteName(name)}`;
  if (kind !== 'function')
    throw invalidModule(`the module imports the ${kind} ${shown}, which is a host call; rename it`);
  if (type !== served) {
    throw invalidModule(`the module imports ${shown} as ${type}, but it is ${served}; correct its declaration`);
  }
}

/**
 * Requires of an import that no module of the package serves that it can be made for each execution.
 * @throws InferbaseError ERR_INVALID_MODULE
 */
export function requireProvided({ module, name, kind }: LinkedImport): void {
  if (kind === 'memory' || kind === 'table') return;
  const shown = `${quoteName(module)}.${quoteName(name)}`;
  if (kind !== 'function') {
    throw invalidModule(
      `the module imports the ${kind} ${shown}, which no module of its package exports; define it in the module`,
    );
  }
  throw invalidModule(
    `the module imports ${shown}, which no host call has; import only WASI preview 1 and blockless functions`,
  );
}
