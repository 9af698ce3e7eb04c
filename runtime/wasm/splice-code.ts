import { type Appended, OP, writeCheck, writeSubtract } from './appended.ts';
import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { BODY_STRIDE, EDIT, EDIT_STRIDE } from './code-edits.ts';
import { invalidModule } from './invalid-module.ts';
import type { ModuleShape, SectionSpan } from './module-shape.ts';
import { DYNAMIC_COST } from './op-costs.ts';

/** The code section with every edit made, and the appended functions behind the module's own. */
export function spliceCode(bytes: Uint8Array, old: SectionSpan, shape: ModuleShape, appended: Appended): ByteWriter {
  const reader = new ByteReader(bytes, 'code section');
  reader.position = old.contentAt;
  const bodies = reader.u32();
  const { edits, bodies: spans } = shape.code.edits;
  const content = new ByteWriter(old.end - old.contentAt + edits.length * 8 + 256);
  content.u32(bodies + appended.functions.length);
  const body = new ByteWriter(1024);
  let edit = 0;
  for (let span = 0; span < spans.length; span += BODY_STRIDE) {
    const end = spans[span + 2] as number;
    const editsEnd = spans[span + 3] as number;
    let copied = spans[span + 1] as number;
    body.clear();
    for (; edit < editsEnd; edit += EDIT_STRIDE) {
      const start = edits[edit + 1] as number;
      body.copy(bytes, copied, start);
      copied = edits[edit + 2] as number;
      writeEdit(body, bytes, edits, edit, appended);
    }
    body.copy(bytes, copied, end);
    if (body.length > BOUNDS.functionBytes) {
      const index = shape.imports.length + span / BODY_STRIDE;
      throw invalidModule(
        `function ${index} takes ${body.length} bytes with its metering, more than the ${BOUNDS.functionBytes} V8 allows; split it`,
      );
    }
    content.u32(body.length).raw(body.written);
  }
  for (const more of appended.functions) content.u32(more.length).raw(more.written);
  return content;
}

function writeEdit(
  body: ByteWriter,
  bytes: Uint8Array,
  edits: readonly number[],
  at: number,
  appended: Appended,
): void {
  const start = edits[at + 1] as number;
  const end = edits[at + 2] as number;
  const value = edits[at + 3] as number;
  switch (edits[at]) {
    case EDIT.charge:
      writeCheck(body, appended, value);
      writeSubtract(body, appended.fuel, value);
      return;
    case EDIT.branchOut:
      // The outer loop takes and gives the same values, so what lies on the stack passes through both headers.
      body.copy(bytes, start, end);
      writeCheck(body, appended, value);
      body.copy(bytes, start, end);
      body.u8(OP.globalGet).u32(appended.fuel).u8(OP.i32Const).s32(value).u8(OP.i32LtS, OP.brIf, 1);
      writeSubtract(body, appended.fuel, value);
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
