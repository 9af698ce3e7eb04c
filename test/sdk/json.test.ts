import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './run-sdk.ts';

interface Row {
  readonly ok: boolean;
  readonly text?: string;
  readonly message?: string;
  readonly position?: number;
  readonly line?: number;
  readonly column?: number;
}

async function parseAll(texts: readonly string[], gcStress = false): Promise<Row[]> {
  const run = await runProgram('json.ts', { stdin: JSON.stringify(texts), gcStress });
  assert.equal(run.exitCode, 0, run.stderr);
  return JSON.parse(run.stdout) as Row[];
}

async function parse(text: string): Promise<Row> {
  const [row] = await parseAll([text]);
  assert.ok(row);
  return row;
}

const VALID = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '1',
  '-1',
  '9223372036854775807',
  '-9223372036854775808',
  '1.5',
  '-0.0',
  '1e3',
  '1E+3',
  '1e-3',
  '0.1',
  '3213.4500000000003',
  '5e-324',
  '2.2250738585072011e-308',
  '1.7976931348623157e308',
  '9007199254740992.5',
  '9007199254740993.0',
  '123456789012345678901234567890',
  '0e999999999999',
  '1e-400',
  '""',
  '"a"',
  '"é🎉 \u2028"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9"',
  '"\\ud83c\\udf89"',
  '"\\ud800"',
  '"\\udc00\\ud800x"',
  '"\u007f"',
  '[]',
  '[ ]',
  '{}',
  ' { } ',
  '[1,2,3]',
  '[[],[[]],{}]',
  '{"a":1,"b":{"c":[true,null]}}',
  '{"a":1,"a":2}',
  '{"":0}',
  '{"__proto__":1,"constructor":2,"toString":3}',
  '\t\r\n [\n1\r,\t2 ]\n',
  `[${'"x",'.repeat(300)}1]`,
  '['.repeat(512) + ']'.repeat(512),
];

const INVALID = [
  '',
  ' ',
  '\u00a0',
  '\ufeff1',
  'nul',
  'nulll',
  'True',
  'NaN',
  'Infinity',
  'undefined',
  '+1',
  '01',
  '-',
  '--1',
  '.5',
  '1.',
  '1.e3',
  '1e',
  '1e+',
  '0x10',
  '1_000',
  '"',
  '"a',
  '"\\',
  '"\\x"',
  '"\\u12',
  '"\\u12g4"',
  '"a\nb"',
  '"a\u0000b"',
  "'a'",
  '[',
  '[1',
  '[1,',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[1}',
  ']',
  '{',
  '{"a"',
  '{"a":',
  '{"a":}',
  '{"a":1',
  '{"a":1,',
  '{"a":1,}',
  '{"a" 1}',
  '{a:1}',
  '{1:1}',
  '{"a":1]',
  '{"a":1 "b":2}',
  '1 2',
  '{} {}',
  '/* c */ 1',
  '[1]\u0000',
  '['.repeat(100_000),
  '{"a":'.repeat(100_000),
];

test('JSON is read as JavaScript reads it', async () => {
  const rows = await parseAll(VALID);
  rows.forEach((row, index) => {
    const text = VALID[index] ?? '';
    assert.ok(row.ok, `${text}: ${row.message}`);
    assert.deepEqual(JSON.parse(row.text ?? ''), JSON.parse(text), text);
  });
});

test('what is not JSON is refused with a position, never with an abort', async () => {
  const rows = await parseAll(INVALID);
  rows.forEach((row, index) => {
    const text = INVALID[index] ?? '';
    assert.throws(() => JSON.parse(text), `${text} is not JSON for JavaScript either`);
    assert.equal(row.ok, false, text);
    assert.match(row.message ?? '', / at line \d+, column \d+$/);
    assert.ok((row.position ?? -1) >= 0 && (row.position ?? -1) <= text.length, text);
  });
});

test('an error names what was wanted, what was found and where', async () => {
  assert.deepEqual(await parse('{\n  "a": 1,\n  b: 2\n}'), {
    ok: false,
    message: "expected a name in double quotes but found 'b' at line 3, column 3",
    position: 14,
    line: 3,
    column: 3,
  });
  assert.equal((await parse('[1,')).message, 'expected a value but found the end of the text at line 1, column 4');
  assert.equal((await parse('"é\\q"')).message, 'an escape that JSON does not have at line 1, column 4');
});

