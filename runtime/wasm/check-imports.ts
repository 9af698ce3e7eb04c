import { findHostCall } from '../core/host-calls.ts';
import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { readValueTypes } from './declarations.ts';
import { invalidModule, quoteName } from './invalid-module.ts';
import type { ModuleShape } from './module-shape.ts';

function signature(params: readonly string[], results: readonly string[]): string {
  return `(${params.join(', ')}) -> (${results.join(', ')})`;
}

/**
 * Holds every import against the host-call table, by own name and full signature.
 * @throws InferbaseError ERR_INVALID_MODULE naming the import
 */
export function checkImports(bytes: Uint8Array, shape: ModuleShape): void {
  const reader = new ByteReader(bytes, 'type section');
  for (const { module, name, typeIndex } of shape.imports) {
    const shown = `${quoteName(module)}.${quoteName(name)}`;
    const call = findHostCall(module, name);
    if (call === undefined) {
      throw invalidModule(
        `the module imports ${shown}, which no host call has; import only WASI preview 1 and blockless functions`,
      );
    }
    reader.position = shape.types.at[typeIndex] ?? 0;
    const params = readValueTypes(reader, BOUNDS.params, 'parameters');
    const results = readValueTypes(reader, BOUNDS.results, 'results');
    const declared = signature(params, results);
    const served = signature(call.params, call.results);
    if (declared !== served) {
      throw invalidModule(`the module imports ${shown} as ${declared}, but it is ${served}; correct its declaration`);
    }
  }
}
