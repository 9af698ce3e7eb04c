import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import { type CodeEdits, EDIT } from './code-edits.ts';
import { WEIGHT } from './compile-cost.ts';
import type { ModuleShape } from './module-shape.ts';
import { FLOATS, OPCODE_FACTS } from './opcode-facts.ts';
import { COMPUTES_FLOAT_LANES, FIRST_RELAXED, IMMEDIATE, PREFIXED } from './opcodes.ts';
import { OTHER_FEATURES, readMemarg, readRareImmediate, width } from './rare-immediates.ts';
import { PREFIXED_EFFECTS } from './stack-effects.ts';
import { readBlockType } from './value-types.ts';

// The most frequent immediates, told apart before the rest: until it is compiled, the walk spends its time on this.
const { none: NONE, index: INDEX, memarg: MEMARG, label: LABEL, end: END } = IMMEDIATE;
const IF = 0x04;
const ELSE = 0x05;
const TRY = 0x06;
const SIMD = 0xfd;

/** The first byte after a LEB128 number; may lie past the end, which the walk notices at the next instruction. */
function afterLeb(bytes: Uint8Array, position: number): number {
  let next = position;
  while (((bytes[next++] as number) & 0x80) !== 0);
  return next;
}

/** A block opens: reads its type. */
function openBlock(reader: ByteReader, { types, code }: ModuleShape, opcode: number, immediate: number): void {
  const type = readBlockType(reader);
  const params = type < 0 ? 0 : (types.params[type] ?? 0);
  const results = type < 0 ? -1 - type : (types.results[type] ?? 0);
  if (type >= 0) code.wideValues += params + results;
  const weight = opcode === IF ? WEIGHT.if : immediate === IMMEDIATE.loop ? WEIGHT.loop : WEIGHT.label;
  code.compile.openBlock(weight, params, results, opcode === TRY || immediate === IMMEDIATE.tryTable);
}

/** Finds the immediate of an opcode behind a prefix byte, or refuses it. */
function prefixedImmediate(reader: ByteReader, { code }: ModuleShape, prefix: number, at: number): number {
  const number = reader.u32();
  const immediate = PREFIXED.get(prefix)?.immediates[number] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.unknown) {
    reader.fail(`uses the unknown opcode 0x${prefix.toString(16)} 0x${number.toString(16)}`, at, OTHER_FEATURES);
  }
  code.compile.height += PREFIXED_EFFECTS.get(prefix)?.[number] ?? 0;
  if (prefix === SIMD) {
    if (number >= FIRST_RELAXED) code.relaxed = true;
    if (COMPUTES_FLOAT_LANES[number] === 1) code.floats = true;
  }
  return immediate;
}

function readCatches(reader: ByteReader, shape: ModuleShape, edits: CodeEdits | null, depth: number): void {
  const clauses = reader.count(BOUNDS.nesting, 'catches');
  for (let index = 0; index < clauses; index += 1) {
    const kind = reader.u8();
    if (kind > 3) reader.fail(`uses the unknown kind of catch ${kind}`, reader.position - 1, OTHER_FEATURES);
    // 0 and 1 name a tag; 2 and 3 catch all.
    if (kind < 2) shape.code.wideValues += width(shape, shape.tagTypes[reader.u32()] ?? -1);
    readLabel(reader, edits, depth);
    shape.code.compile.add(WEIGHT.label);
  }
}

/** V8 takes one encoding of exceptions in a module, but does not notice every time that there are both. */
function noteCatching(reader: ByteReader, code: ModuleShape['code'], encoding: 'try' | 'try_table', at: number): void {
  if (code.catches !== null && code.catches !== encoding) {
    reader.fail('mixes try and try_table', at, 'build all of it with one encoding of exceptions');
  }
  code.catches = encoding;
}

/** @param depth number of blocks open where the label counts from */
function readLabel(reader: ByteReader, edits: CodeEdits | null, depth: number): void {
  const at = reader.position;
  const label = reader.u32();
  if (edits?.plain) edits.label(at, reader.position, depth, label);
}

/**
 * Walks over one expression, from the reader's position to just after the `end` that closes it. Neither recursive nor
 * dependent on the code being valid: what is not well-formed fails here or, later, in V8's validation.
 * @param edits receives what metering and `memory.grow` change; `null` for an expression that is not a function's
 * @returns the fuel of its instructions, without those in loops
 */
