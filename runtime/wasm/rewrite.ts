import { REWRITTEN } from '../core/module-facts.ts';
import { BOUNDS, MAX_MEMORY_PAGES } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter, u32Size } from './byte-writer.ts';
import type { ModuleShape, PatchedBody, SectionName, SectionSpan } from './module-shape.ts';
import { SECTION, SECTION_ORDER } from './module-shape.ts';

const HEADER_LENGTH = 8;
const KIND_MEMORY = 0x02;
const KIND_FUNCTION = 0x00;
const KIND_GLOBAL = 0x03;
const HAS_MAXIMUM = 0x01;
const FUNCTION_TYPE = 0x60;
const I32 = 0x7f;
const REF_NULL = 0x63;
const OP = { end: 0x0b, call: 0x10, callRef: 0x14, localGet: 0x20, globalGet: 0x23, refNull: 0xd0 } as const;

/** Indexes of what is appended for `memory.grow`. */
interface Grow {
  readonly typeIndex: number;
  readonly functionIndex: number;
  readonly globalIndex: number;
}

/** Writes the new content of one section; `null` leaves it out. */
type NewContent = (old: SectionSpan | null) => ByteWriter | null;

/**
 * Rewrites a module that V8 found valid:
 * - its memory is imported under `REWRITTEN` names, so that the host can hand it a pooled one;
 * - `memory.grow` calls an appended function, which calls the host through an appended, exported global of function
 *   reference type: no index of the module's own changes;
 * - the start function is exported instead of run at instantiation;
 * - tables that the code can grow get a maximum, so that all of them stay within the bound on elements;
 * - custom sections other than `name` are dropped: many hold offsets into the code, which splicing makes untrue.
 *
 * @param bytes the module `shape` was read from
 */
export function rewriteModule(bytes: Uint8Array, shape: ModuleShape): Uint8Array<ArrayBuffer> {
  const changes = planChanges(bytes, shape);
  const out = new ByteWriter(bytes.length + shape.code.growCount * 5 + 256);
  out.raw(bytes.subarray(0, HEADER_LENGTH));
  let rank = 0;
  const emit = (name: SectionName, old: SectionSpan | null): void => {
    const change = changes.get(name);
    if (change === undefined) {
      if (old !== null) out.raw(bytes.subarray(old.start, old.end));
      return;
    }
    const content = change(old);
    if (content !== null) out.u8(SECTION[name]).u32(content.length).raw(content.written);
  };
  const emitMissingBefore = (end: number): void => {
    for (; rank < end; rank += 1) emit(SECTION_ORDER[rank] as SectionName, null);
  };
  for (const section of shape.sections) {
    if (section.name === 'custom') {
      if (section.customName === 'name') out.raw(bytes.subarray(section.start, section.end));
      continue;
    }
    emitMissingBefore(SECTION_ORDER.indexOf(section.name));
    emit(section.name, section);
    rank += 1;
  }
  emitMissingBefore(SECTION_ORDER.length);
  return out.written;
}

/** What becomes of each section that changes. */
function planChanges(bytes: Uint8Array, shape: ModuleShape): Map<SectionName, NewContent> {
  const changes = new Map<SectionName, NewContent>();
  const append = (name: SectionName, write: (content: ByteWriter) => unknown, items: number): void => {
    changes.set(name, (old) => {
      const content = appendItems(bytes, old, items);
      write(content);
      return content;
    });
  };
  const { memory, start } = shape;
  const exported: ((content: ByteWriter) => unknown)[] = [];
  if (memory !== null) {
    append('import', (content) => writeMemoryImport(content, memory), 1);
    changes.set('memory', () => null);
  }
  if (start !== null) {
    exported.push((content) => content.name(REWRITTEN.start).u8(KIND_FUNCTION).u32(start));
    changes.set('start', () => null);
  }
  if (shape.code.growCount > 0) {
    const grow = planGrow(shape);
    exported.push((content) => content.name(REWRITTEN.grow).u8(KIND_GLOBAL).u32(grow.globalIndex));
    if (grow.typeIndex === shape.types.at.length) {
      append('type', (content) => content.u8(FUNCTION_TYPE, 1, I32, 1, I32), 1);
    }
    append('function', (content) => content.u32(grow.typeIndex), 1);
    append('global', (content) => writeGrowGlobal(content, grow), 1);
    changes.set('code', (old) => (old === null ? null : spliceCode(bytes, old, shape.code.patched, grow)));
  }
  if (exported.length > 0) {
    const writeAll = (content: ByteWriter): void => {
      for (const write of exported) write(content);
    };
    append('export', writeAll, exported.length);
  }
  if (shape.code.growsTables) changes.set('table', (old) => (old === null ? null : boundTables(bytes, old, shape)));
  return changes;
}

