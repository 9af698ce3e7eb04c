import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TextExpectation } from './function-test.ts';
import type { YamlValue } from './yaml-value.ts';

const TEXT_KEYS = ['exact', 'contains', 'matches', 'json'];

/** What a text must be like: text alone is meant exactly. */
export function readText(value: YamlValue): TextExpectation {
  if (value.kind !== 'mapping') return { exact: value.text() };
  const keys = value.mapping(TEXT_KEYS);
  if (keys.size === 0) throw value.fail(`says nothing; write one of ${TEXT_KEYS.join(', ')} below it`);
  const exact = keys.get('exact');
  const contains = keys.get('contains');
  const json = keys.get('json');
  const matches = keys.get('matches');
  return {
    ...(exact === undefined ? {} : { exact: exact.text() }),
    ...(contains === undefined ? {} : { contains: texts(contains) }),
    ...(matches === undefined ? {} : { matches: readPattern(matches) }),
    ...(json === undefined ? {} : { json: json.json() }),
  };
}

function readPattern(value: YamlValue): RegExp {
  try {
    return new RegExp(value.text(), 'u');
  } catch (error) {
    throw value.fail(
      `is no regular expression: ${error instanceof Error ? error.message : ''}; correct it, or use contains:`,
    );
  }
}

/** One text or a list of them. */
export function texts(value: YamlValue | undefined): string[] {
  if (value === undefined) return [];
  return value.kind === 'list' ? value.list().map((item) => item.text()) : [value.text()];
}

/** A file named in a test file, from that file's folder. */
export async function readBeside(item: YamlValue, folder: string): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await readFile(resolve(folder, item.text())));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw item.fail(`names ${item.text()}, which cannot be read (${code}); paths start from the test file's folder`);
  }
}
