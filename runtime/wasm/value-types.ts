import type { ByteReader } from './byte-reader.ts';

const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
]);

/** Abstract heap types; as a byte alone each is short for the nullable reference to it. */
const HEAP_TYPES: ReadonlyMap<number, string> = new Map([
  [0x70, 'func'],
  [0x6f, 'extern'],
  [0x69, 'exn'],
  [0x73, 'nofunc'],
  [0x72, 'noextern'],
  [0x74, 'noexn'],
]);

const GC_HEAP_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6e, 'any'],
  [0x6d, 'eq'],
  [0x6c, 'i31'],
  [0x6b, 'struct'],
  [0x6a, 'array'],
  [0x71, 'none'],
]);

const NULLABLE = 0x63;
const NON_NULL = 0x64;

/** Remedy for everything of the garbage collection proposal. */
export const WITHOUT_GC = 'build it without garbage collection (WasmGC)';

/** Reads a heap type and returns its name: an abstract one, or the index of a type. */
export function readHeapType(reader: ByteReader): string {
  const at = reader.position;
  const value = reader.s33();
  if (value >= 0) return String(value);
  const byte = value + 0x80;
  const name = HEAP_TYPES.get(byte);
  if (name !== undefined) return name;
  const gc = GC_HEAP_TYPES.get(byte);
  if (gc !== undefined) reader.fail(`uses the WasmGC type ${gc}`, at, WITHOUT_GC);
  reader.fail(`uses the unknown heap type ${value}`, at);
}

/** Reads a value type and returns it as the text format writes it. */
export function readValueType(reader: ByteReader): string {
  const at = reader.position;
  const byte = reader.u8();
  const number = VALUE_TYPES.get(byte);
  if (number !== undefined) return number;
  if (byte === NULLABLE) return `(ref null ${readHeapType(reader)})`;
  if (byte === NON_NULL) return `(ref ${readHeapType(reader)})`;
  const name = HEAP_TYPES.get(byte);
  if (name !== undefined) return `${name}ref`;
  const gc = GC_HEAP_TYPES.get(byte);
  if (gc !== undefined) reader.fail(`uses the WasmGC type ${gc}ref`, at, WITHOUT_GC);
  reader.fail(`uses the unknown value type 0x${byte.toString(16)}`, at);
}

/**
 * Reads over a block type.
 * @returns the index of its function type; −1 when it takes and leaves nothing, −2 when it leaves one value
 */
export function readBlockType(reader: ByteReader): number {
  const byte = reader.bytes[reader.position];
  if (byte === 0x40) {
    reader.u8();
    return -1;
  }
  if (byte !== undefined && byte <= 0x7f && byte >= 0x7b && !reader.done) {
    reader.position += 1;
    return -2;
  }
  // As a signed number a value type's byte is negative, an index is not.
  if (byte !== undefined && byte < 0x80 && byte >= 0x40) {
    readValueType(reader);
    return -2;
  }
  const at = reader.position;
  const index = reader.s33();
  if (index < 0) reader.fail('holds an unknown block type', at);
  return index;
}
