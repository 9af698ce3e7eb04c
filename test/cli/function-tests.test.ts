import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readTestFile } from '../../runtime/cli/function-tests/test-file.ts';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { buildFunction } from '../support/build-function.ts';
import { guest } from '../support/wat.ts';
import { type Finished, run, temporaryFolder } from './command.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
before(async () => {
  folder = await temporaryFolder();
  for (const name of ['echo', 'spin', 'exit-three'])
    await writeFile(join(folder.path, `${name}.wasm`), await guest(name));
  await writeFile(join(folder.path, 'coin.wasm'), await buildFunction('coin-prediction'));
});
after(() => folder[Symbol.asyncDispose]());

/** Runs one file of tests in a folder that holds nothing else. */
async function runFile(text: string, ...args: string[]): Promise<Finished> {
  await writeFile(join(folder.path, 'it.test.yaml'), text);
  return run(['test', ...args], folder.path);
}

describe('test', () => {
  test('passes what is as expected, fails what is not with a diff and the host calls, and exits 1', async () => {
    const { code, stdout, stderr } = await runFile(`
module: echo.wasm
tests:
  - name: same
    stdin: one
    expect: { stdout: one }
  - name: other
    stdin: "a\\nb\\nc"
    expect: { stdout: "a\\nB\\nc" }
  - name: left out
    skip: not ready
    expect: { stdout: x }`);
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /✓ same \(/);
    assert.match(stdout, /✗ other \(.*\n {4}it\.test\.yaml:7\n/);
    assert.match(stdout, / {6} {2}a\n {6}- B\n {6}\+ b\n {6} {2}c\n/);
    assert.match(stdout, /host calls\n.*fd_read 0 → 0, .*\n.*fd_write 1 → 0/);
    assert.match(stdout, /- left out # skipped: not ready/);
    assert.match(stdout, /1 passed, 1 failed, 1 skipped \(/);
    assert.ok(!stdout.includes('\u001b'), 'no colours without a terminal');
  });

  test('every way to say what is expected', async () => {
    const { stdout, code } = await runFile(`
module: echo.wasm
tests:
  - { name: exact, stdin: 1.10, expect: { stdout: 1.10 } }
  - { name: contains, stdin: some text, expect: { stdout: { contains: [some, text] } } }
  - { name: matches, stdin: abc123, expect: { stdout: { matches: "^[a-z]+\\\\d+$" } } }
  - { name: json subset, stdin: { json: { a: 1, b: [1, { c: 2, d: 3 }] } }, expect: { json: { b: [1, { c: 2 }] } } }
  - { name: near, stdin: { json: { v: "3.501" } }, expect: { json: { v: { $near: 3.5, within: 0.01 } } } }
  - { name: base64, stdin: { base64: aGk= }, expect: { stdout: hi } }
  - { name: file, stdin: { file: it.test.yaml }, expect: { stdout: { contains: this very file } } } # this very file`);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /7 passed/);
  });

  test('a subset that is not there is told by its place', async () => {
    const { stdout } = await runFile(`
module: echo.wasm
tests:
  - { name: t, stdin: { json: { a: [1, { b: 2 }], far: 4 } }, expect: { json: { a: [1, { b: 3 }], c: null, far: { $near: 3 } } } }
  - { name: no json, stdin: nonsense, expect: { json: { a: 1 } } }`);
    assert.match(stdout, /- a\[1\]\.b: 3\n +\+ a\[1\]\.b: 2/);
    assert.match(stdout, /- c: null\n +\+ c: nothing/);
    assert.match(stdout, /- far: 3, give or take/);
    assert.match(stdout, /it is not JSON/);
  });

  test('causes, exit codes and limits', async () => {
    const spin = await runFile(`
module: spin.wasm
tests:
  - { name: ended, limits: { fuel: 1000000 }, expect: { cause: fuel } }
  - { name: not exited, limits: { deadlineMs: 50 }, expect: { stdout: "" } }`);
    assert.match(spin.stdout, /✓ ended/);
    assert.match(
      spin.stdout,
      /cause {2}\(- expected, \+ actual\)\n +- exited\n +\+ deadline: still running after 50 ms/,
    );
    const exit = await runFile(`
module: exit-three.wasm
tests:
  - { name: three, expect: { exitCode: 3, stderr: err } }
  - { name: zero, expect: {} }`);
    assert.match(exit.stdout, /✓ three/);
    assert.match(exit.stdout, /exit code.*\n +- 0\n +\+ 3/);
  });

  test('mocked upstreams are asked for real, and what they are asked is checked', async () => {
    const { stdout } = await runFile(`
module: coin.wasm
env: { ALLORA_ARG_PARAMS: ETH }
upstreams:
  model: { request: { method: GET, path: /inference/ETH }, response: { json: { value: "1.5" } }, times: any }
tests:
  - { name: of the file, expect: { stdout: '{"infererValue":"1.5"}' } }
  - name: its own
    env: { ALLORA_ARG_PARAMS: BTC }
    upstreams: { model: [{ request: { path: /inference/BTC }, response: { body: "2", delayMs: 20 } }] }
    expect: { stdout: '{"infererValue":"2"}' }
  - name: dropped
    upstreams: { model: { response: { drop: true } } }
    expect: { exitCode: 2 }
  - name: wrong path
    upstreams: { model: { request: { path: /v2/ETH, headers: { accept: text/plain } } } }
    expect: { exitCode: 3, stderr: { contains: 501 } }
  - name: nobody asks twice
    upstreams: { model: { response: { body: "2" }, times: 2 } }
    expect: { exitCode: 0 }
  - name: no answer is expected
    upstreams: { model: [] }
    expect: { exitCode: 3 }`);
    for (const name of ['of the file', 'its own', 'dropped'])
      assert.ok(stdout.includes(`✓ ${name}`), `${name}\n${stdout}`);
    assert.match(
      stdout,
      /upstream model\n +was asked GET \/inference\/ETH, which the test does not expect\n +path\n +- \/v2\/ETH\n +\+ \/inference\/ETH\n +header accept/,
    );
    assert.match(stdout, /upstream model\n +was never asked any method \/v2\/ETH/);
    assert.match(stdout, /was asked 1 of 2 times/);
    assert.match(stdout, /nothing more is expected of it/);
    assert.match(stdout, /http_req http:\/\/model\/inference\/ETH → 0/);
  });

  test('--json prints one object, --filter chooses by name', async () => {
    const text = `
module: echo.wasm
tests:
  - { name: first one, stdin: a, expect: { stdout: a } }
  - { name: second, stdin: a, expect: { stdout: b } }`;
    const all = await runFile(text, '--json');
    assert.equal(all.code, 1);
    const { passed, failed, files } = JSON.parse(all.stdout);
    assert.deepEqual([passed, failed, files[0].file], [1, 1, 'it.test.yaml']);
    const [, second] = files[0].tests;
    assert.deepEqual(second.differences, [{ about: 'stdout', lines: ['- b', '+ a'] }]);
    assert.deepEqual([second.status, second.outcome.stdout, second.outcome.cause], ['failed', 'a', 'exited']);
    const one = await runFile(text, '--filter', 'first');
    assert.deepEqual([one.code, /second/.test(one.stdout)], [0, false]);
    assert.match((await runFile(text, '--filter', 'third')).stderr, /no test has "third" in its name/);
  });

  const MALFORMED: readonly (readonly [text: string, message: RegExp])[] = [
    ['tests: [', /it\.test\.yaml:1:9: is not valid YAML/],
    ['', /it\.test\.yaml:1:1: is empty where a mapping is expected/],
    ['- a', /is a list where a mapping is expected/],
    ['test: []', /it\.test\.yaml:1:1: test is not a key; did you mean tests\?/],
    ['module: echo.wasm', /has no tests/],
    ['tests: {}', /tests is a mapping where a list is expected/],
    ['tests:\n  - expect: {}', /:2:5: tests\[0\] has no name/],
    ['tests:\n  - name: a', /tests\[0\] expects nothing/],
    [
      'tests:\n  - name: a\n    expect: { stdot: b }',
      /:3:15: tests\[0\]\.expect\.stdot is not a key; did you mean stdout\?/,
    ],
    ['tests:\n  - name: a\n    expect: { cause: dead }', /cause is "dead"; write one of exited/],
    ['tests:\n  - name: a\n    expect: { exitCode: many }', /exitCode is "many"; write a whole number/],
    ['tests:\n  - name: a\n    expect: { stdout: { matches: "(" } }', /is no regular expression/],
    ['tests:\n  - name: a\n    expect: { stdout: [a] }', /stdout is a list where text is expected/],
    ['tests:\n  - name: a\n    limits: { fule: 3 }\n    expect: {}', /limits\.fule is not a key; did you mean fuel\?/],
    [
      'tests:\n  - name: a\n    stdin: { file: none.txt }\n    expect: {}',
      /names none\.txt, which cannot be read \(ENOENT\)/,
    ],
    ['tests:\n  - name: a\n    permissions: ["nowhere"]\n    expect: {}', /permissions\[0\] is not usable/],
    ['tests:\n  - name: a\n    upstreams: { "mo del": {} }\n    expect: {}', /is no name of an upstream/],
    [
      'tests:\n  - name: a\n    upstreams: { model: { request: { path: x } } }\n    expect: {}',
      /a path begins with a slash/,
    ],
    ['tests:\n  - name: a\n    upstreams: { model: { response: { status: 99 } } }\n    expect: {}', /from 200 to 599/],
    [
      'tests:\n  - name: a\n    upstreams: { model: { response: { headers: { "a b": c } } } }\n    expect: {}',
      /no name of a header/,
    ],
    [
      'tests:\n  - name: a\n    upstreams: { model: { response: { headers: { a: "c\\nd" } } } }\n    expect: {}',
      /no header may have/,
    ],
    [
      'tests:\n  - name: a\n    upstreams: { model: { response: { json: 1, body: x } } }\n    expect: {}',
      /body and json; write one/,
    ],
    [
      'tests:\n  - name: a\n    expect: {}\n  - name: a\n    expect: {}',
      /:4:5: tests\[1\] has the name of an earlier test/,
    ],
    [`tests: ${'['.repeat(3000)}${']'.repeat(3000)}`, /nested too deeply|is not valid YAML/],
    ['a: &a [1, 2, 3]\ntests: *a', /a is not a key/],
  ];
  test('a file that is not right is refused with line, key and remedy', async () => {
    const path = join(folder.path, 'it.test.yaml');
    for (const [text, message] of MALFORMED) {
      await writeFile(path, text);
      await assert.rejects(readTestFile(path, 'it.test.yaml'), (error: unknown) => {
        assert.ok(error instanceof InferbaseError, text);
        assert.equal(error.code, 'ERR_INVALID_REQUEST', text);
        assert.match(error.message, message);
        return true;
      });
    }
  });

  test('such a file ends the command with 1 before anything is run', async () => {
    const { code, stdout, stderr } = await runFile('tests:\n  - name: a\n    expect: { stdot: b }');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error ERR_INVALID_REQUEST: it\.test\.yaml:3:15: tests\[0\]\.expect\.stdot/);
  });

  test('a folder without tests says where to write one', async () => {
    await using empty = await temporaryFolder();
    const { code, stderr } = await run(['test'], empty.path);
    assert.equal(code, 1);
    assert.match(stderr, /no function to build|has no tests/);
  });
});