export function walkExpression(reader: ByteReader, shape: ModuleShape, edits: CodeEdits | null): number {
  const { bytes, end } = reader;
  const { code } = shape;
  const { compile } = code;
  const table = OPCODE_FACTS;
  let position = reader.position;
  let depth = 1;
  let cost = 0;
  let floats = 0;
  let height = compile.height;
  while (depth > 0) {
    if (position >= end) reader.fail('ends too early', Math.min(position, end));
    const at = position;
    const opcode = bytes[position] as number;
    position += 1;
    const facts = table[opcode] as number;
    let immediate = facts & 0xff;
    cost += (facts >> 16) & 0xff;
    height += (facts << 16) >> 24;
    floats |= facts;
    if (immediate === NONE) continue;
    if (immediate === INDEX) {
      while ((bytes[position++] as number) >= 0x80);
      continue;
    }
    if (immediate === MEMARG && (bytes[position] as number) < 0x40) {
      position += 1;
      while ((bytes[position++] as number) >= 0x80);
      continue;
    }
    // What follows looks at the height, or sets it.
    compile.height = height;
    if (immediate === LABEL) {
      compile.add(WEIGHT.label);
      const label = bytes[position] as number;
      if (edits === null || !edits.plain) position = afterLeb(bytes, position);
      else if (label < 0x80 && position < end) {
        position += 1;
        edits.label(position - 1, position, depth, label);
      } else {
        reader.position = position;
        readLabel(reader, edits, depth);
        position = reader.position;
      }
      continue;
    }
    if (immediate === END) {
      if (edits !== null) {
        if (depth === edits.loopDepth) cost = edits.closeLoop(at, cost);
        if (depth === 2) edits.closeArm(cost);
      }
      depth -= 1;
      compile.closeBlock();
      height = compile.height;
      continue;
    }
    if (immediate === IMMEDIATE.prefix) {
      reader.position = position;
      immediate = prefixedImmediate(reader, shape, opcode, at);
      position = reader.position;
    }
    switch (immediate) {
      case IMMEDIATE.none:
        break;
      case IMMEDIATE.index:
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
      case IMMEDIATE.again:
        compile.again();
        if (depth === 2 && opcode === ELSE) edits?.openArm(position, cost);
        break;
      case IMMEDIATE.block:
      case IMMEDIATE.loop:
      case IMMEDIATE.tryTable:
        depth += 1;
        if (depth > BOUNDS.nesting + 1) {
          reader.fail(`has more than ${BOUNDS.nesting} blocks within blocks`, at, 'split the function');
        }
        reader.position = position;
        openBlock(reader, shape, opcode, immediate);
        if (depth === 2 && opcode === IF) edits?.openArm(reader.position, cost);
        if (opcode === TRY) noteCatching(reader, code, 'try', at);
        if (immediate === IMMEDIATE.tryTable) {
          noteCatching(reader, code, 'try_table', at);
          // Its catches stand outside of the block.
          readCatches(reader, shape, edits, depth - 1);
        }
        position = reader.position;
        if (immediate === IMMEDIATE.loop && edits !== null) {
          const tooMany = edits.openLoop(at, position, depth, cost);
          if (tooMany !== null) reader.fail(`has more than ${tooMany}`, at, 'split the function');
          cost = 0;
        }
        break;
      case IMMEDIATE.delegate:
        depth -= 1;
        compile.closeBlock();
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
        if (immediate === IMMEDIATE.labels) readLabels(reader, shape, edits, depth);
        else readRareImmediate(reader, shape, immediate, opcode);
        position = reader.position;
        if (edits !== null) noteEdits(edits, immediate, at, position);
    }
    height = compile.height;
  }
  if (position > end) reader.fail('ends too early', end);
  if ((floats & FLOATS) !== 0) code.floats = true;
  compile.height = height;
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

function readLabels(reader: ByteReader, shape: ModuleShape, edits: CodeEdits | null, depth: number): void {
  const labels = reader.count(BOUNDS.moduleBytes, 'labels');
  for (let index = 0; index <= labels; index += 1) {
    readLabel(reader, edits, depth);
    shape.code.compile.add(WEIGHT.label);
  }
}

/** What the rewriter changes at an instruction that is not among the frequent ones. */
function noteEdits(edits: CodeEdits, immediate: number, start: number, end: number): void {
  switch (immediate) {
    case IMMEDIATE.call:
    case IMMEDIATE.callType:
    case IMMEDIATE.callIndirect:
      edits.call();
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
