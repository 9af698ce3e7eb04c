import type { CallType } from '../../core/entry-call.ts';
import { hasMoreValuesThan } from '../../core/json-size.ts';
import type { CallInput } from './call.ts';

type Value = string | number | bigint;

/**
 * Most values of a list in standard input. It is read on the guest's thread, where nothing meters it: eight million
 * brackets within each other would hold the thread for half a minute, and the function would be blamed for it.
 */
const MAX_LIST_VALUES = 100_000;

/**
 * The arguments of an exported function. One alone is standard input, or the argument where there is none; several are
 * the arguments in order, or the items of a JSON list in standard input. A missing text is empty.
 * @returns why they do not fit, where they do not
 */
export function readArguments(params: readonly CallType[], { args, stdin }: CallInput): Value[] | string {
  const texts = readTexts(params.length, args, stdin);
  if (texts === null) return `takes a list of at most ${MAX_LIST_VALUES} values in standard input; give it less`;
  if (texts.length > params.length) return `takes ${params.length} arguments, and ${texts.length} were given`;
  const values: Value[] = [];
  for (const [index, type] of params.entries()) {
    const text = texts[index];
    const value = readValue(type, text ?? '');
    if (value === undefined)
      return `argument ${index + 1} is ${text === undefined ? 'missing' : JSON.stringify(text.slice(0, 60))}; give ${WANTED[type]}`;
    values.push(value);
  }
  return values;
}

const WANTED: Readonly<Record<CallType, string>> = {
  string: 'text',
  any: 'text',
  bool: 'true or false',
  i32: 'a whole number from -2147483648 to 2147483647',
  u32: 'a whole number from 0 to 4294967295',
  i64: 'a whole number of 64 bits',
  u64: 'a whole number of 64 bits that is not negative',
  f32: 'a number',
  f64: 'a number',
};

const BOOLS: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['1', 1],
  ['false', 0],
  ['0', 0],
]);

/** @returns `null` for a list that is too much to read */
function readTexts(count: number, args: readonly string[], stdin: Uint8Array): readonly string[] | null {
  if (count === 0) return [];
  if (count === 1) return stdin.length > 0 ? [new TextDecoder().decode(stdin)] : args.slice(0, 1);
  if (args.length > 0 || stdin.length === 0) return args;
  if (hasMoreValuesThan(MAX_LIST_VALUES, stdin)) return null;
  try {
    const list: unknown = JSON.parse(new TextDecoder().decode(stdin));
    if (Array.isArray(list)) return list.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  } catch {
    // Not JSON: then there are no arguments, and that is said.
  }
  return [];
}

function readValue(type: CallType, text: string): Value | undefined {
  switch (type) {
    case 'string':
    case 'any':
      return text;
    case 'bool':
      return BOOLS.get(text.trim());
    case 'i32':
      return whole(text, -2147483648, 2147483647);
    case 'u32':
      return whole(text, 0, 4294967295);
    case 'i64':
      return wide(text, BigInt.asIntN);
    case 'u64':
      return wide(text, BigInt.asUintN);
    default:
      return text.trim() === '' || (Number.isNaN(Number(text)) && text.trim() !== 'NaN') ? undefined : Number(text);
  }
}

function whole(text: string, min: number, max: number): number | undefined {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= min && value <= max ? value : undefined;
}

function wide(text: string, fit: (bits: number, value: bigint) => bigint): bigint | undefined {
  if (!/^\s*-?\d{1,20}\s*$/.test(text)) return undefined;
  const value = BigInt(text.trim());
  return fit(64, value) === value ? value : undefined;
}

/** A number that a function returned, as text. */
export function writeResult(type: CallType, value: unknown): string {
  switch (type) {
    case 'bool':
      return Number(value) === 0 ? 'false' : 'true';
    case 'u32':
      return String(Number(value) >>> 0);
    case 'u64':
      return String(BigInt.asUintN(64, BigInt(value as bigint)));
    case 'f32':
      return shortest(Number(value));
    default:
      return String(value);
  }
}

/** As few digits as tell a 32-bit float from its neighbours. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}
