import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EXIT, ExitError, reportFailure } from '../../runtime/cli/exit.ts';
import { COMMAND_NAMES } from '../../runtime/cli/program.ts';
import { SETTING_KEYS } from '../../runtime/config/keys.ts';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { ROOT, run, temporaryFolder } from './command.ts';

describe('command line', () => {
  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.deepEqual(await run(['--version'], ROOT), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('--help lists every command and the exit codes', async () => {
    const { code, stdout } = await run(['--help'], ROOT);
    assert.equal(code, 0);
    for (const name of COMMAND_NAMES) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
    for (const exitCode of Object.values(EXIT)) assert.match(stdout, new RegExp(`\\b${exitCode} \\w`));
  });

  for (const name of COMMAND_NAMES) {
    test(`${name} --help has a usage line, examples and exit codes`, async () => {
      const { code, stdout, stderr } = await run([name, '--help'], ROOT);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      assert.match(stdout, new RegExp(`^Usage: inferbase ${name} `));
      assert.match(stdout, /\nExamples:\n {2}\$ /);
      // Those below `store` say theirs.
      if (name !== 'store') assert.match(stdout, /^Exit codes?: /m);
    });
  }

  test('help explains a command, and the program without one', async () => {
    const asked = await run(['help', 'exec'], ROOT);
    assert.deepEqual(asked, await run(['exec', '--help'], ROOT));
    assert.match(asked.stdout, /^Usage: inferbase exec /);
    assert.match((await run(['help'], ROOT)).stdout, /^Usage: inferbase /);
    assert.equal((await run(['help', 'nothing'], ROOT)).code, EXIT.usage);
  });

  test('serve has a flag for every setting', async () => {
    const { stdout } = await run(['serve', '--help'], ROOT);
    for (const { flag } of SETTING_KEYS) if (flag !== undefined) assert.match(stdout, new RegExp(`^  ${flag} <`, 'm'));
    assert.match(stdout, /--upstream <name=url>/);
  });

  test('texts of long flags are wrapped at 80 columns, and no default is told twice', async () => {
    for (const name of COMMAND_NAMES) {
      const { stdout } = await run([name, '--help'], ROOT);
      assert.doesNotMatch(stdout, /\(default: [^)]*\)\s+\(default:/, name);
      const [, options = ''] = /\nOptions:\n([\s\S]*?)\n\n/.exec(stdout) ?? [];
      for (const line of options.split('\n')) assert.ok(line.length <= 80, line);
    }
  });

  const wrong: readonly [name: string, args: string[], message: RegExp][] = [
    ['an unknown command', ['sreve'], /unknown command 'sreve'/],
    ['an unknown command of store', ['store', 'lss'], /unknown command 'lss'\n\(Did you mean ls\?\)/],
    ['an unknown flag', ['serve', '--nothing'], /unknown option '--nothing'\n\(.*inferbase COMMAND --help what/],
    ['a missing argument', ['pin'], /missing required argument 'path'/],
    ['no command', [], /Usage: inferbase/],
    [
      'a setting out of range',
      ['serve', '--limits-queue', '-5'],
      /^error ERR_INVALID_SETTING: limits\.queue is -5 \(set by --limits-queue\)/,
    ],
    ['an upstream without a name', ['serve', '--upstream', 'http://x'], /write it as NAME=URL/],
    [
      'an upstream that is no URL',
      ['exec', 'x.wasm', '--upstream', 'model=nonsense'],
      /upstreams\.model\.url is "nonsense" \(set by --upstream model=…\)/,
    ],
    [
      'memory that is no number',
      ['exec', 'x.wasm', '--memory', 'lots'],
      /limits\.memoryPages is "lots" \(set by --memory\)/,
    ],
    [
      'a deadline that is no time',
      ['exec', 'x.wasm', '--deadline', '0'],
      /limits\.deadlineMs is 0 \(set by --deadline\)/,
    ],
    ['a settings file that is not there', ['serve', '--config', 'none.yaml'], /none\.yaml does not exist/],
    ['fuel that is no number', ['exec', 'x.wasm', '--fuel', 'much'], /limits\.fuel is "?much/],
    ['a variable without a value', ['exec', 'x.wasm', '--env', 'A'], /--env A has no value/],
    ['a variable without a name', ['exec', 'x.wasm', '--env', '=A'], /--env =A has no name/],
  ];
  for (const [name, args, message] of wrong) {
    test(`wrong usage: ${name}`, async () => {
      await using folder = await temporaryFolder();
      const { code, stdout, stderr } = await run(args, folder.path);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n {4}at /);
      assert.equal(code, EXIT.usage);
    });
  }
});

describe('failures', () => {
  test('an error of ours is one line and its details', () => {
    const error = new InferbaseError('ERR_SOURCE_UNAVAILABLE', 'nobody has it.', { details: ['a: 404', 'b: stalled'] });
    assert.deepEqual(reportFailure(error, false), {
      exitCode: EXIT.failure,
      lines: ['error ERR_SOURCE_UNAVAILABLE: nobody has it.', '  a: 404', '  b: stalled'],
    });
    assert.match(reportFailure(error, true).lines.at(-1) ?? '', /^ {4}at /);
  });

  test('an address that cannot be listened on is one sentence with what to do', () => {
    for (const code of ['EACCES', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENOTFOUND']) {
      const fields = { code, syscall: 'listen', address: '127.0.0.1', port: 80 };
      const { exitCode, lines } = reportFailure(Object.assign(new Error(`listen ${code}`), fields), false);
      assert.equal(exitCode, EXIT.failure);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', /^error E\w+: 127\.0\.0\.1:80 .*; choose .* with --listen-api ADDRESS:PORT$/);
    }
  });

  test('a file that may not be written is one sentence with what to do', () => {
    const fields = { code: 'EACCES', syscall: 'open', path: '/x/y' };
    const error = Object.assign(new Error("EACCES: permission denied, open '/x/y'"), fields);
    assert.deepEqual(reportFailure(error, false), {
      exitCode: EXIT.failure,
      lines: [
        "error EACCES: permission denied, open '/x/y'; give this user the right to it, or work in another folder",
      ],
    });
  });

  const codes: readonly [name: string, error: unknown, exitCode: number][] = [
    ['a wrong setting', new InferbaseError('ERR_INVALID_SETTING', 'x'), EXIT.usage],
    ['a data folder', new InferbaseError('ERR_STORE_UNAVAILABLE', 'x'), EXIT.dataFolder],
    ['an interruption', new InferbaseError('ERR_CANCELLED', 'x'), EXIT.interrupted],
    ['a code of its own', new ExitError(9), 9],
    ['anything else', 'text', EXIT.failure],
  ];
  for (const [name, error, exitCode] of codes) {
    test(`exit code of ${name}`, () => assert.equal(reportFailure(error, false).exitCode, exitCode));
  }
});
