import { InferbaseError } from '../core/errors.ts';
import { namesBelow, nearest, SETTING_KEYS, type SettingKey } from './keys.ts';

/** One value that a source gives one setting. */
export interface Assignment {
  /** Path in the settings, with the real name of an upstream. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** Where it came from, as an operator would look for it: `inferbase.yaml:4`, a variable, a flag, `default`. */
  readonly origin: string;
}

/**
 * Reads text from the environment or a flag as the kind its setting has. What cannot be read stays text, so that the
 * schema's check names it.
 */
export function readText(row: SettingKey, text: string): unknown {
  switch (row.kind) {
    case 'number':
      return /^[+-]?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
    case 'switch':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'mapping':
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    case 'text':
      return text;
  }
}

/** The error for a variable that no setting has, with the nearest that exists. */
export function unknownVariable(name: string): InferbaseError {
  const near = nearest(
    name,
    SETTING_KEYS.map((row) => row.env),
  );
  return notASetting(name, 'environment', `did you mean ${near}?`);
}

/** The error for a key in a file that neither a group nor a setting has, with one of that name, else the nearest on its level. */
export function unknownKey(path: readonly string[], origin: string): InferbaseError {
  const name = path.at(-1) ?? '';
  const group = path.slice(0, -1);
  if (SETTING_KEYS.some(({ key }) => key === name)) {
    return notASetting(name, origin, 'write it as nested keys, not with dots');
  }
  const here = nearest(name, namesBelow(group)) ?? '';
  const elsewhere = SETTING_KEYS.find((row) => row.path.at(-1) === name);
  // `gateway` is rather `gateways` than `store.gateway`.
  const near = elsewhere === undefined || here === `${name}s` ? [...group, here].join('.') : elsewhere.key;
  return notASetting(path.join('.'), origin, `did you mean ${near}?`);
}

function notASetting(name: string, origin: string, remedy: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_SETTING', `${name} (${origin}) is not a setting; ${remedy}`);
}
