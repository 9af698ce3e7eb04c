import { REWRITTEN } from '../core/module-facts.ts';
import { planAppended } from './appended.ts';
import { MAX_MEMORY_PAGES } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { areNamesShort } from './function-names.ts';
import { type ModuleShape, SECTION, SECTION_ORDER, type SectionName, type SectionSpan } from './module-shape.ts';
import { type SplicedCode, spliceCode } from './splice-code.ts';
import { boundOf, sharesTables } from './table-bounds.ts';

const HEADER_LENGTH = 8;
const KIND_MEMORY = 0x02;
const KIND_FUNCTION = 0x00;
const KIND_GLOBAL = 0x03;
const HAS_MAXIMUM = 0x01;
const FUNCTION_TYPE = 0x60;
const I32 = 0x7f;

/** Writes the new content of one section; `null` leaves it out. */
type NewContent = (old: SectionSpan | null) => ByteWriter | SplicedCode | null;

/**
 * Rewrites a module that V8 found valid:
 * - its memory is imported under `REWRITTEN` names, unless it is imported already, so that it can be a pooled one;
 * - its code is metered (see `CodeEdits`) and `memory.grow` calls an appended function (see `planAppended`);
 * - the start function is exported instead of run at instantiation;
 * - tables that can grow, here or in a module they are exported to, get a maximum: see `boundOf`;
 * - custom sections other than `name` are dropped, and that one where its names are too long to tell: many hold offsets into the code, which splicing makes untrue.
 *
 * @param bytes the module `shape` was read from
 */
export function rewriteModule(bytes: Uint8Array, shape: ModuleShape): Uint8Array<ArrayBuffer> {
  const changes = planChanges(bytes, shape);
  const parts: Uint8Array[] = [bytes.subarray(0, HEADER_LENGTH)];
  let rank = 0;
  const emit = (name: SectionName, old: SectionSpan | null): void => {
    const change = changes.get(name);
    if (change === undefined) {
      if (old !== null) parts.push(bytes.subarray(old.start, old.end));
      return;
    }
    const made = change(old);
    if (made === null) return;
    const { content, hints } = made instanceof ByteWriter ? { content: made.written, hints: null } : made;
    if (hints !== null) parts.push(new ByteWriter().u8(SECTION.custom).u32(hints.length).written, hints);
    parts.push(new ByteWriter().u8(SECTION[name]).u32(content.length).written, content);
  };
  const emitMissingBefore = (end: number): void => {
    for (; rank < end; rank += 1) emit(SECTION_ORDER[rank] as SectionName, null);
  };
  for (const section of shape.sections) {
    if (section.name === 'custom') {
      const { start, end, contentAt } = section;
      const kept = section.customName === 'name' && areNamesShort(bytes, { start: contentAt, end });
      if (kept) parts.push(bytes.subarray(start, end));
      continue;
    }
    emitMissingBefore(SECTION_ORDER.indexOf(section.name));
    emit(section.name, section);
    rank += 1;
  }
  emitMissingBefore(SECTION_ORDER.length);
  return concatenate(parts);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
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
  if (memory !== null && !shape.memoryIsImported) {
    append('import', (content) => writeMemoryImport(content, memory), 1);
    changes.set('memory', () => null);
  }
  if (start !== null) {
    exported.push((content) => content.name(REWRITTEN.start).u8(KIND_FUNCTION).u32(start));
    changes.set('start', () => null);
  }
  if (shape.functionTypes.length > 0) {
    const added = planAppended(shape);
    const { typeIndex, globals, functions } = added;
    for (const [offset, { name }] of globals.entries()) {
      exported.push((content) =>
        content
          .name(name)
          .u8(KIND_GLOBAL)
          .u32(added.firstGlobal + offset),
      );
    }
    if (added.typeIsNew) append('type', (content) => content.u8(FUNCTION_TYPE, 1, I32, 1, I32), 1);
    const declareAll = (content: ByteWriter): void => {
      for (const _function of functions) content.u32(typeIndex);
    };
    append('function', declareAll, functions.length);
    const defineAll = (content: ByteWriter): void => {
      for (const { write } of globals) write(content);
    };
    append('global', defineAll, globals.length);
    changes.set('code', (old) => (old === null ? null : spliceCode(bytes, old, shape, added)));
  }
  if (exported.length > 0) {
    const writeAll = (content: ByteWriter): void => {
      for (const write of exported) write(content);
    };
    append('export', writeAll, exported.length);
  }
  if (sharesTables(shape)) changes.set('table', (old) => (old === null ? null : boundTables(bytes, old, shape)));
  return changes;
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

/** The table section with maxima. */
function boundTables(bytes: Uint8Array, old: SectionSpan, shape: ModuleShape): ByteWriter {
  const content = new ByteWriter(old.end - old.contentAt + shape.tables.length * 8);
  let copied = old.contentAt;
  for (const table of shape.tables) {
    if (table.imported) continue;
    content.raw(bytes.subarray(copied, table.limitsAt)).u8(HAS_MAXIMUM).u32(table.initial).u32(boundOf(shape, table));
    copied = table.limitsEnd;
  }
  return content.raw(bytes.subarray(copied, old.end));
}
