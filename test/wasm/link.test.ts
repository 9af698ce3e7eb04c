import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InferbaseError } from '../../runtime/core/errors.ts';
import { linkModules, type NamedModule } from '../../runtime/wasm/link.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';

type Texts = Readonly<Record<string, string>>;

/** Prepares an entry and libraries, given as name → fields of the module, and links them. */
async function link(entry: string, libraries: Texts): Promise<string[]> {
  const names = new Set(Object.keys(libraries));
  const prepare = async (name: string, text: string): Promise<NamedModule> => ({
    name,
    facts: prepareModule(await wat(`(module ${text})`), names).facts,
  });
  const made = await Promise.all(Object.entries(libraries).map(([name, text]) => prepare(name, text)));
  return linkModules(await prepare('entry', entry), made).map(({ name }) => name);
}

async function refused(entry: string, libraries: Texts, message: RegExp): Promise<void> {
  await assert.rejects(link(entry, libraries), (error: InferbaseError) => {
    assert.equal(error.code, 'ERR_INVALID_MODULE');
    assert.match(error.message, message);
    return true;
  });
}

const F = '(func (export "f") (param i32) (result i32) (local.get 0))';
const USES_A = '(import "a" "f" (func (param i32) (result i32)))';

describe('order', () => {
  test('libraries keep the order of the manifest where they may', async () => {
    assert.deepEqual(await link(USES_A, { b: F, a: F }), ['b', 'a']);
  });

  test('one that is named ahead of what it imports is sorted behind it', async () => {
    const uses = (name: string) => `(import "${name}" "f" (func (param i32) (result i32))) ${F}`;
    assert.deepEqual(await link(uses('c'), { c: uses('b'), a: F, b: uses('a') }), ['a', 'b', 'c']);
  });

  test('a circle is refused, and shown', async () => {
    const uses = (name: string) => `(import "${name}" "f" (func (param i32) (result i32))) ${F}`;
    await refused(USES_A, { a: uses('b'), b: uses('c'), c: uses('a') }, /in a circle: "a" → "b" → "c" → "a"/);
    await refused(USES_A, { a: uses('a') }, /in a circle: "a" → "a"/);
  });

  test('a library cannot import from the entry', async () => {
    await refused(USES_A, { a: `(import "entry" "g" (func)) ${F}` }, /"entry"\."g", which no host call has/);
  });
});

describe('names', () => {
  for (const name of ['env', 'wasi_snapshot_preview1', 'blockless_http', '\u0000inferbase']) {
    test(`a library may not be called ${JSON.stringify(name)}`, async () => {
      await refused('', { [name]: F }, /has the name of a module of host calls; rename it/);
    });
  }

  test('names of JavaScript are names like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      const libraries = Object.fromEntries([[name, F]]);
      assert.deepEqual(await link(`(import "${name}" "f" (func (param i32) (result i32)))`, libraries), [name]);
      await refused(`(import "${name}" "toString" (func))`, libraries, /does not export/);
    }
  });

  test('there are at most sixteen libraries, each with a name of its own', () => {
    const facts = { links: [], exports: [], instanceBytes: 0, growsTables: false };
    const many = Array.from({ length: 17 }, (_, index) => ({ name: `m${index}`, facts }));
    const entry = { name: 'entry', facts };
    assert.equal(linkModules(entry, many.slice(1)).length, 16);
    assert.throws(() => linkModules(entry, many), /links 17 modules, more than the 16 allowed/);
    assert.throws(
      () =>
        linkModules(entry, [
          { name: 'a', facts },
          { name: 'a', facts },
        ]),
      /"a" is there twice/,
    );
    assert.throws(() => linkModules(entry, [{ name: '', facts }]), /has no name/);
    const dear = { name: 'd', facts: { ...facts, instanceBytes: 100_000_000 } };
    assert.throws(() => linkModules({ ...dear, name: 'entry' }, [dear]), /take 200000000 bytes in each execution/);
  });
});

describe('what is linked must fit', () => {
  const rows: readonly (readonly [what: string, wanted: string, there: string, message: RegExp])[] = [
    ['nothing of the name', '(func)', '', /imports the function "a"\."x", which that module does not export/],
    ['another kind', '(func)', '(memory (export "x") 1)', /the function "a"\."x", which is a memory/],
    ['another signature', '(func (param i32))', '(func (export "x"))', /as \(i32\) -> \(\), but it is \(\) -> \(\)/],
    ['another type', '(global i64)', '(global (export "x") i32 (i32.const 1))', /as i64, but it is i32/],
    ['a mutable global', '(global i32)', '(global (export "x") (mut i32) (i32.const 1))', /but it is \(mut i32\)/],
    ['another tag', '(tag (param i32))', '(tag (export "x"))', /as \(i32\) -> \(\), but it is \(\) -> \(\)/],
    ['a smaller memory', '(memory 3)', '(memory (export "x") 2)', /of at least 3, but it begins with 2/],
    ['a memory that grows', '(memory 1 2)', '(memory (export "x") 1)', /at most 2, but it can grow to any size/],
    ['a larger memory', '(memory 1 2)', '(memory (export "x") 1 5)', /at most 2, but it can grow to 5/],
    ['another table', '(table 1 externref)', '(table (export "x") 1 funcref)', /as externref, but it is funcref/],
    ['a smaller table', '(table 2 funcref)', '(table (export "x") 1 funcref)', /at least 2, but it begins with 1/],
    ['a meter', '(global (mut i32))', '', /does not export/],
  ];
  for (const [what, wanted, there, message] of rows) {
    test(what, () => refused(`(import "a" "x" ${wanted})`, { a: there }, message));
  }

  test("what the rewriter adds to a library is none of another module's business", async () => {
    for (const name of ['fuel', 'tick', 'pause', 'grow', 'start']) {
      const text = `(import "a" "\\00inferbase.${name}" (global (mut i32)))`;
      await refused(text, { a: '(func (export "f"))' }, /which that module does not export/);
    }
  });

  test('types with indexes of their own module are refused', () => {
    const none = { links: [], exports: [], instanceBytes: 0, growsTables: false };
    const x = { name: 'x', kind: 'function', type: '((ref null 0)) -> ()' } as const;
    const library = { name: 'a', facts: { ...none, exports: [x] } };
    const entry = { name: 'entry', facts: { ...none, links: [{ ...x, module: 'a' }] } };
    assert.throws(() => linkModules(entry, [library]), /a type that is not linked between modules/);
  });

  test('long signatures are told apart', async () => {
    const text = (last: string) => `(param ${'i32 '.repeat(100)} ${last})`;
    await link(`(import "a" "x" (func ${text('f32')}))`, { a: `(func (export "x") ${text('f32')})` });
    await refused(
      `(import "a" "x" (func ${text('f32')}))`,
      { a: `(func (export "x") ${text('f64')})` },
      /as .*, but it is/,
    );
  });
});
