import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { StoredFunction } from '../../runtime/store/store.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runPrepared } from '../support/run-guest.ts';
import type { Program } from './toolchains.ts';

const NUMBERS = { path: 'data/numbers.txt', bytes: Buffer.from('10\n20\n30\n') };
const FILES = [NUMBERS];
const ROWS = '[{"name":"ETH","value":3.5},{"name":"BTC","value":120},\n {"name":"dust","value":0.25}]';
const SORTED = '[{"name":"BTC","value":120},{"name":"ETH","value":3.5},{"name":"dust","value":0.25}]\n';
const TOUCHED = `sum 60
report 11 bytes, last line end
/out: deep report.txt
/out:
sum 1
missing: no such file
`;

/** How a program of a language ends when it crashes: what it says where, and with which cause. */
export interface Crash {
  readonly cause: GuestResult['cause'];
  readonly exitCode: number;
  readonly stderr: RegExp;
}

/**
 * The tests of one of the programs `c/main.c`, `rust/main.rs`, `go/main.go`, `assembly/index.ts`: each does the same with
 * its language's own library, so that each asks the host in its own way.
 */
export function testProgram(language: string, program: Program, crash: Crash): void {
  const title = `a program written in ${language}`;
  if ('missing' in program) {
    // A skipped suite would count as nothing.
    test(title, { skip: program.missing }, () => {});
    return;
  }

  suite(title, () => {
    let opened: Promise<{ runtime: Awaited<ReturnType<typeof openTestRuntime>>; found: StoredFunction }> | undefined;
    const open = async () => {
      const runtime = await openTestRuntime();
      return { runtime, found: await runtime.store.prepareFile(await program.build(), 'program.wasm') };
    };
    const run = async (args: readonly string[], options: GuestOptions = {}): Promise<GuestResult> => {
      opened ??= open();
      const { runtime, found } = await opened;
      return await runPrepared(runtime, found, { args, ...options });
    };
    const prints = async (args: readonly string[], options: GuestOptions = {}): Promise<string> => {
      const { cause, exitCode, message, stdout, stderr } = await run(args, options);
      assert.deepEqual([cause, exitCode, message], ['exited', 0, ''], stderr);
      return stdout;
    };
    after(async () => (await opened)?.runtime.close());

    test('is given its arguments, environment and stdin, and prints to both streams', async () => {
      const { exitCode, stdout, stderr } = await run(['greet', 'two words', 'ü'], {
        env: { GREETING: 'grüß "dich"' },
        stdin: 'x'.repeat(100_001),
      });
      assert.equal(stdout, 'args two words|ü\nGREETING=grüß "dich"\nstdin 100001 bytes\n');
      assert.match(stderr, /greeted\n$/);
      assert.equal(exitCode, 0);
    });

    test('reads, writes, lists, renames and removes files, which the next execution does not see', async () => {
      assert.equal(await prints(['files'], { files: FILES }), TOUCHED);
      assert.equal(await prints(['files'], { files: FILES }), TOUCHED);
      assert.equal(NUMBERS.bytes.toString(), '10\n20\n30\n');
    });

    test('parses, sorts and prints JSON', async () => {
      assert.equal(await prints(['sort'], { stdin: ROWS }), SORTED);
    });

    test('sleeps as long as it asks to and can tell the time', async () => {
      assert.equal(await prints(['wait', '30']), 'waited after 2024: yes\n');
    });

    test('is given other random bytes each time', async () => {
      const [first, second] = [await prints(['random']), await prints(['random'])];
      assert.match(first, /^[0-9a-f]{32}\n$/);
      assert.notEqual(first, second);
    });

    test('ends with the exit code it chooses', async () => {
      for (const code of [0, 3, 125].filter((code) => language !== 'AssemblyScript' || code > 0)) {
        const { cause, exitCode } = await run(['exit', String(code)]);
        assert.deepEqual([cause, exitCode], ['exited', code]);
      }
    });

    test('crashes by itself alone, and says so', async () => {
      const { cause, exitCode, stderr } = await run(['crash']);
      assert.deepEqual([cause, exitCode], [crash.cause, crash.exitCode], stderr);
      assert.match(stderr, crash.stderr);
      assert.match(await prints(['random']), /^[0-9a-f]+\n$/);
    });

    test('ends at its limit of fuel', async () => {
      const { cause } = await run(['sort'], { stdin: ROWS, limits: { fuel: 3_000 } });
      assert.equal(cause, 'fuel');
    });
  });
}
