import type { Manifest } from '../core/manifest.ts';
import type { ModuleFacts } from '../core/module-facts.ts';

/** A module of a package that others import by name. */
export interface Library {
  readonly name: string;
  /** In the package. */
  readonly file: string;
}

/** A library ready to run. */
export interface CompiledLibrary {
  readonly name: string;
  readonly module: WebAssembly.Module;
  readonly facts: ModuleFacts;
}

/** The libraries that a package's manifest declares for one of its files: every other `module` that has a name. */
export function librariesOf(manifest: Manifest | null, file: string): Library[] {
  const modules = manifest === null ? [] : manifest.modules;
  return modules
    .filter(({ type, name }) => type === 'module' && name !== '')
    .map((module) => ({ name: module.name, file: module.file.replace(/^.*\//s, '') }))
    .filter((library) => library.file !== file);
}
