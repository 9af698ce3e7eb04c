import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';

export const ROOT: string = resolve(import.meta.dirname, '..');

/** One source file as the architecture test sees it. */
export interface SourceFile {
  /** Path below the repository, with forward slashes. */
  readonly path: string;
  /** The text without comments. */
  readonly code: string;
  /** The text without comments and with every string literal emptied. */
  readonly bare: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

export interface Import {
  /** Path below the repository for relative imports, else the specifier as written. */
  readonly target: string;
  readonly relative: boolean;
  readonly typeOnly: boolean;
  /** `import()`: happens later, so it closes no circle. */
  readonly dynamic: boolean;
}

// Comments, then string and template literals, then regular expressions: whichever begins first wins.
const TOKEN =
  /(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|(?<=[=(,:[!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g;

const IMPORT =
  /(?:^|[;\n}])\s*(?:import|export)\s+(type\s)?(?:[\w*{][\w\s,*{}$]*?\s+from\s*)?(['"])([^'"\n]+)\2|\bimport\(\s*(['"])([^'"\n]+)\4\s*\)/g;

/** Removes comments; `emptyStrings` also empties string and template literals. */
export function stripSource(text: string, emptyStrings: boolean): string {
  return text.replace(TOKEN, (token, comment: string | undefined, literal: string | undefined) => {
    if (comment !== undefined) return ' ';
    return literal !== undefined && emptyStrings ? `''` : token;
  });
}

/** Every import, re-export and dynamic import of a literal in one file's text; `path` is what relative ones start from. */
export function findImports(path: string, code: string): Import[] {
  return [...code.matchAll(IMPORT)].map((match) => {
    const specifier = match[3] ?? match[5] ?? '';
    const relative = specifier.startsWith('.');
    return {
      target: relative ? posix.join(dirname(path), specifier) : specifier,
      relative,
      typeOnly: match[1] !== undefined,
      dynamic: match[5] !== undefined,
    };
  });
}

/** Reads the files that match a glob below the repository, sorted by path. */
export function readSources(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules', '**/dist'] })
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const code = stripSource(text, false);
      return {
        path,
        code,
        bare: stripSource(text, true),
        lines: text.split('\n').length - 1,
        imports: findImports(path, code),
      };
    });
}
