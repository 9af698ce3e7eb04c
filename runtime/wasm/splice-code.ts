import { type Appended, type Hints, I32, OP, writeCharge, writeCheck } from './appended.ts';
import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { EDIT, EDIT_STRIDE, type EditedBody } from './code-edits.ts';
import { invalidModule } from './invalid-module.ts';
import type { ModuleShape, SectionSpan } from './module-shape.ts';
import { DYNAMIC_COST } from './op-costs.ts';

/** Name of the custom section that must stand before the code. Source: WebAssembly branch hinting proposal. */
const HINTS_SECTION = 'metadata.code.branch_hint';

/** What becomes of the code. */
export interface SplicedCode {
  readonly content: ByteWriter;
  /** Content of the custom section that tells V8 which branches are rare, so that it keeps them out of the way. */
  readonly hints: ByteWriter;
}

/** The code section with every edit made, and the appended functions behind the module's own. */
export function spliceCode(bytes: Uint8Array, old: SectionSpan, shape: ModuleShape, appended: Appended): SplicedCode {
  const reader = new ByteReader(bytes, 'code section');
  reader.position = old.contentAt;
  const bodies = reader.u32();
  const { edits, bodies: spans } = shape.code.edits;
  const content = new ByteWriter(old.end - old.contentAt + edits.length * 8 + 256);
  content.u32(bodies + appended.functions.length);
  const body = new ByteWriter(1024);
  const hinted = new ByteWriter(spans.length * 8 + 64);
  hinted.name(HINTS_SECTION).u32(spans.length);
  let edit = 0;
  for (const [index, span] of spans.entries()) {
    body.clear();
    writeLocals(body, bytes, span);
    const hints: Hints = [];
    const local = span.needsLocal ? span.locals : null;
    if (span.cost > 0) writeCharge(body, appended, span.cost, hints, local);
    let copied = span.codeAt;
    for (; edit < span.editsEnd; edit += EDIT_STRIDE) {
      body.copy(bytes, copied, edits[edit + 1] as number);
      copied = edits[edit + 2] as number;
      writeEdit(body, bytes, edits, edit, appended, local, hints);
    }
    body.copy(bytes, copied, span.end);
    if (body.length > BOUNDS.functionBytes) {
      throw invalidModule(
        `function ${shape.imports.length + index} takes ${body.length} bytes with its metering, more than the ${BOUNDS.functionBytes} V8 allows; split it`,
      );
    }
    content.u32(body.length).raw(body.written);
    writeHints(hinted, shape.imports.length + index, hints);
  }
  for (const more of appended.functions) content.u32(more.length).raw(more.written);
  return { content, hints: hinted };
}

function writeLocals(body: ByteWriter, bytes: Uint8Array, span: EditedBody): void {
  if (!span.needsLocal) {
    body.copy(bytes, span.contentAt, span.codeAt);
    return;
  }
  body
    .u32(span.groups + 1)
    .copy(bytes, span.groupsAt, span.codeAt)
    .u8(1, I32);
}

function writeHints(content: ByteWriter, functionIndex: number, hints: Hints): void {
  content.u32(functionIndex).u32(hints.length);
  for (const hint of hints) content.u32(Math.abs(hint)).u8(1, hint < 0 ? 1 : 0);
}

/** @param local index of the local for the fuel; `null` in a function with no room for one, which branches out of no loop */
function writeEdit(
  body: ByteWriter,
  bytes: Uint8Array,
  edits: readonly number[],
  at: number,
  appended: Appended,
  local: number | null,
  hints: Hints,
): void {
  const start = edits[at + 1] as number;
  const end = edits[at + 2] as number;
  const value = edits[at + 3] as number;
  switch (edits[at]) {
    case EDIT.charge:
      writeCharge(body, appended, value, hints, local);
      return;
    case EDIT.branchOut:
      if (local === null) throw new TypeError('a loop is branched out of without a local');
      // The outer loop takes and gives the same values, so what lies on the stack passes through both headers.
      body.copy(bytes, start, end);
      writeCheck(body, appended, value, hints);
      body.u8(OP.globalGet).u32(appended.fuel).u8(OP.localSet).u32(local);
      body.copy(bytes, start, end);
      // In a local, since going through memory from one round to the next would take longer than many a round does.
      body.u8(OP.localGet).u32(local).u8(OP.i32Const).s32(value).u8(OP.i32Sub, OP.localTee).u32(local);
      body.u8(OP.i32Const, 0, OP.i32LtS);
      hints.push(body.length);
      body.u8(OP.brIf, 1, OP.localGet).u32(local).u8(OP.globalSet).u32(appended.fuel);
      return;
    case EDIT.closeLoop:
      body.u8(OP.end);
      return;
    case EDIT.label:
      body.u32(value);
      return;
    case EDIT.grow:
      body.u8(OP.call).u32(appended.grow);
      return;
    case EDIT.bulkMemory:
      body.u8(OP.call).u32(appended.bulkMemory);
      return;
    case EDIT.bulkTable:
      body.u8(OP.call).u32(appended.bulkTable);
      return;
    case EDIT.throw:
      body.u8(OP.i32Const).s32(DYNAMIC_COST.throw << DYNAMIC_COST.bytesShift);
      body.u8(OP.call).u32(appended.bulkMemory).u8(OP.drop);
  }
}
