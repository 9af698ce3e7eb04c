import { isUtf8 } from 'node:buffer';
import { encodeString } from './go-json.ts';

/**
 * JSON as Go's `encoding/json` writes it, byte for byte, since signatures are over those bytes: compact, fields in the
 * order of the struct, empty ones left out where the tag says `omitempty`, keys of maps sorted, `<>&` escaped.
 *
 * A struct is a list of fields, each of which writes `"key":value`, or nothing where Go leaves it out.
 */
export type Field<R> = (record: R) => string;

/** Writes a value of one type. */
export type Write<T> = (value: T) => string;

type With<K extends string, T> = { readonly [key in K]?: T | undefined };

/** A struct. */
export function object<R>(...fields: readonly Field<R>[]): Write<R> {
  return (record) => {
    let written = '';
    for (const field of fields) {
      const one = field(record);
      if (one === '') continue;
      written += written === '' ? one : `,${one}`;
    }
    return `{${written}}`;
  };
}

/** The same value in every record. */
export function constant(key: string, value: string): Field<unknown> {
  const written = `"${key}":${encodeString(value)}`;
  return () => written;
}

/** `omitempty`. */
export function text<K extends string>(key: K): Field<With<K, string>> {
  return (record) => {
    const value = record[key] ?? '';
    return value === '' ? '' : `"${key}":${encodeString(value)}`;
  };
}

/** A string without `omitempty`. */
export function everyText<K extends string>(key: K): Field<With<K, string>> {
  return (record) => `"${key}":${encodeString(record[key] ?? '')}`;
}

/** A pointer to a string: written when it is empty, left out when it is missing. */
export function textPointer<K extends string>(key: K): Field<With<K, string>> {
  return (record) => {
    const value = record[key];
    return value === undefined ? '' : `"${key}":${encodeString(value)}`;
  };
}

/** `omitempty`. */
export function integer<K extends string>(key: K): Field<With<K, number>> {
  return (record) => {
    const value = record[key] ?? 0;
    return value === 0 ? '' : `"${key}":${encodeInteger(value)}`;
  };
}

/** An integer without `omitempty`. */
export function everyInteger<K extends string>(key: K): Field<With<K, number>> {
  return (record) => `"${key}":${encodeInteger(record[key] ?? 0)}`;
}

/** A pointer to an integer. */
export function integerPointer<K extends string>(key: K): Field<With<K, number>> {
  return (record) => {
    const value = record[key];
    return value === undefined ? '' : `"${key}":${encodeInteger(value)}`;
  };
}

/** `omitempty`, a float64: JavaScript prints it as Go's encoder does. */
export function float<K extends string>(key: K): Field<With<K, number>> {
  return (record) => {
    const value = record[key] ?? 0;
    return value === 0 ? '' : `"${key}":${value}`;
  };
}

/** `omitempty`. */
export function flag<K extends string>(key: K): Field<With<K, boolean>> {
  return (record) => (record[key] === true ? `"${key}":true` : '');
}

/** A time in UTC or not, the year 1 where it is missing: `omitempty` says nothing to Go's structs. */
export function time<K extends string>(key: K): Field<With<K, string>> {
  return (record) => `"${key}":"${encodeTime(record[key] ?? '')}"`;
}

/** `omitempty`. */
export function list<K extends string, T>(key: K, write: Write<T>): Field<With<K, readonly T[]>> {
  return (record) => {
    const values = record[key] ?? [];
    return values.length === 0 ? '' : `"${key}":[${values.map(write).join(',')}]`;
  };
}

/** A list without `omitempty`, `[]` where it is missing. */
export function everyList<K extends string, T>(key: K, write: Write<T>): Field<With<K, readonly T[]>> {
  return (record) => `"${key}":[${(record[key] ?? []).map(write).join(',')}]`;
}

/** A list that is written when it is empty, and left out when it is missing. */
export function listPointer<K extends string, T>(key: K, write: Write<T>): Field<With<K, readonly T[]>> {
  return (record) => {
    const values = record[key];
    return values === undefined ? '' : `"${key}":[${values.map(write).join(',')}]`;
  };
}

/** A slice that may be `nil`, which Go writes as `null`: one that is missing. */
export function nullableList<K extends string, T>(key: K, write: Write<T>): Field<With<K, readonly T[]>> {
  return (record) => {
    const values = record[key];
    return `"${key}":${values === undefined ? 'null' : `[${values.map(write).join(',')}]`}`;
  };
}

