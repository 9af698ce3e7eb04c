import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import { type CodeEdits, EDIT } from './code-edits.ts';
import type { ModuleShape } from './module-shape.ts';
import { OP_COSTS } from './op-costs.ts';
import { IMMEDIATE, OPCODES, PREFIXED, REFUSED_OPCODES } from './opcodes.ts';
import { readBlockType, readHeapType, readValueType } from './value-types.ts';

const OTHER_FEATURES = 'build it without that feature';
const TRY = 0x06;
const ONE_MEMORY = 'build it with one memory';

/** The first byte after a LEB128 number; may lie past the end, which the walk notices at the next instruction. */
function afterLeb(bytes: Uint8Array, position: number): number {
  let next = position;
  while (((bytes[next++] as number) & 0x80) !== 0);
  return next;
}

/** Values that one instruction of this function type moves, counted only past the usual (see `BOUNDS.wideValues`). */
function width(shape: ModuleShape, typeIndex: number): number {
  const params = shape.types.params[typeIndex] ?? 0;
  const results = shape.types.results[typeIndex] ?? 0;
  return (params > BOUNDS.narrowParams ? params : 0) + (results > 1 ? results : 0);
}

/** Values that opening a block of this function type moves. */
function blockWidth(shape: ModuleShape, typeIndex: number): number {
  if (typeIndex < 0) return 0;
  return (shape.types.params[typeIndex] ?? 0) + (shape.types.results[typeIndex] ?? 0);
}

/** Values that a call of this function moves. */
function callWidth(shape: ModuleShape, functionIndex: number): number {
  const imported = shape.imports[functionIndex];
  const typeIndex = imported?.typeIndex ?? shape.functionTypes[functionIndex - shape.imports.length];
  return typeIndex === undefined ? 0 : width(shape, typeIndex);
}

/** Finds the immediate of an opcode behind a prefix byte, or refuses it. */
function prefixedImmediate(reader: ByteReader, prefix: number, at: number): number {
  const number = reader.u32();
  const immediate = PREFIXED.get(prefix)?.immediates[number] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.unknown) {
    reader.fail(`uses the unknown opcode 0x${prefix.toString(16)} 0x${number.toString(16)}`, at, OTHER_FEATURES);
  }
  return immediate;
}

function refuseOpcode(reader: ByteReader, opcode: number, at: number): never {
  const hex = `0x${opcode.toString(16).padStart(2, '0')}`;
  const name = REFUSED_OPCODES.get(opcode);
  reader.fail(
    name === undefined ? `uses the unknown opcode ${hex}` : `uses ${name}, opcode ${hex}`,
    at,
    OTHER_FEATURES,
  );
}

function readCatches(reader: ByteReader, shape: ModuleShape, edits: CodeEdits | null, depth: number): void {
  const clauses = reader.count(BOUNDS.nesting, 'catches');
  for (let index = 0; index < clauses; index += 1) {
    const kind = reader.u8();
    if (kind > 3) reader.fail(`uses the unknown kind of catch ${kind}`, reader.position - 1, OTHER_FEATURES);
    // 0 and 1 name a tag; 2 and 3 catch all.
    if (kind < 2) shape.code.wideValues += width(shape, shape.tagTypes[reader.u32()] ?? -1);
    readLabel(reader, edits, depth);
  }
}

/** @param depth number of blocks open where the label counts from */
function readLabel(reader: ByteReader, edits: CodeEdits | null, depth: number): void {
  const at = reader.position;
  const label = reader.u32();
  if (edits?.plain) edits.label(at, reader.position, depth, label);
}

function readMemoryIndex(reader: ByteReader): void {
  const at = reader.position;
  const index = reader.u32();
  if (index !== 0) reader.fail(`uses memory ${index}`, at, ONE_MEMORY);
}

function readMemarg(reader: ByteReader): void {
  const at = reader.position;
  if (reader.u32() >= 0x40) reader.fail('names a memory in a load or store', at, ONE_MEMORY);
  reader.u32();
}

/**
 * Walks over one expression, from the reader's position to just after the `end` that closes it. Neither recursive nor
 * dependent on the code being valid: what is not well-formed fails here or, later, in V8's validation.
 * @param edits receives what metering and `memory.grow` change; `null` for an expression that is not a function's
 * @returns the fuel of its instructions, without those in loops
 */
