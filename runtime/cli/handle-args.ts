import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPackage } from './package-root.ts';

/** A function that is exported under the name that is called where there is no `_start`. */
const EXPORTS_HANDLE = /^\s*export\s+(?:function\s+handle\b|\{[^}]*\bhandle\s*(?:,[^}]*)?\})/m;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

/**
 * Arguments for the compiler where the function's entry exports `handle`: without a `_start` it is what is called, its
 * strings need the compiler's runtime, and its types are kept in the module (`sdk/record-types.js`).
 * @param dir absolute path of the function's folder
 */
export async function handleArgs(dir: string): Promise<string[]> {
  for (const entry of await readEntries(dir)) {
    const source = await readFile(join(dir, entry), 'utf8').catch(() => '');
    if (!EXPORTS_HANDLE.test(source.replace(COMMENT, ''))) continue;
    return [
      '--exportRuntime',
      '--exportStart',
      '_initialize',
      '--transform',
      join(findPackage().root, 'sdk', 'record-types.js'),
    ];
  }
  return [];
}

async function readEntries(dir: string): Promise<string[]> {
  try {
    const { entries } = JSON.parse(await readFile(join(dir, 'asconfig.json'), 'utf8')) as { entries?: unknown };
    if (Array.isArray(entries)) return entries.filter((entry) => typeof entry === 'string');
  } catch {
    // The compiler says it better.
  }
  return ['assembly/index.ts'];
}
