import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { findImports, ROOT, readSources, type SourceFile, stripSource } from './source-files.ts';

/** Rooms of `runtime/` from the bottom up; a file may import its own room and lower levels only. */
const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['wasm', 'config', 'telemetry', 'wire'],
  ['store', 'sandbox', 'services'],
  ['execute.ts', 'head', 'worker', 'consensus'],
  ['http', 'p2p'],
  ['runtime.ts'],
  ['cli'],
  ['main.ts'],
];

/** Files that are one long table and may pass 400 lines. */
const TABLES: readonly string[] = [];

const runtime = readSources('runtime/**/*.ts');
const sdk = readSources('sdk/**/*.ts');
const functions = readSources('functions/**/*.ts');
const ours = [...runtime, ...sdk, ...functions];

/** First path segment below `runtime/`: `store`, `main.ts`; `null` outside of it. */
function room(path: string): string | null {
  const [top, second] = path.split('/');
  return top === 'runtime' && second !== undefined ? second : null;
}

function level(of: string): number {
  return LEVELS.findIndex((rooms) => rooms.includes(of));
}

/** Why a file may not import another, or `null` where it may. */
function objection(from: string, to: string, typeOnly: boolean): string | null {
  const importer = room(from);
  const imported = room(to);
  if (importer === null) return null;
  if (imported === null) return to === 'package.json' ? null : 'runtime/ imports nothing outside runtime/';
  if (importer === imported) return null;
  if (importer === 'guest') return imported === 'core' ? null : 'guest/ imports core/ only';
  if (importer === 'consensus') {
    return ['core', 'wire', 'telemetry'].includes(imported)
      ? null
      : 'consensus/ imports core/, wire/ and telemetry/ only';
  }
  if (imported === 'guest') {
    return importer === 'sandbox' || importer === 'runtime.ts' ? null : 'only sandbox/ knows of guest/';
  }
  if (level(importer) < 0) return `runtime/${importer} is in no layer`;
  if (level(imported) < 0) return `runtime/${imported} is in no layer`;
  // Adapters know the node's interface, never how it is built.
  if ((importer === 'http' || importer === 'p2p') && imported === 'runtime.ts' && typeOnly) return null;
  return level(imported) < level(importer) ? null : 'imports go downwards only';
}

/** Groups of files that import each other in a circle by value. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.filter((i) => i.relative && !i.typeOnly && !i.dynamic).map((i) => i.target),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** A module of AssemblyScript's own library, such as `date`. */
function isStandardLibrary(name: string): boolean {
  return existsSync(join(ROOT, 'node_modules/assemblyscript/std/assembly', `${name}.ts`));
}

function isBarrel(file: SourceFile): boolean {
  const rest = file.bare.replace(/export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*'';?/g, '');
  return rest !== file.bare && rest.trim() === '';
}

