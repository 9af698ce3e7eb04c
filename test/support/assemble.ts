import type { HostCall, ValueType } from '../../runtime/core/host-calls.ts';
import { join, rawModule, u32 } from '../wasm/raw-module.ts';

/** Instructions in binary. */
export type Code = readonly number[];

const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };
const NOTHING = 0x40;
const EXNREF = 0x69;

/** Both ways WebAssembly has of catching everything. */
export type Encoding = 'try/catch_all' | 'try_table/catch_all_ref';
export const ENCODINGS: readonly Encoding[] = ['try/catch_all', 'try_table/catch_all_ref'];

/** Signed LEB128 of any integer. */
export function leb(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

/** A constant of a type; floats are whole numbers from 0 to 127 here. */
export function constant(type: ValueType, value: number | bigint): Code {
  switch (type) {
    case 'i32':
      return [0x41, ...leb(BigInt.asIntN(32, BigInt(value)))];
    case 'i64':
      return [0x42, ...leb(BigInt.asIntN(64, BigInt(value)))];
    case 'f32':
      return [0x43, ...new Uint8Array(Float32Array.of(Number(value)).buffer)];
    case 'f64':
      return [0x44, ...new Uint8Array(Float64Array.of(Number(value)).buffer)];
  }
}

export const i32 = (value: number): Code => constant('i32', value);
export const call = (index: number): Code => [0x10, ...u32(index)];
export const drop: Code = [0x1a];
export const unreachable: Code = [0x00];
export const end = 0x0b;
/** `i32.store` at an address. */
export const store = (address: number, value: number): Code => [...i32(address), ...i32(value), 0x36, 2, 0];
/** `i64.store` at an address. */
export const store64 = (address: number, value: bigint): Code => [
  ...i32(address),
  ...constant('i64', value),
  0x37,
  3,
  0,
];
/** `i32.load` from an address. */
export const load = (address: number): Code => [...i32(address), 0x28, 2, 0];

/** Repeats for ever. */
export function forEver(code: Code): Code {
  return [0x03, NOTHING, ...code, 0x0c, 0, end];
}

/** `code`, which leaves nothing, with whatever it throws swallowed; `handler` runs then. */
export function swallow(encoding: Encoding, code: Code, handler: Code): Code {
  if (encoding === 'try/catch_all') return [0x06, NOTHING, ...code, 0x19, ...handler, end];
  // block: block (result exnref): try_table (catch_all_ref 0): code; end; br 1; end; drop; handler; end
  const inner = [0x1f, NOTHING, 1, 3, 0, ...code, end, 0x0c, 1];
  return [0x02, NOTHING, 0x02, EXNREF, ...inner, end, ...drop, ...handler, end];
}

/** A host call with these arguments, 0 where there is none; what it returns is dropped. */
export function callWith(index: number, { params, results }: HostCall, args: readonly (number | bigint)[] = []): Code {
  return [
    ...params.flatMap((type, at) => constant(type, args[at] ?? 0)),
    ...call(index),
    ...results.flatMap(() => drop),
  ];
}

export interface Assembly {
  /** Functions 0, 1, … */
  readonly imports: readonly HostCall[];
  /** Of `() -> ()`, numbered after the imports; the first is exported as `_start`. */
  readonly functions: readonly Code[];
  /** Initial memory in pages; `null` for none. Exported as `memory`. */
  readonly pages?: number | null;
  /** Bytes in memory from the start, by address. */
  readonly data?: readonly (readonly [address: number, bytes: string | Uint8Array])[];
  /** Functions of a table, for `call_indirect` of type 0, `() -> ()`. */
  readonly table?: readonly number[];
}

/** A module of these parts. */
export function assemble({ imports, functions, pages = 1, data = [], table = [] }: Assembly): Uint8Array {
  const name = (text: string): Uint8Array => join(u32(Buffer.byteLength(text)), Buffer.from(text));
  const types = [
    [0x60, 0, 0],
    ...imports.map(({ params, results }) => [
      0x60,
      params.length,
      ...params.map((type) => VALUE_TYPES[type]),
      results.length,
      ...results.map((type) => VALUE_TYPES[type]),
    ]),
  ];
  const bodies = functions.map((code) => join(u32(code.length + 2), [0], code, [end]));
  const exports = [join(name('_start'), [0], u32(imports.length))];
  if (pages !== null) exports.push(join(name('memory'), [2, 0]));
  const segments = data.map(([address, bytes]) => {
    const content = Buffer.from(bytes as string);
    return join([0], i32(address), [end], u32(content.length), content);
  });
  const section = (items: readonly (Uint8Array | readonly number[])[]): Uint8Array => join(u32(items.length), ...items);
  return rawModule(
    ['type', section(types)],
    ['import', section(imports.map((row, at) => join(name(row.module), name(row.name), [0], u32(at + 1))))],
    ['function', section(functions.map(() => [0]))],
    ['table', section(table.length === 0 ? [] : [[0x70, 0, ...u32(table.length)]])],
    ['memory', section(pages === null ? [] : [[0, ...u32(pages)]])],
    ['export', section(exports)],
    ['element', section(table.length === 0 ? [] : [join([0], i32(0), [end], section(table.map((at) => u32(at))))])],
    ['code', section(bodies)],
    ['data', section(segments)],
  );
}
