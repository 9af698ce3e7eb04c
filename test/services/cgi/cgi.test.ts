import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn } from '../../support/run-guest.ts';
import { guest, wat } from '../../support/wat.ts';
import { extension, folderOf, openWithExtensions, processesWith, type TestRuntime } from './extensions.ts';

/** Runs the guest that opens what `command` says, writes `input` and reads once, or to the end of a stream. */
async function ask(
  runtime: TestRuntime,
  command: unknown,
  { input = '', until, ...options }: GuestOptions & { input?: string; until?: 'stdout' | 'stderr' } = {},
): Promise<GuestResult> {
  const args = until === undefined ? [] : until === 'stdout' ? ['all'] : ['all', 'stderr'];
  const stdin = `${JSON.stringify(command)}\n${input}`;
  return runIn(runtime, await guest('cgi-once'), { ...options, args, stdin });
}

describe('an extension of the folder', () => {
  test('is run by its alias with arguments, without a shell, and needs no list first', async (t) => {
    const runtime = await openWithExtensions(t, { 'a-file': extension('show', 'printf "%s|" "$@"') });
    const { stdout, exitCode } = await ask(runtime, { command: 'show', args: ['a b', 7, '$(id); `id`', ''] });
    assert.deepEqual([stdout, exitCode], ['a b|$(id); `id`||', 0]);
  });

  test('gets PATH and what the guest declares in either spelling, nothing else of this process', async (t) => {
    const runtime = await openWithExtensions(t, { env: extension('env', 'env -0 | sort -z | tr "\\\\0" "\\\\n"') });
    const envs = [
      { name: 'TOPIC_ID', value: '7' },
      { env_name: 'GREETING', env_val: 'a=b\nc' },
      { name: 'LD_PRELOAD', value: '/tmp/evil.so' },
      { name: 'BASH_ENV', value: '$(id)' },
      { name: 'Path', value: '/tmp' },
      { name: 'A B', value: 'x' },
      { name: 'NODE_OPTIONS', value: '--import x' },
      'nonsense',
    ];
    const { stdout } = await ask(runtime, { command: 'env', envs }, { env: { ALLORA_ARG_PARAMS: 'secret' } });
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    // A shell adds its own working directory.
    assert.deepEqual(
      names.filter((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== ''),
      // The mark by which its processes are found again.
      ['GREETING', 'c', 'INFERBASE_EXTENSION', 'PATH', 'TOPIC_ID'],
    );
    assert.ok(stdout.includes('GREETING=a=b\nc\n'));
    const [line] = runtime.logLines.filter((text) => text.includes('may not set'));
    assert.match(line ?? '', /LD_PRELOAD, BASH_ENV, Path, A B, NODE_OPTIONS/);
  });

  test('delivers to one read what it prints in pieces', async (t) => {
    const pieces = 'for i in 1 2 3 4 5; do printf "piece$i "; sleep 0.005; done';
    const runtime = await openWithExtensions(t, { pieces: extension('pieces', pieces) });
    const whole = 'piece1 piece2 piece3 piece4 piece5 ';
    // On a busy machine a pause of the script may be long enough to be taken for its end.
    let stdout = '';
    for (let attempt = 0; stdout !== whole && attempt < 20; attempt++) {
      stdout = (await ask(runtime, { command: 'pieces' })).stdout;
    }
    assert.equal(stdout, whole);
  });

  test('takes and gives far more than a pipe holds', async (t) => {
    const runtime = await openWithExtensions(t, { cat: extension('cat', 'exec cat') }, { 'limits.stdoutBytes': 4e6 });
    const input = 'x'.repeat(1_500_000);
    const result = await ask(runtime, { command: 'cat' }, { input, until: 'stdout', limits: { stdoutBytes: 4e6 } });
    assert.equal(result.exitCode, 0, result.message);
    assert.ok(result.stdout === input);
  });

  test('is told the end of its input when the guest waits for an answer', async (t) => {
    const runtime = await openWithExtensions(t, { count: extension('count', 'wc -c | tr -d " "') });
    assert.equal((await ask(runtime, { command: 'count' }, { input: '12345' })).stdout, '5\n');
  });

  test('answers on stderr although it fills stdout meanwhile', async (t) => {
    const body = 'head -c 300000 /dev/zero; echo problem >&2';
    const runtime = await openWithExtensions(t, { both: extension('both', body) });
    assert.equal((await ask(runtime, { command: 'both' }, { until: 'stderr' })).stdout, 'problem\n');
  });

  test('that closes its stdout and goes on is read to that end', async (t) => {
    const runtime = await openWithExtensions(t, { shut: extension('shut', 'echo all; exec >&-; sleep 8181') });
    assert.equal((await ask(runtime, { command: 'shut' }, { until: 'stdout' })).stdout, 'all\n');
    assert.deepEqual(await processesWith('8181'), []);
  });

  test('that ends early makes a write fail and a read end', async (t) => {
    const runtime = await openWithExtensions(t, { gone: extension('gone', 'exec <&-; exit 0') });
    const { exitCode } = await ask(runtime, { command: 'gone' }, { input: 'x'.repeat(1_000_000) });
    assert.equal(exitCode, 22);
    assert.deepEqual((await ask(runtime, { command: 'gone' })).stdout, '');
  });
});

describe('what is not an extension', () => {
  test('is left out with a line in the log and stops none of the others', async (t) => {
    const runtime = await openWithExtensions(t, {
      'a-hangs': '#!/bin/sh\nsleep 4242 & sleep 4242',
      'b-no-json': '#!/bin/sh\necho hello',
      'c-endless': '#!/bin/sh\nexec yes',
      'd-no-cgi': `#!/bin/sh\necho '{"alias":"no-cgi","description":"x"}'`,
      'e-path': `#!/bin/sh\necho '{"alias":"../up","description":"x","is_cgi":true}'`,
      'f-not-found': '#!/nowhere/at/all\n',
      'g-good': extension('good', 'echo fine'),
      'h-twin': extension('good', 'echo twin'),
      'i-fails': `${extension('fails', '').replace('exit 0', 'exit 3')}`,
    });
    await writeFile(join(runtime.folder, '.extsdb'), 'not a program');
    assert.equal((await ask(runtime, { command: 'good' })).stdout, 'fine\n');
    for (const alias of ['no-cgi', '../up', 'fails', '', 'g-good', '__proto__', 'constructor']) {
      assert.equal((await ask(runtime, { command: alias })).exitCode, 4, alias);
    }
    const log = runtime.logLines.join('');
    for (const [file, why] of [
      ['a-hangs', 'within 2000 ms'],
      ['b-no-json', 'no JSON'],
      ['c-endless', 'within 2000 ms'],
      ['d-no-cgi', 'is_cgi'],
      ['e-path', 'alias'],
      ['f-not-found', 'cannot be started'],
      ['h-twin', 'has the alias good'],
      ['i-fails', 'ended with 3'],
    ] as const) {
      assert.ok(
        runtime.logLines.some((line) => line.includes(file) && line.includes(why)),
        `${file}: ${log}`,
      );
    }
    assert.deepEqual(await processesWith('4242'), []);
  });

  test('a folder that is not there is no error, and there are no extensions', async (t) => {
    const runtime = await openTestRuntime({ 'extensions.dir': '/nowhere/at/all' });
    t.after(() => runtime.close());
    assert.equal((await ask(runtime, { command: 'x' })).exitCode, 4);
    assert.ok(runtime.logLines.some((line) => line.includes('/nowhere/at/all')));
  });

  test('with nothing configured every call is denied, and the log says what to set', async (t) => {
    const runtime = await openTestRuntime();
    t.after(() => runtime.close());
    assert.equal((await ask(runtime, { command: 'x' })).exitCode, 4);
    assert.ok(runtime.logLines.some((line) => line.includes('extensions.dir')));
  });
});

describe('an extension named in the settings', () => {
  test('is an alias for a program with its arguments before the guest’s', async (t) => {
    const runtime = await openTestRuntime({
      'extensions.say.command': 'printf',
      'extensions.say.args': ['<%s>', 'a b'],
    });
    t.after(() => runtime.close());
    assert.equal((await ask(runtime, { command: 'say', args: ['c'] })).stdout, '<a b><c>');
  });

  test('ends after its own time, and the guest sees the end of its output', async (t) => {
    const runtime = await openTestRuntime({
      'extensions.slow.command': 'sh',
      'extensions.slow.args': ['-c', 'echo first; sleep 4343'],
      'extensions.slow.timeoutMs': 100,
    });
    t.after(() => runtime.close());
    const { stdout, exitCode } = await ask(runtime, { command: 'slow' }, { until: 'stdout' });
    assert.deepEqual([stdout, exitCode], ['first\n', 0]);
    assert.deepEqual(await processesWith('4343'), []);
    assert.ok(runtime.logLines.some((line) => line.includes('extensions.slow.timeoutMs')));
  });

  test('that cannot be started is errno 2 and a line in the log', async (t) => {
    const runtime = await openTestRuntime({ 'extensions.none.command': '/nowhere/at/all' });
    t.after(() => runtime.close());
    assert.equal((await ask(runtime, { command: 'none' })).exitCode, 2);
    assert.ok(runtime.logLines.some((line) => line.includes('/nowhere/at/all cannot be started')));
  });
});

describe('processes end with their execution', () => {
  const HOLD = extension('hold', 'sleep 5151 & sleep 5151');

  test('a thousand opens stay below the cap, and none of them is left', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    assert.equal((await runIn(runtime, await guest('cgi-thousand'))).exitCode, 8);
    assert.equal(runtime.logLines.filter((line) => line.includes('too many processes')).length, 1);
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('bad handles, pointers and aliases are errnos', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    assert.deepEqual(
      await runIn(runtime, await guest('cgi-pointers')).then(({ cause, exitCode }) => [cause, exitCode]),
      ['exited', 0],
    );
  });

  test('at the deadline, in a read, with what they started themselves', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    const { cause } = await ask(runtime, { command: 'hold' }, { limits: { deadlineMs: 300 } });
    assert.equal(cause, 'deadline');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('at the deadline, in a write that nobody takes', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    const input = 'x'.repeat(1_500_000);
    const { cause } = await ask(runtime, { command: 'hold' }, { input, limits: { deadlineMs: 300 } });
    assert.equal(cause, 'deadline');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('at the deadline, in a read of stderr', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    const { cause } = await ask(runtime, { command: 'hold' }, { until: 'stderr', limits: { deadlineMs: 300 } });
    assert.equal(cause, 'deadline');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('at the deadline, in a close that has to wait', async (t) => {
    // With an environment of its own it is not found, and keeps the pipe. It says so when it has left the group.
    const away = extension('away', "env -i setsid sh -c 'echo away; sleep 2' & sleep 5151");
    const runtime = await openWithExtensions(t, { away });
    const close = await wat(`(module
      (import "blockless_cgi" "cgi_open" (func $open (param i32 i32 i32) (result i32)))
      (import "blockless_cgi" "cgi_stdout_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "blockless_cgi" "cgi_close" (func $close (param i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 64) "{\\"command\\":\\"away\\"}")
      (func (export "_start")
        (drop (call $open (i32.const 64) (i32.const 18) (i32.const 0)))
        (drop (call $read (i32.load (i32.const 0)) (i32.const 256) (i32.const 16) (i32.const 8)))
        (drop (call $close (i32.load (i32.const 0))))))`);
    await ask(runtime, { command: 'nothing' });
    assert.equal((await runIn(runtime, close, { limits: { deadlineMs: 350 } })).cause, 'deadline');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('at the deadline, while the extensions are still being looked for', async (t) => {
    const runtime = await openWithExtensions(t, {
      hold: HOLD,
      hangs: '#!/bin/sh\n[ "$1" = --ext_verify ] && sleep 1\necho {}',
    });
    const list = await wat(`(module
      (import "blockless_cgi" "cgi_list_exec" (func $list (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (drop (call $list (i32.const 0)))))`);
    const limits = { deadlineMs: 150 };
    const ended = await Promise.all([runIn(runtime, list, { limits }), ask(runtime, { command: 'hold' }, { limits })]);
    assert.deepEqual(
      ended.map(({ cause }) => cause),
      ['deadline', 'deadline'],
    );
    // Later the first question of both is answered: nobody is left to have a process.
    assert.equal((await ask(runtime, { command: 'nothing' })).exitCode, 4);
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('when the caller goes away', async (t) => {
    const runtime = await openWithExtensions(t, { hold: HOLD });
    const caller = new AbortController();
    const running = ask(runtime, { command: 'hold' }, { signal: caller.signal });
    assert.equal((await processesWith('sleep\u00005151', 2)).length, 2);
    caller.abort();
    assert.equal((await running).cause, 'cancelled');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('when the node closes', async (t) => {
    const folder = await folderOf(t, { hold: HOLD });
    const runtime = await openTestRuntime({ 'extensions.dir': folder });
    const running = ask(runtime, { command: 'hold' });
    await processesWith('sleep\u00005151', 2);
    await runtime.close();
    assert.equal((await running).cause, 'interrupted');
    assert.deepEqual(await processesWith('5151'), []);
  });

  test('one that is killed midway ends its output', async (t) => {
    const body = 'echo before; kill -9 $$; echo after';
    const runtime = await openWithExtensions(t, { killed: extension('killed', body) });
    const { stdout, exitCode } = await ask(runtime, { command: 'killed' }, { until: 'stdout' });
    assert.deepEqual([stdout, exitCode], ['before\n', 0]);
  });

  test('one that prints for ever is held up, and what it printed stays bounded', async (t) => {
    const runtime = await openWithExtensions(t, { yes: extension('yes', 'exec yes 6161') });
    const { stdout, cause } = await ask(runtime, { command: 'yes' });
    assert.deepEqual([cause, stdout.length], ['exited', 65_535]);
    assert.deepEqual(await processesWith('6161'), []);
  });

  test('what left its group is found and ended all the same', async (t) => {
    const body = 'setsid sh -c "sleep 8181 & setsid sleep 8181" >/dev/null 2>&1 & sleep 0.1; echo parent';
    const runtime = await openWithExtensions(t, { away: extension('away', body) });
    const { stdout } = await ask(runtime, { command: 'away' }, { until: 'stdout' });
    assert.equal(stdout, 'parent\n');
    assert.deepEqual(await processesWith('8181'), []);
  });

  test('one whose child left its group and kept the pipe does not hold up the guest', async (t) => {
    const body = 'setsid sleep 3 & echo parent; sleep 0.05';
    const runtime = await openWithExtensions(t, { away: extension('away', body) });
    const { stdout, exitCode } = await ask(runtime, { command: 'away' }, { until: 'stdout' });
    assert.deepEqual([stdout, exitCode], ['parent\n', 0]);
  });
});
