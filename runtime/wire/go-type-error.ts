import type { GoType } from './go-json.ts';
import { endOfString, endOfValue, JsonProblem, skipSpace } from './json-scan.ts';

/** Whether a parsed value can be one of the type. */
export type Bind = (value: unknown, type: GoType<unknown>) => boolean;

interface Search {
  readonly body: Buffer;
  readonly fits: Bind;
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

/**
 * The first wrong type in a text that is valid JSON, in document order; `null` where every value fits.
 * @param fits tells of scalars
 */
export function findTypeError(body: Buffer, type: GoType<unknown>, fits: Bind): JsonProblem | null {
  return find({ body, fits }, { type, start: 0, path: '', owner: '' });
}

/** Go folds the long s and the Kelvin sign too; `toLowerCase` knows only the latter. */
export function fold(key: string): string {
  return key.toLowerCase().replaceAll('ſ', 's');
}

function find(search: Search, place: Place): JsonProblem | null {
  const { body } = search;
  const { type, path, owner } = place;
  const start = skipSpace(body, place.start);
  const opening = body[start];
  if (opening === 0x6e || type.kind === 'any') return null;
  if (opening === 0x7b && (type.kind === 'struct' || type.kind === 'map')) {
    return findInObject(search, { ...place, start });
  }
  if (opening === 0x5b && type.kind === 'list') return findInArray(search, { ...place, start });
  const nested = opening === 0x7b || opening === 0x5b;
  const end = nested ? start + 1 : endOfValue(body, start);
  const got = describe(opening, nested ? '' : body.toString('utf8', start, end), type, search.fits);
  if (got === null) return null;
  const into = owner === '' ? 'value' : `struct field ${owner}.${path}`;
  return new JsonProblem(
    `${path === '' ? 'it' : path} is ${got} where ${type.name} is expected (byte ${end})`,
    `code=400, message=Unmarshal type error: expected=${type.name}, got=${got}, field=${path}, offset=${end}, ` +
      `internal=json: cannot unmarshal ${got} into Go ${into} of type ${type.name}`,
  );
}

/** What stands where another type was expected; `null` where it fits. */
function describe(opening: number | undefined, text: string, type: GoType<unknown>, fits: Bind): string | null {
  if (opening === 0x7b) return 'object';
  if (opening === 0x5b) return 'array';
  if (opening === 0x22 && type.kind === 'time') return fits(JSON.parse(text), type) ? null : 'string';
  if (opening === 0x22) return type.kind === 'string' ? null : 'string';
  if (opening === 0x74 || opening === 0x66) return type.kind === 'bool' ? null : 'bool';
  if (type.kind !== 'int' && type.kind !== 'uint' && type.kind !== 'float') return 'number';
  return fits(Number(text), type) ? null : `number ${text}`;
}

function findInArray(search: Search, place: Place): JsonProblem | null {
  const { body } = search;
  const { element } = place.type;
  let at = skipSpace(body, place.start + 1);
  while (element !== null && body[at] !== 0x5d) {
    const error = find(search, { ...place, type: element, start: at });
    if (error !== null) return error;
    at = skipSpace(body, skipSpace(body, endOfValue(body, at)));
    if (body[at] === 0x2c) at = skipSpace(body, at + 1);
  }
  return null;
}

function findInObject(search: Search, place: Place): JsonProblem | null {
  const { body } = search;
  const owner = place.type.name.slice(place.type.name.lastIndexOf('.') + 1);
  let at = skipSpace(body, place.start + 1);
  while (body[at] !== 0x7d) {
    const keyEnd = endOfString(body, at);
    const written = JSON.parse(body.toString('utf8', at, keyEnd)) as string;
    const key = place.type.kind === 'map' ? written : fold(written);
    const start = skipSpace(body, skipSpace(body, keyEnd) + 1);
    const type = place.type.element ?? place.type.fields.get(key);
    if (type !== undefined) {
      const path = place.path === '' ? key : `${place.path}.${key}`;
      const error = find(search, { type, start, path, owner });
      if (error !== null) return error;
    }
    at = skipSpace(body, endOfValue(body, start));
    if (body[at] === 0x2c) at = skipSpace(body, at + 1);
  }
  return null;
}
