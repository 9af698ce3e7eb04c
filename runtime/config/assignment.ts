import { InferbaseError } from '../core/errors.ts';
import { nearest, SETTING_KEYS, type SettingKey } from './keys.ts';

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

/** The error for a name that no setting has, with the nearest that exists. */
export function unknownSetting(name: string, origin: string, spelling: (row: SettingKey) => string): InferbaseError {
  const near = nearest(name, SETTING_KEYS.map(spelling));
  const remedy = near === name ? 'write it as nested keys, not with dots' : `did you mean ${near}?`;
  return new InferbaseError('ERR_INVALID_SETTING', `${name} (${origin}) is not a setting; ${remedy}`);
}
