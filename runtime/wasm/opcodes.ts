import { SIMD_OPCODES } from './simd-opcodes.ts';

/** What follows an opcode in the code, by kind. Sources: WebAssembly 3.0 core specification, §5.4 "Instructions". */
export const IMMEDIATE = {
  /** No instruction of this number is known here. */
  unknown: 0,
  none: 1,
  /** An index: label, local, global, function, table, data segment, lane type … */
  index: 2,
  /** `table.init`, `table.copy`. */
  twoIndexes: 3,
  /** Index of a function that is called. */
  call: 4,
  /** Index of a function type that is called through a reference. */
  callType: 5,
  /** Index of a function type, index of a table. */
  callIndirect: 6,
  /** Block type; opens a block. */
  block: 7,
  /** Block type and a list of catches; opens a block. */
  tryTable: 8,
  /** Closes a block. */
  end: 9,
  /** Index of a label; closes a block. */
  delegate: 10,

  /** Index of a tag whose values are pushed. */
  catch: 11,
  labels: 12,
  types: 13,
  heapType: 14,
  memarg: 15,
  memargLane: 16,
  /** Index of a memory, of which there is one. */
  memory: 17,
  /** `memory.copy`. */
  twoMemories: 18,
  /** `memory.init`: index of a data segment, index of a memory. */
  dataMemory: 19,
  s32: 20,
  s64: 21,
  fourBytes: 22,
  eightBytes: 23,
  sixteenBytes: 24,
  lane: 25,
  prefix: 26,
  /** `memory.grow`: index of a memory; rewritten. */
  grow: 27,
  /** `table.grow`: index of a table. */
  tableGrow: 28,
  /** Index of a label. */
  label: 29,
  /** Block type; opens a block that can be repeated. */
  loop: 30,
  /** `memory.fill`: index of a memory. */
  fill: 31,
  /** `table.fill`: index of a table. */
  tableFill: 32,
  /** Index of a tag. */
  throw: 33,
  /** Index of a label. */
  rethrow: 34,
  throwRef: 35,
  /** Another part of the block that is open. */
  again: 36,
} as const;

export type ImmediateName = keyof typeof IMMEDIATE;

/** First opcode of a row, then names in order; `name:immediate` where there is one, `-` for a number not in use. */
export type OpcodeRows = readonly (readonly [first: number, names: string])[];

/** Opcodes of one byte, or of one prefix: arrays by number. */
export interface OpcodePage {
  readonly names: readonly (string | undefined)[];
  readonly immediates: Uint8Array;
}

function createPage(size: number, rows: OpcodeRows): OpcodePage {
  const names: (string | undefined)[] = new Array(size).fill(undefined);
  const immediates = new Uint8Array(size);
  for (const [first, row] of rows) {
    for (const [index, entry] of row.trim().split(/\s+/).entries()) {
      if (entry === '-') continue;
      const [name, immediate = 'none'] = entry.split(':');
      names[first + index] = name;
      immediates[first + index] = IMMEDIATE[immediate as ImmediateName];
    }
  }
  return { names, immediates };
}

/** Opcodes of one byte. */
export const OPCODES: OpcodePage = createPage(256, [
  [0x00, 'unreachable nop block:block loop:loop if:block else:again try:block catch:catch throw:throw rethrow:rethrow'],
  [0x0a, 'throw_ref:throwRef end:end br:label br_if:label br_table:labels return'],
  [0x10, 'call:call call_indirect:callIndirect return_call:call return_call_indirect:callIndirect'],
  [0x14, 'call_ref:callType return_call_ref:callType - - delegate:delegate catch_all:again'],
  [0x1a, 'drop select select:types - - try_table:tryTable'],
  [
    0x20,
    'local.get:index local.set:index local.tee:index global.get:index global.set:index table.get:index table.set:index',
  ],
  [0x28, 'i32.load:memarg i64.load:memarg f32.load:memarg f64.load:memarg'],
  [0x2c, 'i32.load8_s:memarg i32.load8_u:memarg i32.load16_s:memarg i32.load16_u:memarg'],
  [0x30, 'i64.load8_s:memarg i64.load8_u:memarg i64.load16_s:memarg i64.load16_u:memarg'],
  [0x34, 'i64.load32_s:memarg i64.load32_u:memarg'],
  [0x36, 'i32.store:memarg i64.store:memarg f32.store:memarg f64.store:memarg i32.store8:memarg i32.store16:memarg'],
  [0x3c, 'i64.store8:memarg i64.store16:memarg i64.store32:memarg memory.size:memory memory.grow:grow'],
  [0x41, 'i32.const:s32 i64.const:s64 f32.const:fourBytes f64.const:eightBytes'],
  [0x45, 'i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u'],
  [0x50, 'i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u'],
  [0x5b, 'f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge'],
  [0x67, 'i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u'],
  [0x71, 'i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr'],
  [0x79, 'i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u'],
  [0x83, 'i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr'],
  [0x8b, 'f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt'],
  [0x92, 'f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign'],
  [0x99, 'f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt'],
  [0xa0, 'f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign'],
  [0xa7, 'i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u'],
  [0xac, 'i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u'],
  [0xb2, 'f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64'],
  [0xb7, 'f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32'],
  [0xbc, 'i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64'],
  [0xc0, 'i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s'],
  [0xd0, 'ref.null:heapType ref.is_null ref.func:index - ref.as_non_null br_on_null:label br_on_non_null:label'],
  [0xfc, 'numeric-and-bulk:prefix simd:prefix'],
]);

/** Opcodes after 0xfc. */
const BULK_OPCODES = createPage(32, [
  [0, 'i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u'],
  [4, 'i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u'],
  [8, 'memory.init:dataMemory data.drop:index memory.copy:twoMemories memory.fill:fill'],
  [
    12,
    'table.init:twoIndexes elem.drop:index table.copy:twoIndexes table.grow:tableGrow table.size:index table.fill:tableFill',
  ],
]);

/** Prefix byte → its opcodes. */
export const PREFIXED: ReadonlyMap<number, OpcodePage> = new Map([
  [0xfc, BULK_OPCODES],
  [0xfd, createPage(0x120, SIMD_OPCODES)],
]);

/** Numbers behind 0xfd from here on are relaxed SIMD. */
export const FIRST_RELAXED = 0x100;

/** Opcodes of one byte that compute floating-point numbers, whose results may be a NaN with any bits. */
export const COMPUTES_FLOATS: Uint8Array = Uint8Array.from(OPCODES.names, computesFloats);

/** The same of those behind 0xfd. */
export const COMPUTES_FLOAT_LANES: Uint8Array = Uint8Array.from(PREFIXED.get(0xfd)?.names ?? [], computesFloats);

function computesFloats(name: string | undefined): number {
  const computes = /^f\d\d(x\d)?\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|p?min|p?max|demote|promote|relaxed)/;
  return computes.test(name ?? '') ? 1 : 0;
}
