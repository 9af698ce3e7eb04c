import type { Extent } from '../core/module-facts.ts';
import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import { quoteName } from './invalid-module.ts';
import type { ModuleShape } from './module-shape.ts';
import { readValueType, WITHOUT_GC } from './value-types.ts';
import { walkExpression } from './walk-code.ts';

const FUNCTION_TYPE = 0x60;
const GC_TYPE_FORMS: ReadonlyMap<number, string> = new Map([
  [0x4e, 'a recursive group of types'],
  [0x4f, 'a final subtype'],
  [0x50, 'a subtype'],
  [0x5d, 'a continuation type'],
  [0x5e, 'an array type'],
  [0x5f, 'a struct type'],
]);
/** Kinds of imports and exports, by their byte. */
export const EXTERN_KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const;

/** Reads the type section: function types only. */
export function readTypes(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.types, 'types');
  const at = new Uint32Array(count);
  const params = new Uint16Array(count);
  const results = new Uint16Array(count);
  let i32ToI32 = -1;
  let values = 0;
  for (let index = 0; index < count; index += 1) {
    const start = reader.position;
    const form = reader.u8();
    if (form !== FUNCTION_TYPE) {
      const gc = GC_TYPE_FORMS.get(form);
      if (gc !== undefined) reader.fail(`declares ${gc} (WasmGC)`, start, WITHOUT_GC);
      reader.fail(`declares a type of the unknown form 0x${form.toString(16)}`, start);
    }
    at[index] = reader.position;
    const parameters = readValueTypes(reader, BOUNDS.params, 'parameters');
    const outcomes = readValueTypes(reader, BOUNDS.results, 'results');
    if (parameters.length === 1 && outcomes.length === 1 && parameters[0] === 'i32' && outcomes[0] === 'i32') {
      i32ToI32 = index;
    }
    params[index] = parameters.length;
    results[index] = outcomes.length;
    values += parameters.length + outcomes.length;
    if (values > BOUNDS.typeValues) {
      reader.fail(`takes parameters and results past ${BOUNDS.typeValues} in all`, start, 'build a smaller module');
    }
  }
  shape.types = { at, params, results, i32ToI32 };
}

/** Reads a list of value types, as text. */
export function readValueTypes(reader: ByteReader, bound: number, items: string): string[] {
  const count = reader.count(bound, items);
  const types: string[] = [];
  for (let index = 0; index < count; index += 1) types.push(readValueType(reader));
  return types;
}

/** Reads the index of a function type. */
export function readTypeIndex(reader: ByteReader, shape: ModuleShape): number {
  const at = reader.position;
  const index = reader.u32();
  if (index >= shape.types.at.length) reader.fail(`names type ${index} of ${shape.types.at.length}`, at);
  return index;
}

/** Reads the function section. */
export function readFunctions(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.functions, 'functions');
  shape.functionTypes = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) shape.functionTypes[index] = readTypeIndex(reader, shape);
}

/** Limits of a table or memory. Flags: 1 has a maximum, 2 shared, 4 has 64-bit addresses. */
function readLimits(reader: ByteReader, verb: string, what: 'table' | 'memory'): Extent {
  const at = reader.position;
  const flags = reader.u32();
  if (flags > 7) reader.fail(`${verb} a ${what} with the unknown flags ${flags}`, at, 'build it without that feature');
  if (flags & 2) reader.fail(`${verb} a shared ${what}`, at, 'build it without threads');
  if (flags & 4) reader.fail(`${verb} a ${what} with 64-bit addresses`, at, `build it for wasm32`);
  const initial = reader.u32();
  return { initial, maximum: flags & 1 ? reader.u32() : null };
}

/** Reads the table section. */
export function readTables(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.tables, 'tables');
  for (let index = 0; index < count; index += 1) {
    const at = reader.position;
    const hasInitialiser = reader.bytes[at] === 0x40;
    if (hasInitialiser) {
      reader.u8();
      if (reader.u8() !== 0) reader.fail('declares a table of an unknown form', at);
    }
    readTable(reader, shape, false);
    if (hasInitialiser) walkExpression(reader, shape, null);
  }
}