suite('architecture', () => {
  test('the sources are found', () => {
    assert.ok(runtime.length > 5, `only ${runtime.length} files under runtime/`);
  });

  test('layers import downwards only', () => {
    const wrong = runtime.flatMap((file) =>
      file.imports
        .filter((i) => i.relative)
        .map((i) => ({ i, why: objection(file.path, i.target, i.typeOnly) }))
        .filter(({ why }) => why !== null)
        .map(({ i, why }) => `${file.path} imports ${i.target}: ${why}`),
    );
    assert.deepEqual(wrong, []);
  });

  test('the sdk imports nothing outside itself and functions import the sdk only', () => {
    const wrong: string[] = [];
    for (const file of sdk) {
      for (const { target, relative } of file.imports) {
        if (!(relative ? target.startsWith('sdk/') : isStandardLibrary(target)))
          wrong.push(`${file.path} imports ${target}`);
      }
    }
    for (const file of functions) {
      const own = file.path.split('/').slice(0, 2).join('/');
      const inTest = file.path.startsWith(`${own}/test/`);
      for (const { target, relative } of file.imports) {
        if (relative && !target.startsWith(`${own}/`) && !target.startsWith('sdk/') && !inTest) {
          wrong.push(`${file.path} imports ${target}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('only main.ts and cli/ touch the process', () => {
    const wrong = runtime
      .filter((file) => file.path !== 'runtime/main.ts' && !file.path.startsWith('runtime/cli/'))
      .filter((file) => /(?<![.\w$])process\s*[.[;,)]/.test(file.bare) || /['"](?:node:)?process['"]/.test(file.code))
      .map((file) => file.path);
    assert.deepEqual(wrong, []);
  });

  test('no module is part of an import cycle', () => {
    assert.deepEqual(cycles(runtime), []);
  });

  test('nothing is exported as default and there are no barrels', () => {
    const source = [...runtime, ...functions];
    assert.deepEqual(
      source.filter((file) => /\bexport\s+default\b/.test(file.bare)).map((file) => file.path),
      [],
    );
    const allowed = ['runtime/index.ts', 'sdk/index.ts', 'sdk/assembly/index.ts'];
    assert.deepEqual(
      ours.filter((file) => isBarrel(file) && !allowed.includes(file.path)).map((file) => file.path),
      [],
    );
  });

  test('files are kebab-case nouns', () => {
    const vague = /^(?:utils?|common|helpers?|params|models?|misc|shared)(?:\.ts)?$/;
    const sdkModel = 'sdk/assembly/model.ts'; // the client of the model server, a noun of the product
    const wrong = ours.filter(
      ({ path }) =>
        path !== sdkModel &&
        (path.split('/').some((part) => vague.test(part)) ||
          !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*\.ts$/.test(basename(path))),
    );
    assert.deepEqual(
      wrong.map((file) => file.path),
      [],
    );
  });

  test('no file has grown past 400 lines', () => {
    const long = ours.filter((file) => file.lines > 400 && !TABLES.includes(file.path));
    assert.deepEqual(
      long.map((file) => `${file.path}: ${file.lines} lines`),
      [],
    );
  });
});

suite('the reading of sources', () => {
  test('every form of import is seen and comments are not', () => {
    const text = [
      `import { a } from './a.ts';`,
      `import type { B } from '../b.ts';`,
      `import { type C } from './c.ts'; // import './comment.ts'`,
      `export * from './d.ts';`,
      `import './e.ts';`,
      `const f = await import('./f.ts');`,
      `/* import './g.ts' */ const url = 'http://x'; import\n{\n h,\n} from 'node:fs';`,
    ].join('\n');
    const found = findImports('runtime/x/file.ts', stripSource(text, false));
    assert.deepEqual(
      found.map((i) => [i.target, i.typeOnly]),
      [
        ['runtime/x/a.ts', false],
        ['runtime/b.ts', true],
        ['runtime/x/c.ts', false],
        ['runtime/x/d.ts', false],
        ['runtime/x/e.ts', false],
        ['runtime/x/f.ts', false],
        ['node:fs', false],
      ],
    );
  });

  test('objections name the rule that is broken', () => {
    assert.equal(objection('runtime/store/a.ts', 'runtime/core/b.ts', false), null);
    assert.equal(objection('runtime/store/a.ts', 'runtime/sandbox/b.ts', true), 'imports go downwards only');
    assert.equal(objection('runtime/core/a.ts', 'runtime/wasm/b.ts', false), 'imports go downwards only');
    assert.equal(objection('runtime/guest/a.ts', 'runtime/config/b.ts', false), 'guest/ imports core/ only');
    assert.equal(objection('runtime/http/a.ts', 'runtime/runtime.ts', true), null);
    assert.equal(objection('runtime/http/a.ts', 'runtime/runtime.ts', false), 'imports go downwards only');
    assert.equal(objection('runtime/odd/a.ts', 'runtime/core/b.ts', false), 'runtime/odd is in no layer');
  });
});
