import { hash } from 'node:crypto';
import type { ExternKind, LinkedImport, ModuleExport } from '../core/module-facts.ts';
import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { readValueTypes } from './declarations.ts';
import type { ModuleShape } from './module-shape.ts';
import { fittingCall, readRecordedTypes } from './recorded-types.ts';
import { boundOf } from './table-bounds.ts';

/** Longest type that is kept as it is. */
const MAX_TYPE_LENGTH = 200;

/** What a module exports, with types. */
export function describeExports(bytes: Uint8Array, shape: ModuleShape): ModuleExport[] {
  const describe = describer(bytes, shape);
  const recorded = readRecordedTypes(bytes, shape);
  return shape.exports.map(({ name, kind, index }) => {
    const described = describe(kind, index);
    const call = kind === 'function' ? fittingCall(recorded.get(name), described.type) : undefined;
    return { name, kind, ...described, ...(call === undefined ? {} : { call }) };
  });
}

/** What a module imports, host calls among it, with types. */
export function describeImports(bytes: Uint8Array, shape: ModuleShape): LinkedImport[] {
  const describe = describer(bytes, shape);
  return shape.links.map(({ module, name, kind, index }) => {
    const table = kind === 'table' ? shape.tables[index] : undefined;
    const bound = table === undefined ? {} : { bound: boundOf(shape, table) };
    return { module, name, kind, ...describe(kind, index), ...bound };
  });
}

type Describe = (kind: ExternKind, index: number) => Pick<ModuleExport, 'type' | 'extent'>;

/** Reads each function type once, however many have it. An index past the end, which V8 will refuse, has no type. */
function describer(bytes: Uint8Array, shape: ModuleShape): Describe {
  const reader = new ByteReader(bytes, 'type section');
  const known = new Map<number, string>();
  const functionType = (typeIndex = -1): string => {
    const at = shape.types.at[typeIndex];
    if (at === undefined) return '';
    const text = known.get(typeIndex);
    if (text !== undefined) return text;
    reader.position = at;
    const params = readValueTypes(reader, BOUNDS.params, 'parameters');
    const results = readValueTypes(reader, BOUNDS.results, 'results');
    const type = shorten(signature(params, results));
    known.set(typeIndex, type);
    return type;
  };
  return (kind, index) => {
    switch (kind) {
      case 'function':
        return {
          type: functionType(shape.imports[index]?.typeIndex ?? shape.functionTypes[index - shape.imports.length]),
        };
      case 'tag':
        return { type: functionType(shape.tagTypes[index]) };
      case 'global':
        return { type: shape.globals[index] ?? '' };
      case 'table': {
        const { element, initial, maximum } = shape.tables[index] ?? { element: '', initial: 0, maximum: null };
        return { type: element, extent: { initial, maximum } };
      }
      case 'memory':
        return { type: '', extent: shape.memory ?? { initial: 0, maximum: null } };
    }
  };
}

/** A function type as text. */
export function signature(params: readonly string[], results: readonly string[]): string {
  return `(${params.join(', ')}) -> (${results.join(', ')})`;
}

/** Two long types are the same text only if they are the same type. */
function shorten(type: string): string {
  if (type.length <= MAX_TYPE_LENGTH) return type;
  return `${type.slice(0, MAX_TYPE_LENGTH / 2)}… sha-256 ${hash('sha256', type).slice(0, 32)}`;
}
