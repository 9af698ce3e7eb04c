import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findHostCall } from '../../runtime/core/host-calls.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DECLARATION =
  /@external\(\s*"([^"]+)"\s*,\s*"([^"]+)"\s*\)\s*(?:export\s+)?declare\s+function\s+\w+\s*\(([^)]*)\)\s*:\s*([\w<>]+)/g;

/** WebAssembly type of a type as the bindings write it; everything they pass is a pointer, a length or a handle. */
function valueType(written: string): string {
  if (written === 'f64' || written === 'f32') return written;
  return written === 'u64' || written === 'i64' ? 'i64' : 'i32';
}

interface Declared {
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
}

function declaredIn(folder: string): Declared[] {
  return globSync('**/*.ts', { cwd: join(ROOT, folder) }).flatMap((file) => {
    const text = readFileSync(join(ROOT, folder, file), 'utf8');
    return [...text.matchAll(DECLARATION)].map(([, module, name, params = '', result = '']) => ({
      name: `${module}.${name}`,
      params: params
        .split(',')
        .filter((param) => param.trim() !== '')
        .map((param) => valueType(param.split(':')[1]?.trim() ?? '')),
      results: result === 'void' ? [] : [valueType(result)],
    }));
  });
}

for (const [folder, least] of [
  ['node_modules/@blockless/sdk/assembly', 20],
  ['sdk/assembly', 14],
] as const) {
  test(`the host-call table has every import that ${folder} declares, with its signature`, () => {
    const declared = declaredIn(folder);
    assert.ok(declared.length >= least, `only ${declared.length} declarations were found`);
    for (const { name, params, results } of declared) {
      const [module = '', call = ''] = name.split('.');
      const row = findHostCall(module, call);
      assert.deepEqual({ name, params: row?.params, results: row?.results }, { name, params, results });
    }
  });
}

test('the table has no call of a module that @blockless/sdk binds beyond those it declares', async () => {
  const { HOST_CALLS } = await import('../../runtime/core/host-calls.ts');
  const declared = declaredIn('node_modules/@blockless/sdk/assembly').map(({ name }) => name);
  const modules = new Set(declared.map((name) => name.split('.')[0]));
  const known = HOST_CALLS.filter(({ module }) => modules.has(module)).map(({ module, name }) => `${module}.${name}`);
  assert.deepEqual(known.sort(), declared.sort());
});