/** Reads one table's type. */
export function readTable(reader: ByteReader, shape: ModuleShape, imported: boolean): void {
  const at = reader.position;
  const verb = imported ? 'imports' : 'declares';
  const element = readValueType(reader);
  if (element !== 'funcref' && element !== 'externref') {
    reader.fail(`${verb} a table of ${element}`, at, 'only tables of funcref and externref run here');
  }
  const limitsAt = reader.position;
  const limits = readLimits(reader, verb, 'table');
  shape.tables.push({ ...limits, limitsAt, limitsEnd: reader.position, element, imported });
  if (shape.tables.length > BOUNDS.tables) {
    reader.fail(`takes the tables past ${BOUNDS.tables}`, at, 'use fewer tables');
  }
  if (shape.tables.reduce((sum, { initial }) => sum + initial, 0) > BOUNDS.tableElements) {
    reader.fail(`takes the elements of all tables past ${BOUNDS.tableElements}`, at, 'declare smaller tables');
  }
}

/** Reads the memory section: at most one memory. */
export function readMemories(reader: ByteReader, shape: ModuleShape): void {
  const at = reader.position;
  const count = reader.u32();
  if (count > 1) reader.fail(`declares ${count} memories`, at, 'build it with one memory');
  if (count === 1) readMemory(reader, shape, false);
}

/** Reads one memory's type. */
export function readMemory(reader: ByteReader, shape: ModuleShape, imported: boolean): void {
  const at = reader.position;
  const verb = imported ? 'imports' : 'declares';
  if (shape.memory !== null) reader.fail(`${verb} a second memory`, at, 'build it with one memory');
  const limits = readLimits(reader, verb, 'memory');
  for (const pages of [limits.initial, limits.maximum ?? 0]) {
    if (pages > BOUNDS.memoryPages) {
      reader.fail(`${verb} ${pages} pages of memory, more than the ${BOUNDS.memoryPages} there are`, at);
    }
  }
  shape.memory = limits;
  shape.memoryIsImported = imported;
}

/** Reads the tag section. */
export function readTags(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.tags, 'tags');
  for (let index = 0; index < count; index += 1) readTag(reader, shape, false);
}

/** Reads one tag. */
export function readTag(reader: ByteReader, shape: ModuleShape, imported: boolean): void {
  const at = reader.position;
  const verb = imported ? 'imports' : 'declares';
  if (reader.u8() !== 0) reader.fail(`${verb} a tag of an unknown form`, at);
  const type = readTypeIndex(reader, shape);
  const params = shape.types.params[type] ?? 0;
  if (params > BOUNDS.tagParams) {
    reader.fail(`${verb} a tag of ${params} parameters, more than the ${BOUNDS.tagParams} allowed`, at, 'use fewer');
  }
  shape.tagTypes.push(type);
}

/** Reads the global section. */
export function readGlobals(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.globals, 'globals');
  for (let index = 0; index < count; index += 1) {
    readGlobalType(reader, shape);
    walkExpression(reader, shape, null);
  }
}

/** Reads one global's type. */
export function readGlobalType(reader: ByteReader, shape: ModuleShape): void {
  const type = readValueType(reader);
  const at = reader.position;
  const mutability = reader.u8();
  if (mutability > 1) reader.fail('declares a shared global', at, 'build it without threads');
  shape.globals.push(mutability === 1 ? `(mut ${type})` : type);
}

/** Reads the export section. */
export function readExports(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.exports, 'exports');
  for (let index = 0; index < count; index += 1) {
    const name = reader.name();
    const at = reader.position;
    const kind = EXTERN_KINDS[reader.u8()];
    if (kind === undefined) reader.fail(`exports ${quoteName(name)} as something unknown`, at);
    shape.exports.push({ name, kind, index: reader.u32() });
  }
}