export function walkExpression(reader: ByteReader, shape: ModuleShape, edits: CodeEdits | null): number {
  const { bytes, end } = reader;
  const { immediates } = OPCODES;
  const { code } = shape;
  let position = reader.position;
  let depth = 1;
  let cost = 0;
  while (depth > 0) {
    if (position >= end) reader.fail('ends too early', Math.min(position, end));
    const at = position;
    const opcode = bytes[position] as number;
    position += 1;
    cost += OP_COSTS[opcode] as number;
    let immediate = immediates[opcode] as number;
    if (immediate === IMMEDIATE.prefix) {
      reader.position = position;
      immediate = prefixedImmediate(reader, opcode, at);
      position = reader.position;
    }
    switch (immediate) {
      case IMMEDIATE.none:
        break;
      case IMMEDIATE.index:
      case IMMEDIATE.s32:
      case IMMEDIATE.s64:
        position = afterLeb(bytes, position);
        break;
      case IMMEDIATE.memarg:
      case IMMEDIATE.memargLane:
        if ((bytes[position] as number) < 0x40) {
          position = afterLeb(bytes, position + 1);
        } else {
          reader.position = position;
          readMemarg(reader);
          position = reader.position;
        }
        if (immediate === IMMEDIATE.memargLane) position += 1;
        break;
      case IMMEDIATE.label:
        if (edits?.plain) {
          reader.position = position;
          readLabel(reader, edits, depth);
          position = reader.position;
        } else position = afterLeb(bytes, position);
        break;
      case IMMEDIATE.end:
        if (edits !== null && depth === edits.loopDepth) cost = edits.closeLoop(at, cost);
        depth -= 1;
        break;
      case IMMEDIATE.block:
      case IMMEDIATE.loop:
      case IMMEDIATE.tryTable:
        depth += 1;
        if (depth > BOUNDS.nesting + 1) {
          reader.fail(`has more than ${BOUNDS.nesting} blocks within blocks`, at, 'split the function');
        }
        reader.position = position;
        code.wideValues += blockWidth(shape, readBlockType(reader));
        if (opcode === TRY) code.catches ??= 'try';
        if (immediate === IMMEDIATE.tryTable) {
          code.catches ??= 'try_table';
          // Its catches stand outside of the block.
          readCatches(reader, shape, edits, depth - 1);
        }
        position = reader.position;
        if (immediate === IMMEDIATE.loop && edits !== null) {
          if (!edits.openLoop(at, position, depth, cost)) {
            reader.fail(`has more than ${BOUNDS.loops} loops`, at, 'build a smaller module');
          }
          cost = 0;
        }
        break;
      case IMMEDIATE.delegate:
        depth -= 1;
        reader.position = position;
        readLabel(reader, edits, depth);
        position = reader.position;
        break;
      case IMMEDIATE.eightBytes:
        position += 8;
        break;
      case IMMEDIATE.fourBytes:
        position += 4;
        break;
      case IMMEDIATE.sixteenBytes:
        position += 16;
        break;
      case IMMEDIATE.lane:
        position += 1;
        break;
      default:
        reader.position = position;
        if (immediate === IMMEDIATE.labels) readLabels(reader, edits, depth);
        else readRareImmediate(reader, shape, immediate, opcode);
        position = reader.position;
        if (edits !== null) noteEdits(edits, immediate, at, position);
    }
  }
  if (position > end) reader.fail('ends too early', end);
  if (code.wideValues > BOUNDS.wideValues) {
    reader.fail(
      `has calls and blocks with more than ${BOUNDS.wideValues} parameters and results in all`,
      position,
      'pass fewer values, or pass them in memory',
    );
  }
  reader.position = position;
  return cost;
}

function readLabels(reader: ByteReader, edits: CodeEdits | null, depth: number): void {
  const labels = reader.count(BOUNDS.moduleBytes, 'labels');
  for (let index = 0; index <= labels; index += 1) readLabel(reader, edits, depth);
}

/** What the rewriter changes at an instruction that is not among the frequent ones. */
function noteEdits(edits: CodeEdits, immediate: number, start: number, end: number): void {
  switch (immediate) {
    case IMMEDIATE.call:
    case IMMEDIATE.callType:
    case IMMEDIATE.callIndirect:
      edits.callsHere();
      return;
    case IMMEDIATE.grow:
      edits.grow(start, end);
      return;
    case IMMEDIATE.fill:
    case IMMEDIATE.twoMemories:
    case IMMEDIATE.dataMemory:
      edits.dynamic(EDIT.bulkMemory, start);
      return;
    case IMMEDIATE.tableFill:
    case IMMEDIATE.twoIndexes:
    case IMMEDIATE.tableGrow:
      edits.dynamic(EDIT.bulkTable, start);
      return;
    case IMMEDIATE.throw:
    case IMMEDIATE.rethrow:
    case IMMEDIATE.throwRef:
      edits.dynamic(EDIT.throw, start);
  }
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

/** Reads the immediates that are worth no line of their own in the loop above. */
function readRareImmediate(reader: ByteReader, shape: ModuleShape, immediate: number, opcode: number): void {
  const { code } = shape;
  switch (immediate) {
    case IMMEDIATE.call:
      code.wideValues += callWidth(shape, reader.u32());
      return;
    case IMMEDIATE.callType:
      code.wideValues += width(shape, reader.u32());
      return;
    case IMMEDIATE.callIndirect:
      code.wideValues += width(shape, reader.u32());
      reader.u32();
      return;
    case IMMEDIATE.catch:
      code.wideValues += width(shape, shape.tagTypes[reader.u32()] ?? -1);
      return;
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
