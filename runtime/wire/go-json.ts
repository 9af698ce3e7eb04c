import { InferbaseError } from '../core/errors.ts';
import { hasMoreValuesThan } from '../core/json-size.ts';
import { type Bind, findTypeError, fold } from './go-type-error.ts';
import { endOfValue, JsonProblem } from './json-scan.ts';

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
  readonly kind: 'string' | 'bool' | 'int' | 'uint' | 'float' | 'time' | 'any' | 'list' | 'map' | 'struct';
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
export const UINT = scalar<number>('uint', 'uint', 0);
export const UINT64 = scalar<number>('uint', 'uint64', 0);
export const FLOAT64 = scalar<number>('float', 'float64', 0);
/** RFC 3339 text. */
export const TIME = scalar<string>('time', 'time.Time', '');
/** Whatever stands there. */
export const ANY = scalar<unknown>('any', 'interface {}', null);

/** `[]element` of Go. */
export function list<T>(element: GoType<T>): GoType<readonly T[]> {
  return { kind: 'list', name: `[]${element.name}`, zero: [], element, fields: NO_FIELDS };
}

/** `map[string]element` of Go. */
export function map<T>(element: GoType<T>): GoType<Readonly<Record<string, T>>> {
  return { kind: 'map', name: `map[string]${element.name}`, zero: {}, element, fields: NO_FIELDS };
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
  try {
    return bindJson(parseJson(body), type, body);
  } catch (error) {
    throw error instanceof JsonProblem ? unpackError(error.echo) : error;
  }
}

/** The error of a body that cannot be read, in the words of b7s's handlers. */
export function unpackError(text: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `could not unpack request: ${text}`);
}

/**
 * The first JSON value of a text, as `JSON.parse` gives it.
 * @throws JsonProblem for a syntax error or too many values
 */
export function parseJson(text: Buffer): unknown {
  if (hasMoreValuesThan(MAX_VALUES, text)) {
    const what = `more than ${MAX_VALUES} JSON values in one body; send data as text in one field`;
    throw new JsonProblem(what, `code=400, message=${what}`);
  }
  try {
    return JSON.parse(text.toString());
  } catch {
    return JSON.parse(text.toString('utf8', 0, endOfValue(text, 0)));
  }
}

/**
 * Makes a parsed value one of a type, in place where it can; unknown keys are dropped.
 * @param text that it was parsed from
 * @throws JsonProblem naming the field whose type is wrong
 */
export function bindJson<T>(parsed: unknown, type: GoType<T>, text: Buffer): T {
  const value = bind(parsed, type);
  if (value !== MISMATCH) return value as T;
  throw findTypeError(text, type, fits) ?? new JsonProblem('it does not fit', 'code=400, message=Bad Request');
}

const MISMATCH = Symbol('mismatch');
const RFC3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const fits: Bind = (value, type) => bind(value, type) !== MISMATCH;

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
    case 'time':
      return typeof value === 'string' && RFC3339.test(value) ? value : MISMATCH;
    case 'any':
      return value;
    case 'map':
      return typeof value === 'object' && !Array.isArray(value) && type.element !== null
        ? bindMap(value as Record<string, unknown>, type.element)
        : MISMATCH;
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

function bindMap(values: Record<string, unknown>, element: GoType<unknown>): unknown {
  for (const key in values) {
    const item = bind(values[key], element);
    if (item === MISMATCH) return MISMATCH;
    if (item !== values[key]) values[key] = item;
  }
  return values;
}

/** In place where every key is one of the table and spelt like it, which is nearly always. */
function bindStruct(given: Record<string, unknown>, fields: ReadonlyMap<string, GoType<unknown>>): unknown {
  for (const key in given) {
    const type = fields.get(key);
    if (type === undefined) return bindFolded(given, fields);
    const value = given[key];
    const item = value === null ? undefined : bind(value, type);
    if (item === MISMATCH) return MISMATCH;
    if (item !== value) given[key] = item;
  }
  return given;
}

/**
 * Without the unknown keys: what nobody asked for, such as a million brackets, is not handed on. The last of several
 * spellings counts, unless it is `null`.
 */
function bindFolded(given: Record<string, unknown>, fields: ReadonlyMap<string, GoType<unknown>>): unknown {
  const renamed: Record<string, unknown> = {};
  for (const key in given) {
    const name = fold(key);
    if (fields.has(name) && (given[key] ?? null) !== null) renamed[name] = given[key];
  }
  return bindStruct(renamed, fields);
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