function planGrow(shape: ModuleShape): Grow {
  const { types, imports, functionTypes, globalCount } = shape;
  return {
    typeIndex: types.i32ToI32 >= 0 ? types.i32ToI32 : types.at.length,
    functionIndex: imports.length + functionTypes.length,
    globalIndex: globalCount,
  };
}

/** A section's content with room for `items` more at its end. */
function appendItems(bytes: Uint8Array, old: SectionSpan | null, items: number): ByteWriter {
  if (old === null) return new ByteWriter().u32(items);
  const reader = new ByteReader(bytes, `${old.name} section`);
  reader.position = old.contentAt;
  const count = reader.u32();
  const content = new ByteWriter(old.end - old.contentAt + 64);
  return content.u32(count + items).raw(bytes.subarray(reader.position, old.end));
}

function writeMemoryImport(content: ByteWriter, memory: { initial: number; maximum: number | null }): void {
  content.name(REWRITTEN.importModule).name(REWRITTEN.memory).u8(KIND_MEMORY, HAS_MAXIMUM);
  content.u32(memory.initial).u32(memory.maximum ?? MAX_MEMORY_PAGES);
}

function writeGrowGlobal(content: ByteWriter, grow: Grow): void {
  content.u8(REF_NULL).heapIndex(grow.typeIndex).u8(1);
  content.u8(OP.refNull).heapIndex(grow.typeIndex).u8(OP.end);
}

/** The code section with each `memory.grow` replaced, and the function they call appended. */
function spliceCode(bytes: Uint8Array, old: SectionSpan, patched: readonly PatchedBody[], grow: Grow): ByteWriter {
  const reader = new ByteReader(bytes, 'code section');
  reader.position = old.contentAt;
  const bodies = reader.u32();
  const sites = patched.reduce((sum, body) => sum + body.growSites.length / 2, 0);
  const content = new ByteWriter(old.end - old.contentAt + sites * 5 + patched.length * 5 + 64);
  content.u32(bodies + 1);
  let copied = reader.position;
  const callSize = 1 + u32Size(grow.functionIndex);
  for (const body of patched) {
    content.raw(bytes.subarray(copied, body.sizeAt));
    content.u32(newSize(body, callSize));
    copied = body.contentAt;
    for (let index = 0; index < body.growSites.length; index += 2) {
      content.raw(bytes.subarray(copied, body.growSites[index]));
      content.u8(OP.call).u32(grow.functionIndex);
      copied = body.growSites[index + 1] as number;
    }
  }
  content.raw(bytes.subarray(copied, old.end));
  const body = new ByteWriter().u8(0, OP.localGet, 0, OP.globalGet).u32(grow.globalIndex);
  body.u8(OP.callRef).u32(grow.typeIndex).u8(OP.end);
  return content.u32(body.length).raw(body.written);
}

function newSize(body: PatchedBody, callSize: number): number {
  let size = body.end - body.contentAt;
  for (let index = 0; index < body.growSites.length; index += 2) {
    size += callSize - ((body.growSites[index + 1] as number) - (body.growSites[index] as number));
  }
  return size;
}

/** The table section with maxima; what is left of the bound is shared out evenly. */
function boundTables(bytes: Uint8Array, old: SectionSpan, shape: ModuleShape): ByteWriter {
  const used = shape.tables.reduce((sum, table) => sum + table.initial, 0);
  const share = Math.floor((BOUNDS.tableElements - used) / shape.tables.length);
  const content = new ByteWriter(old.end - old.contentAt + shape.tables.length * 8);
  let copied = old.contentAt;
  for (const { limitsAt, limitsEnd, initial, maximum } of shape.tables) {
    const bound = initial + share;
    content.raw(bytes.subarray(copied, limitsAt)).u8(HAS_MAXIMUM).u32(initial);
    content.u32(maximum === null ? bound : Math.min(maximum, bound));
    copied = limitsEnd;
  }
  return content.raw(bytes.subarray(copied, old.end));
}
