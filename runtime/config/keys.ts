import type * as z from 'zod/mini';
import { SETTING_NOTES, type SettingNote } from './setting-note.ts';
import { SETTINGS_SCHEMA } from './settings.ts';

/** Stands for the name in `upstreams.NAME.url`. */
export const ANY_NAME = 'NAME';

/** One setting, as the schema's leaf says it. */
export interface SettingKey extends SettingNote {
  readonly path: readonly string[];
  /** Path with dots, `limits.deadlineMs`. */
  readonly key: string;
  /** How text from the environment or a flag is read. */
  readonly kind: 'text' | 'number' | 'switch' | 'list' | 'mapping';
  /** `INFERBASE_LIMITS_DEADLINE_MS`; the name of an upstream is put where `NAME` stands. */
  readonly env: string;
  /** `--limits-deadline-ms`; `undefined` where a name is part of the key. */
  readonly flag: string | undefined;
}

const KINDS: Readonly<Record<string, SettingKey['kind']>> = {
  array: 'list',
  record: 'mapping',
  number: 'number',
  boolean: 'switch',
};

/** The settings in the order of the schema. */
export const SETTING_KEYS: readonly SettingKey[] = leaves(SETTINGS_SCHEMA, []);

function leaves(schema: z.core.$ZodType, path: readonly string[]): SettingKey[] {
  const note = SETTING_NOTES.get(schema);
  if (note !== undefined) return [leaf(schema, path, note)];
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'object') {
    const named = Object.entries(def.shape).flatMap(([name, inner]) => leaves(inner, [...path, name]));
    const others = def.catchall === undefined || def.catchall._zod.def.type === 'never' ? [] : [def.catchall];
    return [...named, ...others.flatMap((inner) => leaves(inner, [...path, ANY_NAME]))];
  }
  if (def.type === 'record') return leaves(def.valueType, [...path, ANY_NAME]);
  throw new TypeError(`the setting ${path.join('.')} has no note`);
}

function leaf(schema: z.core.$ZodType, path: readonly string[], note: SettingNote): SettingKey {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const inner = def.type === 'nullable' ? def.innerType._zod.def : def;
  const words = path.map((part) => (part === ANY_NAME ? part : part.replace(/[A-Z]/g, '_$&')));
  return {
    ...note,
    path,
    key: path.join('.'),
    kind: KINDS[inner.type] ?? 'text',
    env: `INFERBASE_${words.join('_').toUpperCase()}`,
    flag: path.includes(ANY_NAME) ? undefined : `--${words.join('_').toLowerCase().replaceAll('_', '-')}`,
  };
}

/** The setting at a path, or `undefined`; any name fits where the schema has `NAME`. */
export function findKey(path: readonly string[]): SettingKey | undefined {
  return SETTING_KEYS.find((row) => row.path.length === path.length && isPrefix(path, row.path));
}

/** Settings lie below this path. */
export function isGroup(path: readonly string[]): boolean {
  return SETTING_KEYS.some((row) => row.path.length > path.length && isPrefix(path, row.path));
}

/** Names of the groups and settings directly below a group, `[]` for all of them. */
export function namesBelow(group: readonly string[]): string[] {
  const below = SETTING_KEYS.filter((row) => row.path.length > group.length && isPrefix(group, row.path));
  return [...new Set(below.map((row) => row.path[group.length] ?? ''))];
}

/** Path of a setting below a group, as an example; with the group's own names where the schema has `NAME`. */
export function firstKeyBelow(group: readonly string[]): readonly string[] {
  const row = SETTING_KEYS.find(({ path }) => path.length > Math.max(group.length, 1) && isPrefix(group, path));
  return [...group, ...(row?.path.slice(group.length) ?? [])];
}

function isPrefix(path: readonly string[], of: readonly string[]): boolean {
  return path.every((part, i) => of[i] === part || (of[i] === ANY_NAME && !isTaken(path.slice(0, i), part)));
}

/** Whether a setting has this very part where others have a name of the operator's: no name may be `dir` in `extensions`. */
export function isTaken(before: readonly string[], part: string): boolean {
  return SETTING_KEYS.some(({ path }) => path[before.length] === part && before.every((name, i) => path[i] === name));
}

/** The candidate that differs from `text` by the fewest edits; case and separators do not count. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const plain = (word: string): string =>
    word
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
      .slice(0, 100);
  let best: { candidate: string; edits: number } | undefined;
  for (const candidate of candidates) {
    const edits = distance(plain(text), plain(candidate));
    if (best === undefined || edits < best.edits) best = { candidate, edits };
  }
  return best?.candidate;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