/** A map, keys in the order of their bytes; `omitempty`. */
export function sorted<K extends string, T>(key: K, write: Write<T>): Field<With<K, Readonly<Record<string, T>>>> {
  return (record) => {
    const values = record[key];
    return values === undefined || isEmpty(values) ? '' : `"${key}":${encodeMap(values, write)}`;
  };
}

/** A map without `omitempty`, `{}` where it is missing. */
export function everySorted<K extends string, T>(key: K, write: Write<T>): Field<With<K, Readonly<Record<string, T>>>> {
  return (record) => `"${key}":${encodeMap(record[key] ?? {}, write)}`;
}

/** A map that may be `nil`, which Go writes as `null`: one that is missing. */
export function nullableSorted<K extends string, T>(
  key: K,
  write: Write<T>,
): Field<With<K, Readonly<Record<string, T>>>> {
  return (record) => {
    const values = record[key];
    return `"${key}":${values === undefined ? 'null' : encodeMap(values, write)}`;
  };
}

/** A pointer to a struct: left out where it is missing. */
export function optional<K extends string, R>(key: K, write: Write<R>): Field<With<K, R>> {
  return (record) => {
    const value = record[key];
    return value === undefined ? '' : `"${key}":${write(value)}`;
  };
}

/** A struct that is part of the record: written when it is empty, too. */
export function nested<K extends string, R extends object>(key: K, write: Write<R>): Field<With<K, R>> {
  return (record) => `"${key}":${write(record[key] ?? ({} as R))}`;
}

/** A value of any type, as Go writes what it has read into an `any`; `omitempty`. */
export function anything<K extends string>(key: K): Field<With<K, unknown>> {
  return (record) => {
    const value = record[key] ?? null;
    return value === null ? '' : `"${key}":${encodeAny(value)}`;
  };
}

function isEmpty(values: object): boolean {
  for (const _ in values) return false;
  return true;
}

function encodeMap<T>(values: Readonly<Record<string, T>>, write: Write<T>): string {
  const keys = Object.keys(values);
  // Peer ids and other names of ASCII, whose order by UTF-16 is that by bytes.
  if (keys.length > 1) keys.sort();
  return `{${keys.map((key) => `${encodeString(key)}:${write(values[key] as T)}`).join(',')}}`;
}

/** Deeper values than that are written as `null`; nobody has written such metadata. */
const MAX_DEPTH = 100;

function encodeAny(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) return 'null';
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => encodeAny(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return 'null';
  return encodeMap(value as Record<string, unknown>, (item) => encodeAny(item, depth + 1));
}

const LARGEST_UINT64 = '18446744073709551615';
const LARGEST_INT64 = '9223372036854775807';

/** An integer of at most 64 bits as Go prints it; one past them, which only rounding makes, becomes the largest. */
function encodeInteger(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  if (value >= 2 ** 64) return LARGEST_UINT64;
  if (value === 2 ** 63) return LARGEST_INT64;
  return BigInt(value).toString();
}

/** Go's zero time. */
const ZERO_TIME = '0001-01-01T00:00:00Z';

/** An RFC 3339 time as Go prints it: nine digits of a second at most, no zeros at their end, `Z` for UTC. */
export function encodeTime(time: string): string {
  if (time === '') return ZERO_TIME;
  const dot = time.indexOf('.');
  let end = time.length - (time.endsWith('Z') ? 1 : 6);
  const zone = time.slice(end);
  if (dot !== -1) {
    end = Math.min(end, dot + 10);
    while (time.charCodeAt(end - 1) === 0x30) end--;
    if (end === dot + 1) end = dot;
  }
  return `${time.slice(0, end)}${zone === '+00:00' ? 'Z' : zone}`;
}

/** Bytes as the text that Go's JSON makes of them: each byte that is not part of a UTF-8 character is one U+FFFD. */
export function toText(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  if (isUtf8(bytes)) return viewOf(bytes).toString();
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > start) parts.push(viewOf(bytes.subarray(start, at)).toString());
    parts.push('\ufffd');
    start = ++at;
  }
  if (bytes.length > start) parts.push(viewOf(bytes.subarray(start)).toString());
  return parts.join('');
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes the UTF-8 character at `at` has; 0 where none is. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0xff;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) {
    const next = bytes[at + i] ?? 0;
    if (next < 0x80 || next > 0xbf) return 0;
  }
  return length;
}
