import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ModuleShape } from './module-shape.ts';
import { IMMEDIATE } from './opcodes.ts';
import { describeRefused, isRefusedPrefix } from './refused-opcodes.ts';
import { readHeapType, readValueType } from './value-types.ts';

export const OTHER_FEATURES = 'build it without that feature';
const ONE_MEMORY = 'build it with one memory';

/** Values that one instruction of this function type moves, counted only past the usual (see `BOUNDS.wideValues`). */
export function width(shape: ModuleShape, typeIndex: number): number {
  const params = shape.types.params[typeIndex] ?? 0;
  const results = shape.types.results[typeIndex] ?? 0;
  return (params > BOUNDS.narrowParams ? params : 0) + (results > 1 ? results : 0);
}

/** Type of a function, or −1 where there is none. */
function typeOf(shape: ModuleShape, functionIndex: number): number {
  const { imports, functionTypes } = shape;
  if (functionIndex < imports.length) return imports[functionIndex]?.typeIndex ?? -1;
  return functionTypes[functionIndex - imports.length] ?? -1;
}

function readMemoryIndex(reader: ByteReader): void {
  const at = reader.position;
  const index = reader.u32();
  if (index !== 0) reader.fail(`uses memory ${index}`, at, ONE_MEMORY);
}

/** Reads where a load or store is, the long way. */
export function readMemarg(reader: ByteReader): void {
  const at = reader.position;
  if (reader.u32() >= 0x40) reader.fail('names a memory in a load or store', at, ONE_MEMORY);
  reader.u32();
}

function refuseOpcode(reader: ByteReader, opcode: number, at: number): never {
  reader.fail(describeRefused(opcode, isRefusedPrefix(opcode) ? reader.u32() : undefined), at, OTHER_FEATURES);
}

function countBulk(reader: ByteReader, shape: ModuleShape): void {
  shape.code.bulkCount += 1;
  if (shape.code.bulkCount <= BOUNDS.bulkSites) return;
  reader.fail(
    `has more than ${BOUNDS.bulkSites} bulk instructions and throws`,
    reader.position,
    'build a smaller module',
  );
}

/** @param popped values beside its parameters that a call takes: what it calls through */
function noteCall(shape: ModuleShape, typeIndex: number, popped: number): void {
  const { code, types } = shape;
  code.wideValues += width(shape, typeIndex);
  code.compile.call((types.params[typeIndex] ?? 0) + popped, types.results[typeIndex] ?? 0);
}

/** Reads the immediates that are worth no line of their own in the walk over code. */
export function readRareImmediate(reader: ByteReader, shape: ModuleShape, immediate: number, opcode: number): void {
  const { code } = shape;
  switch (immediate) {
    case IMMEDIATE.call:
      noteCall(shape, typeOf(shape, reader.u32()), 0);
      return;
    case IMMEDIATE.callType:
      noteCall(shape, reader.u32(), 1);
      return;
    case IMMEDIATE.callIndirect:
      noteCall(shape, reader.u32(), 1);
      reader.u32();
      return;
    case IMMEDIATE.catch: {
      const type = shape.tagTypes[reader.u32()] ?? -1;
      code.wideValues += width(shape, type);
      code.compile.again(shape.types.params[type] ?? 0);
      return;
    }
    case IMMEDIATE.types: {
      const types = reader.count(BOUNDS.results, 'types');
      for (let index = 0; index < types; index += 1) readValueType(reader);
      return;
    }
    case IMMEDIATE.heapType:
      readHeapType(reader);
      return;
    case IMMEDIATE.memory:
      readMemoryIndex(reader);
      return;
    case IMMEDIATE.fill:
      countBulk(reader, shape);
      readMemoryIndex(reader);
      return;
    case IMMEDIATE.twoMemories:
      countBulk(reader, shape);
      readMemoryIndex(reader);
      readMemoryIndex(reader);
      return;
    case IMMEDIATE.dataMemory:
      countBulk(reader, shape);
      reader.u32();
      readMemoryIndex(reader);
      return;
    case IMMEDIATE.twoIndexes:
      countBulk(reader, shape);
      reader.u32();
      reader.u32();
      return;
    case IMMEDIATE.tableFill:
    case IMMEDIATE.throw:
    case IMMEDIATE.rethrow:
      countBulk(reader, shape);
      reader.u32();
      return;
    case IMMEDIATE.throwRef:
      countBulk(reader, shape);
      return;
    case IMMEDIATE.grow:
      code.growCount += 1;
      if (code.growCount > BOUNDS.growSites) {
        reader.fail(`has more than ${BOUNDS.growSites} memory.grow`, reader.position, 'grow memory in one function');
      }
      readMemoryIndex(reader);
      return;
    case IMMEDIATE.tableGrow:
      countBulk(reader, shape);
      code.growsTables = true;
      reader.u32();
      return;
    default:
      refuseOpcode(reader, opcode, reader.position - 1);
  }
}
