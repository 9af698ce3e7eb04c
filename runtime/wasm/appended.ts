import { REWRITTEN } from '../core/module-facts.ts';
import { ByteWriter } from './byte-writer.ts';
import type { ModuleShape } from './module-shape.ts';
import { DYNAMIC_COST } from './op-costs.ts';

export const I32 = 0x7f;
const REF_NULL = 0x63;
const ELEMENTS_MASK = 0x1f_ffff;

/** Instructions that the rewriter writes. */
export const OP = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  brIf: 0x0d,
  call: 0x10,
  callRef: 0x14,
  drop: 0x1a,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32LtS: 0x48,
  i32GtS: 0x4a,
  i32GeS: 0x4e,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32And: 0x71,
  i32Shl: 0x74,
  i32ShrU: 0x76,
  refNull: 0xd0,
} as const;
export const NO_VALUES = 0x40;

/** What is appended to a module with code, and the indexes it gets. */
export interface Appended {
  readonly typeIndex: number;
  /** The type is not among the module's own. */
  readonly typeIsNew: boolean;
  readonly globals: readonly { readonly name: string; readonly write: (content: ByteWriter) => void }[];
  readonly firstGlobal: number;
  /** Their bodies; all are of the type `(func (param i32) (result i32))`. */
  readonly functions: readonly ByteWriter[];
  /** Index of the global with the slice's fuel. */
  readonly fuel: number;
  /** Indexes of functions. */
  readonly slow: number;
  readonly repay: number;
  readonly grow: number;
  readonly bulkMemory: number;
  readonly bulkTable: number;
}

/**
 * Plans what metering and `memory.grow` need. Appended functions reach the host through globals of function reference
 * type, so that no index of the module's own changes; only they hold a `call_ref`, the rest calls them by index:
 * - `slow(n)` returns the slice's fuel once that is at least `n`;
 * - `repay(n)` does the same for `n` that were taken already, and takes them again;
 * - `bulkMemory(n)`, `bulkTable(n)` charge for `n` bytes or elements and return `n`;
 * - `grow(pages)` asks the host for memory.
 */
export function planAppended(shape: ModuleShape): Appended {
  const { types, imports, functionTypes, globals: own, code } = shape;
  const typeIsNew = types.i32ToI32 < 0;
  const typeIndex = typeIsNew ? types.at.length : types.i32ToI32;
  const firstFunction = imports.length + functionTypes.length;
  const [fuel, tick, pause, growCell] = [0, 1, 2, 3].map((offset) => own.length + offset) as Four;
  const slow = firstFunction;
  const ask = (cell: number) => (body: ByteWriter) => body.u8(OP.globalGet).u32(cell).u8(OP.callRef).u32(typeIndex);
  const meter: Meter = { fuel, slow, repay: firstFunction + 1 };
  const reference = (name: string) => ({ name, write: (content: ByteWriter) => writeReference(content, typeIndex) });
  const bodies = [
    slowBody(fuel, ask(tick), ask(pause)),
    repayBody(meter),
    bulkBody(meter, 'memory'),
    bulkBody(meter, 'table'),
  ];
  const globals = [
    { name: REWRITTEN.fuel, write: writeCounter },
    reference(REWRITTEN.tick),
    reference(REWRITTEN.pause),
  ];
  if (code.growCount > 0) {
    const body = functionBody(0).u8(OP.localGet, 0);
    ask(growCell)(body).u8(OP.end);
    bodies.push(body);
    globals.push(reference(REWRITTEN.grow));
  }
  return {
    typeIndex,
    typeIsNew,
    globals,
    firstGlobal: own.length,
    functions: bodies,
    fuel,
    slow,
    repay: meter.repay,
    bulkMemory: firstFunction + 2,
    bulkTable: firstFunction + 3,
    grow: firstFunction + 4,
  };
}

type Four = [number, number, number, number];
/** What metering reaches by index. */
export type Meter = Pick<Appended, 'fuel' | 'slow' | 'repay'>;

function writeCounter(content: ByteWriter): void {
  content.u8(I32, 1, OP.i32Const, 0, OP.end);
}

function writeReference(content: ByteWriter, typeIndex: number): void {
  content.u8(REF_NULL).s32(typeIndex).u8(1, OP.refNull).s32(typeIndex).u8(OP.end);
}

/** A body whose locals are `locals` numbers. */
function functionBody(locals: 0 | 1): ByteWriter {
  return locals === 0 ? new ByteWriter().u8(0) : new ByteWriter().u8(1, 1, I32);
}

function repayBody({ fuel, slow }: Meter): ByteWriter {
  const body = functionBody(0).u8(OP.globalGet).u32(fuel).u8(OP.localGet, 0, OP.i32Add, OP.globalSet).u32(fuel);
  body.u8(OP.localGet, 0, OP.call).u32(slow).u8(OP.localGet, 0, OP.i32Sub, OP.globalSet).u32(fuel);
  return body.u8(OP.i32Const, 0, OP.end);
}

/** Asks for what is missing; after a 0 again, by the way that suspends; then dies or takes what it got. */
function slowBody(
  fuel: number,
  tick: (body: ByteWriter) => ByteWriter,
  pause: (body: ByteWriter) => ByteWriter,
): ByteWriter {
  const body = functionBody(1);
  const missing = (): ByteWriter => body.u8(OP.localGet, 0, OP.globalGet).u32(fuel).u8(OP.i32Sub);
  tick(missing()).u8(OP.localTee, 1, OP.i32Eqz, OP.if, NO_VALUES);
  pause(missing()).u8(OP.localSet, 1, OP.end);
  body.u8(OP.localGet, 1, OP.i32Const, 0, OP.i32LtS, OP.if, NO_VALUES, OP.unreachable, OP.end);
  body.u8(OP.globalGet).u32(fuel).u8(OP.localGet, 1, OP.i32Add, OP.globalSet).u32(fuel);
  return body.u8(OP.globalGet).u32(fuel).u8(OP.end);
}

/** No number of bytes or elements that does not trap, or fail, makes the charge too large for an i32. */
function bulkBody({ fuel, slow }: Meter, of: 'memory' | 'table'): ByteWriter {
  const body = functionBody(1).u8(OP.localGet, 0, OP.i32Const);
  if (of === 'memory') body.s32(DYNAMIC_COST.bytesShift).u8(OP.i32ShrU);
  else body.s32(ELEMENTS_MASK).u8(OP.i32And, OP.i32Const).s32(DYNAMIC_COST.elementShift).u8(OP.i32Shl);
  body.u8(OP.i32Const).s32(DYNAMIC_COST.bulk).u8(OP.i32Add, OP.localTee, 1);
  body.u8(OP.globalGet).u32(fuel).u8(OP.i32GtS, OP.if, NO_VALUES);
  body.u8(OP.localGet, 1, OP.call).u32(slow).u8(OP.drop, OP.end);
  body.u8(OP.globalGet).u32(fuel).u8(OP.localGet, 1, OP.i32Sub, OP.globalSet).u32(fuel);
  return body.u8(OP.localGet, 0, OP.end);
}
