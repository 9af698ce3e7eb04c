import { hasMoreValuesThan } from '../core/json-size.ts';
import { endOfString, endOfValue, skipSpace, unpackError } from './json-scan.ts';

/**
 * JSON as Go's `encoding/json` reads and writes it, as far as clients can tell: keys match in any case, unknown ones
 * are ignored, `null` is absent, what follows the first value is ignored, and a wrong type is an error that names the
 * Go type, the field and the byte offset.
 *
 * Reading is `JSON.parse` plus one pass over a table; the bytes are scanned only to word an error, or to cut off what
 * trails. More lenient than Go in two ways nobody will miss: `1.0` is an integer, and of a repeated key the last value
 * counts as a whole.
 */
export interface GoType<T> {
  readonly kind: 'string' | 'bool' | 'int' | 'uint' | 'float' | 'list' | 'struct';
  /** As Go prints the type in its errors. */
  readonly name: string;
  /** What a `null` element of a list becomes. */
  readonly zero: T;
  readonly element: GoType<unknown> | null;
  /** By lower-case key; a Map, so that `__proto__` is a key like any other. */
  readonly fields: ReadonlyMap<string, GoType<unknown>>;
}

/** Most values of a body, roughly: an 8 MiB one of nothing but brackets would hold the thread for most of a second. */
const MAX_VALUES = 250_000;

/** What a `GoType` decodes to. */
export type Decoded<G> = G extends GoType<infer T> ? T : never;

const NO_FIELDS: ReadonlyMap<string, GoType<unknown>> = new Map();

function scalar<T>(kind: GoType<T>['kind'], name: string, zero: T): GoType<T> {
  return { kind, name, zero, element: null, fields: NO_FIELDS };
}

export const STRING = scalar<string>('string', 'string', '');
export const BOOL = scalar<boolean>('bool', 'bool', false);
export const INT = scalar<number>('int', 'int', 0);
export const UINT64 = scalar<number>('uint', 'uint64', 0);
export const FLOAT64 = scalar<number>('float', 'float64', 0);

/** `[]element` of Go. */
export function list<T>(element: GoType<T>): GoType<readonly T[]> {
  return { kind: 'list', name: `[]${element.name}`, zero: [], element, fields: NO_FIELDS };
}

/**
 * A struct of Go; a field that is absent or `null` is missing from the decoded object.
 * @param name with its package, as in `execute.Config`
 * @param fields lower-case key → type
 */
export function struct<F extends Readonly<Record<string, GoType<unknown>>>>(
  name: string,
  fields: F,
): GoType<{ readonly [K in keyof F]?: Decoded<F[K]> }> {
  return { kind: 'struct', name, zero: {}, element: null, fields: new Map(Object.entries(fields)) };
}

/**
 * Decodes the first JSON value of a body.
 * @param body UTF-8, invalid bytes read as U+FFFD; the body `null` gives the type's zero value
 * @throws InferbaseError `ERR_INVALID_REQUEST` with echo's words for a syntax or type error, or for too many values
 */
export function decodeJson<T>(body: Buffer, type: GoType<T>): T {
  if (hasMoreValuesThan(MAX_VALUES, body)) {
    throw unpackError(
      `code=400, message=more than ${MAX_VALUES} JSON values in one body; send data as text in one field`,
    );
  }
  const value = bind(parseFirst(body), type);
  if (value !== MISMATCH) return value as T;
  throw unpackError(findTypeError(body, { type, start: 0, path: '', owner: '' }) ?? 'code=400, message=Bad Request');
}

function parseFirst(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return JSON.parse(body.toString('utf8', 0, endOfValue(body, 0)));
  }
}

const MISMATCH = Symbol('mismatch');

function bind(value: unknown, type: GoType<unknown>): unknown {
  if (value === null) return type.zero;
  switch (type.kind) {
    case 'string':
      return typeof value === 'string' ? value : MISMATCH;
    case 'bool':
      return typeof value === 'boolean' ? value : MISMATCH;
    case 'float':
      return Number.isFinite(value) ? value : MISMATCH;
    case 'int':
      return Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63 ? value : MISMATCH;
    case 'uint':
      return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 64 ? value : MISMATCH;
    case 'list':
      return Array.isArray(value) && type.element !== null ? bindList(value, type.element) : MISMATCH;
    case 'struct':
      return typeof value === 'object' && !Array.isArray(value)
        ? bindStruct(value as Record<string, unknown>, type.fields)
        : MISMATCH;
  }
}

/** In place: the elements are those of a freshly parsed value. */
function bindList(values: unknown[], element: GoType<unknown>): unknown {
  for (let i = 0; i < values.length; i++) {
    const item = bind(values[i], element);
    if (item === MISMATCH) return MISMATCH;
    if (item !== values[i]) values[i] = item;
  }
  return values;
}

