import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Document, LineCounter, Pair } from 'yaml';
import { InferbaseError } from '../core/errors.ts';
import { type Assignment, unknownKey } from './assignment.ts';
import { findKey, firstKeyBelow, isGroup } from './keys.ts';

const MAX_BYTES = 1_048_576;

/** The one key of a settings file that is no setting. */
export const FUNCTION_KEY = 'function';

/**
 * Settings from a YAML or JSON file (JSON is read as the YAML it is).
 * @param path absolute path
 * @param optional a file that is not there is no error
 * @throws InferbaseError ERR_INVALID_SETTING: unreadable, over 1 MiB, malformed, or with an unknown key
 */
export async function fileSettings(path: string, optional: boolean): Promise<Assignment[]> {
  const opened = await openSettingsFile(path, optional);
  return opened === undefined ? [] : createReader(path, opened.document, opened.lines).read();
}

/**
 * Parses a YAML or JSON file.
 * @returns `undefined` for a file that is not there, where that is allowed
 * @throws InferbaseError ERR_INVALID_SETTING: unreadable, over 1 MiB, or malformed
 */
export async function openSettingsFile(
  path: string,
  optional: boolean,
): Promise<{ document: Document; lines: LineCounter } | undefined> {
  const text = await readCapped(path, optional);
  if (text === undefined) return undefined;
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  } catch {
    throw invalid(path, 'is nested too deeply; settings have at most three levels');
  }
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw invalid(`${path}:${line}:${col}`, `is not valid YAML or JSON: ${problem.message.split('\n', 1)[0]}`);
  }
  return { document, lines };
}

function createReader(path: string, document: Document, lines: LineCounter): { read(): Promise<Assignment[]> } {
  const file = basename(path);

  async function read(): Promise<Assignment[]> {
    const { isAlias, isMap, isScalar, isSeq } = await import('yaml');

    const walk = (node: unknown, at: readonly string[], origin: string): Assignment[] => {
      const resolved = isAlias(node) ? node.resolve(document) : node;
      if (resolved == null || (isScalar(resolved) && resolved.value === null)) return [];
      if (!isMap(resolved)) {
        const name = at.length === 0 ? `settings file ${path}` : `${at.join('.')} (${origin})`;
        const kind = isSeq(resolved) ? 'a list' : 'a single value';
        const example = firstKeyBelow(at).join('.');
        const remedy = `write nested keys, such as ${example}:`;
        throw new InferbaseError('ERR_INVALID_SETTING', `${name} is ${kind} where a mapping is expected; ${remedy}`);
      }
      return resolved.items.flatMap((pair) => entry(pair, at));
    };

    const entry = (pair: Pair, at: readonly string[]): Assignment[] => {
      const name = isScalar(pair.key) ? String(pair.key.value) : '?';
      const start = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      const origin = start === undefined ? file : `${file}:${lines.linePos(start).line}`;
      const full = [...at, name];
      // What a function is, beside the settings to try it with: for `build`, see function-file.ts.
      if (at.length === 0 && name === FUNCTION_KEY) return [];
      if (isGroup(full)) return walk(pair.value, full, origin);
      if (findKey(full) === undefined) throw unknownKey(full, origin);
      const { value } = pair;
      return [{ path: full, value: isNode(value) ? value.toJS(document, { maxAliasCount: 100 }) : value, origin }];
    };

    try {
      return walk(document.contents, [], file);
    } catch (error) {
      if (error instanceof InferbaseError) throw error;
      throw invalid(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  return { read };
}

function isNode(value: unknown): value is { toJS(document: Document, options: { maxAliasCount: number }): unknown } {
  return typeof value === 'object' && value !== null && 'toJS' in value;
}

/** Never trusts a size told beforehand: a pipe has none. */
async function readCapped(path: string, optional: boolean): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: MAX_BYTES })) chunks.push(chunk);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (optional && code === 'ENOENT') return undefined;
    const why = code === 'ENOENT' ? 'does not exist; check the path' : `cannot be read (${code}); give a readable file`;
    throw invalid(path, why);
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length > MAX_BYTES) throw invalid(path, 'is larger than 1 MiB; a settings file is a few lines');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(path, 'is not UTF-8 text; save it as UTF-8');
  }
}

function invalid(where: string, why: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_SETTING', `settings file ${where} ${why}`);
}
