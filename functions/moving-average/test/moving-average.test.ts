import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { buildFunction } from '../../../test/support/build-function.ts';
import { openTestRuntime, runIn } from '../../../test/support/run-guest.ts';

const wasm = await buildFunction('moving-average');
const runtime = await openTestRuntime();
after(() => runtime.close());

async function average(input: { stdin?: string; argument?: string }): Promise<string> {
  const { stdin = '', argument } = input;
  const result = await runIn(runtime, wasm, {
    stdin,
    env: argument === undefined ? {} : { ALLORA_ARG_PARAMS: argument },
  });
  const { cause, exitCode, stderr } = result;
  assert.deepEqual({ cause, exitCode, stderr }, { cause: 'exited', exitCode: 0, stderr: '' });
  const { infererValue, ...rest } = JSON.parse(result.stdout) as Record<string, string>;
  assert.deepEqual(rest, {});
  return String(infererValue);
}

const answers: readonly (readonly [what: string, input: { stdin?: string; argument?: string }, value: string])[] = [
  ['a JSON array on stdin', { stdin: '[1, 2, 4.5]' }, '2.5'],
  ['a list in ALLORA_ARG_PARAMS', { argument: '1, 2,3' }, '2'],
  ['a single price', { argument: '42.5' }, '42.5'],
  ['a JSON array in ALLORA_ARG_PARAMS', { argument: '[10,20]' }, '15'],
  ['the last prices within a window', { argument: '{"prices":[100,1,2,3],"window":3}' }, '2'],
  ['prices without a window', { stdin: '{"prices":[1,2,3,6]}' }, '3'],
  ['a window as long as the series', { stdin: '{"window":2,"prices":[1,2]}' }, '1.5'],
  ['stdin before ALLORA_ARG_PARAMS', { stdin: '[7]', argument: '1' }, '7'],
  ['ALLORA_ARG_PARAMS when stdin is blank', { stdin: ' \n', argument: '1' }, '1'],
  ['prices so small that they are written with an exponent', { stdin: '[1e-9, 3e-9]' }, '0.000000002'],
  ['prices so large that they are written with an exponent', { stdin: '[1e21, 3e21]' }, '2000000000000000000000'],
  ['negative prices', { argument: '-1,-2' }, '-1.5'],
];
for (const [what, input, value] of answers) {
  test(`averages ${what}`, async () => assert.equal(await average(input), value));
}

test('averages a long series', async () => {
  const prices = Array.from({ length: 50_000 }, (_, i) => i);
  assert.equal(await average({ stdin: JSON.stringify({ prices, window: 10_001 }) }), '44999');
});

const refusals: readonly (readonly [what: string, input: { stdin?: string; argument?: string }, message: RegExp])[] = [
  ['no input', {}, /ALLORA_ARG_PARAMS/],
  ['broken JSON', { stdin: '[1, 2' }, /line 1, column 6/],
  ['an empty series', { stdin: '[]' }, /no prices/],
  ['text among the prices', { stdin: '[1,"2",3]' }, /price 2 /],
  ['no price between two commas', { argument: '1,,3' }, /price 2 .*character 3/],
  ['a word in a list', { argument: '1,2,three' }, /price 3 .*"three".*character 5/],
  ['an object without prices', { stdin: '{"window":3}' }, /"prices"/],
  ['a window of zero', { stdin: '{"prices":[1],"window":0}' }, /window/],
  ['a broken window', { stdin: '{"prices":[1,2],"window":1.5}' }, /window/],
  ['a window longer than the series', { stdin: '{"prices":[1,2],"window":3}' }, /window.* 3 .* 2 /],
  ['prices whose sum is past all range', { stdin: '[1e308, 1e308]' }, /too large/],
  ['a deep nest', { stdin: '['.repeat(100_000) }, /./],
];
for (const [what, { stdin = '', argument }, message] of refusals) {
  test(`refuses ${what} with exit code 1 and no answer`, async () => {
    const env = argument === undefined ? {} : { ALLORA_ARG_PARAMS: argument };
    const { cause, exitCode, stdout, stderr } = await runIn(runtime, wasm, { stdin, env });
    assert.deepEqual({ cause, exitCode, stdout }, { cause: 'exited', exitCode: 1, stdout: '' });
    assert.match(stderr, message);
  });
}

test('asks nothing of the host but its input and output', async () => {
  const module = await WebAssembly.compile(wasm);
  const names = WebAssembly.Module.imports(module).map((one) => `${one.module}.${one.name}`);
  assert.ok(!names.some((name) => /http|random|clock|path|sock/.test(name)), names.join(', '));
});