/** In place where every known key is spelt as in the table, which is nearly always; unknown ones just stay. */
function bindStruct(given: Record<string, unknown>, fields: ReadonlyMap<string, GoType<unknown>>): unknown {
  for (const key in given) {
    const type = fields.get(key);
    if (type === undefined) {
      if (fields.has(fold(key))) return bindFolded(given, fields);
      continue;
    }
    const value = given[key];
    const item = value === null ? undefined : bind(value, type);
    if (item === MISMATCH) return MISMATCH;
    if (item !== value) given[key] = item;
  }
  return given;
}

/** The last of several spellings counts, unless it is `null`. */
function bindFolded(given: Record<string, unknown>, fields: ReadonlyMap<string, GoType<unknown>>): unknown {
  const renamed: Record<string, unknown> = {};
  for (const key in given) {
    const name = fold(key);
    if (fields.has(name) && (given[key] ?? null) !== null) renamed[name] = given[key];
  }
  return bindStruct(renamed, fields);
}

/** Go folds the long s and the Kelvin sign too; `toLowerCase` knows only the latter. */
function fold(key: string): string {
  return key.toLowerCase().replaceAll('ſ', 's');
}

interface Place {
  readonly type: GoType<unknown>;
  /** Byte offset at or before the value. */
  readonly start: number;
  /** Keys from the root, joined by dots. */
  readonly path: string;
  /** Name of the struct the value is a field of, without its package. */
  readonly owner: string;
}

/** The first wrong type in a body that is valid JSON, in document order, as echo words it. */
function findTypeError(body: Buffer, place: Place): string | null {
  const { type, path, owner } = place;
  const start = skipSpace(body, place.start);
  const opening = body[start];
  if (opening === 0x6e) return null;
  if (opening === 0x7b && type.kind === 'struct') return findInObject(body, { ...place, start });
  if (opening === 0x5b && type.kind === 'list') return findInArray(body, { ...place, start });
  const nested = opening === 0x7b || opening === 0x5b;
  const end = nested ? start + 1 : endOfValue(body, start);
  const text = nested ? '' : body.toString('latin1', start, end);
  const got = describe(opening, text, type);
  if (got === null) return null;
  const into = owner === '' ? 'value' : `struct field ${owner}.${path}`;
  return (
    `code=400, message=Unmarshal type error: expected=${type.name}, got=${got}, field=${path}, offset=${end}, ` +
    `internal=json: cannot unmarshal ${got} into Go ${into} of type ${type.name}`
  );
}

/** What stands where another type was expected; `null` where it fits. */
function describe(opening: number | undefined, text: string, type: GoType<unknown>): string | null {
  if (opening === 0x7b) return 'object';
  if (opening === 0x5b) return 'array';
  if (opening === 0x22) return type.kind === 'string' ? null : 'string';
  if (opening === 0x74 || opening === 0x66) return type.kind === 'bool' ? null : 'bool';
  if (type.kind !== 'int' && type.kind !== 'uint' && type.kind !== 'float') return 'number';
  return bind(Number(text), type) === MISMATCH ? `number ${text}` : null;
}

function findInArray(body: Buffer, place: Place): string | null {
  const { element } = place.type;
  let at = skipSpace(body, place.start + 1);
  while (element !== null && body[at] !== 0x5d) {
    const error = findTypeError(body, { ...place, type: element, start: at });
    if (error !== null) return error;
    at = skipSpace(body, skipSpace(body, endOfValue(body, at)));
    if (body[at] === 0x2c) at = skipSpace(body, at + 1);
  }
  return null;
}

function findInObject(body: Buffer, place: Place): string | null {
  const owner = place.type.name.slice(place.type.name.lastIndexOf('.') + 1);
  let at = skipSpace(body, place.start + 1);
  while (body[at] !== 0x7d) {
    const keyEnd = endOfString(body, at);
    const key = fold(JSON.parse(body.toString('utf8', at, keyEnd)) as string);
    const start = skipSpace(body, skipSpace(body, keyEnd) + 1);
    const type = place.type.fields.get(key);
    if (type !== undefined) {
      const path = place.path === '' ? key : `${place.path}.${key}`;
      const error = findTypeError(body, { type, start, path, owner });
      if (error !== null) return error;
    }
    at = skipSpace(body, endOfValue(body, start));
    if (body[at] === 0x2c) at = skipSpace(body, at + 1);
  }
  return null;
}

const HTML = /[<>&\u2028\u2029]/g;
/** Nothing in it needs an escape: most strings, and much cheaper to see than to have `JSON.stringify` find out. */
const PLAIN = /^[\w !#-%'-;=?@[\]^`{|}~]*$/;

/** A JSON string literal as Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 escaped, lone surrogates U+FFFD. */
export function encodeString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return escapeHtml(JSON.stringify(text.toWellFormed()));
}

/** Compact JSON as `?pretty` shows it: two spaces of indent. Numbers must be within double precision. */
export function indentJson(json: string): string {
  return escapeHtml(JSON.stringify(JSON.parse(json), null, 2));
}

function escapeHtml(json: string): string {
  return json.replace(HTML, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