test('nesting past 512 and numbers past the range of a float are errors', async () => {
  assert.match(
    (await parse('['.repeat(513) + ']'.repeat(513))).message ?? '',
    /^nested deeper than 512 at line 1, column 513$/,
  );
  assert.match((await parse('[1e999]')).message ?? '', /^a number too large for 64 bits at line 1, column 2$/);
});

test('whole numbers of 64 bits are exact, and floats are the nearest', async () => {
  const texts = ['9007199254740993', '-9223372036854775808', '9223372036854775807', '1000000000000000001', '-0', '1.0'];
  assert.deepEqual(
    (await parseAll(texts)).map((row) => row.text),
    [...texts.slice(0, 4), '-0.0', '1.0'],
  );
  const floats = Array.from({ length: 500 }, (_, index) => String(Math.sqrt(index + 2) * 10 ** ((index % 600) - 300)));
  const read = await parseAll(floats);
  assert.deepEqual(
    read.map((row) => Number(row.text)),
    floats.map(Number),
  );
});

/** Small and seeded, so that a failure can be run again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutations(count: number): string[] {
  const random = createRandom(20_261_120);
  const alphabet = '{}[]:,"\\/ \n\t0123456789.-+eEtrufalsn\u0000\ud800\udc00é';
  const seeds = VALID.filter((text) => text.length < 200);
  return Array.from({ length: count }, () => {
    const units = (seeds[random(seeds.length)] ?? '').split('');
    for (let change = random(4); change >= 0; change--) {
      const at = random(units.length + 1);
      const unit = alphabet[random(alphabet.length)] ?? '';
      const kind = random(3);
      if (kind === 0) units.splice(at, 1);
      else if (kind === 1) units.splice(at, 0, unit);
      else units[at] = unit;
    }
    return units.join('');
  });
}

for (const [count, gcStress] of [
  [process.env.SDK_GC_STRESS === '1' ? 150 : 1_000, false],
  [150, true],
] as const) {
  test(`${count} mutated texts in one run are judged as JavaScript judges them${gcStress ? ', under constant garbage collection' : ''}`, async () => {
    const texts = mutations(count);
    const rows = await parseAll(texts, gcStress);
    assert.equal(rows.length, texts.length);
    let accepted = 0;
    rows.forEach((row, index) => {
      const text = texts[index] ?? '';
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.equal(row.ok, false, JSON.stringify(text));
        return;
      }
      // Where JavaScript has no number but infinity, the SDK has an error.
      if (JSON.stringify(expected) === 'null' && text.trim() !== 'null') return;
      assert.ok(row.ok, JSON.stringify(text));
      assert.deepEqual(JSON.parse(row.text ?? ''), expected, JSON.stringify(text));
      accepted++;
    });
    assert.ok(accepted > count / 20, `${accepted} were JSON`);
  });
}

test('typed reading never aborts, and falls back where there is nothing of that type', async () => {
  const [lines] = (await runProgram('json-values.ts')).stdout.split('\n');
  assert.equal(
    lines,
    '["deep","dotted","dotted",2.5,9007199254740992.0,9007199254740993,3,-1,-9223372036854775808,true,true,"no","no",' +
      '"no","no","no","no","no",-1.0,true,false,"no",9007199254740993,true,7,3,["a","n","t","x.y","whole","neg","min"],true,false,true]',
  );
});

test('built values are written as JSON that JavaScript reads back', async () => {
  const built = (await runProgram('json-values.ts')).stdout.split('\n')[1] ?? '';
  assert.match(built, /"text":"a\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u0000é🎉\\ud800"/);
  assert.match(built, /"i64":-9223372036854775808,/);
  assert.deepEqual(JSON.parse(built), {
    text: 'a"b\\c\b\f\n\r\t\u0001\u0000é🎉\ud800',
    'key "quoted"\n': 1,
    i64: Number(-(2n ** 63n)),
    u64: 2 ** 64,
    u8: 255,
    f32: 0.5,
    nan: null,
    infinity: null,
    minus: -0,
    small: 5e-324,
    large: Number.MAX_VALUE,
    none: null,
    null: null,
    numbers: [1, 2.5],
    strings: ['x', 'y'],
    twice: 2,
    depth: 2 * 512 + 4,
  });
});
