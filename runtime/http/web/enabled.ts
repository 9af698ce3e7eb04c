import { parseCid } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';

/** Which functions may be called as web endpoints. */
export interface EnabledFunctions {
  readonly none: boolean;
  /**
   * The CID that a first path segment stands for: the CID itself in any spelling, or a name given to one.
   * @throws InferbaseError ERR_FUNCTION_NOT_FOUND alike for what is not enabled, unknown or no CID at all
   */
  resolve(segment: string): string;
}

/**
 * Reads the setting `web.functions`.
 * @param entries CIDs, `NAME=CID`, or `*` for every function
 * @throws InferbaseError ERR_INVALID_SETTING for what is no CID
 */
export function readEnabled(entries: readonly string[]): EnabledFunctions {
  const keys = new Set<string>();
  const names = new Map<string, string>();
  let all = false;
  for (const entry of entries) {
    if (entry === '*') {
      all = true;
      continue;
    }
    const equals = entry.indexOf('=');
    const { key } = parseEntry(entry, entry.slice(equals + 1));
    if (equals >= 0) names.set(entry.slice(0, equals), key);
    else keys.add(key);
  }
  return {
    none: entries.length === 0,
    resolve(segment) {
      const named = names.get(segment);
      if (named !== undefined) return named;
      const key = keyOf(segment);
      if (key !== null && (all || keys.has(key))) return key;
      const shown = JSON.stringify(segment.length > 80 ? `${segment.slice(0, 80)}…` : segment);
      throw new InferbaseError(
        'ERR_FUNCTION_NOT_FOUND',
        `no function is served at ${shown}; web.functions lists those that are`,
      );
    },
  };
}

function parseEntry(entry: string, cid: string): { readonly key: string } {
  try {
    return parseCid(cid);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `web.functions has ${JSON.stringify(entry)}: ${why} Give a CID, NAME=CID, or *`,
    );
  }
}

function keyOf(segment: string): string | null {
  try {
    return parseCid(segment).key;
  } catch {
    return null;
  }
}
