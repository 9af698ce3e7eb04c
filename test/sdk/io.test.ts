import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './run-sdk.ts';

test('a program that only prints imports only fd_write and proc_exit', async () => {
  const run = await runProgram('print-only.ts');
  assert.equal(run.stdout, 'héllo 🎉\n');
  assert.equal(run.exitCode, 0);
  assert.deepEqual(run.imports, ['wasi_snapshot_preview1.fd_write', 'wasi_snapshot_preview1.proc_exit']);
});

test('each part of the SDK imports its own host calls and no other', async () => {
  const wasi = (...names: string[]) => names.map((name) => `wasi_snapshot_preview1.${name}`);
  const expected: Record<string, string[]> = {
    'echo.ts': ['blockless_memory.memory_read', ...wasi('fd_read', 'fd_write', 'proc_exit')],
    'environment.ts': [
      'blockless_memory.env_var_read',
      ...wasi('args_get', 'args_sizes_get', 'environ_get', 'environ_sizes_get', 'fd_write', 'proc_exit'),
    ],
    'random-time.ts': wasi('clock_time_get', 'fd_write', 'proc_exit', 'random_get'),
    'http.ts': [
      'blockless_http.http_close',
      'blockless_http.http_read_body',
      'blockless_http.http_read_header',
      'blockless_http.http_req',
      'blockless_memory.memory_read',
      ...wasi('fd_read', 'fd_write', 'proc_exit'),
    ],
  };
  for (const [file, imports] of Object.entries(expected)) {
    assert.deepEqual((await runProgram(file, { stdin: '[]' })).imports, imports, file);
  }
});

test('a pipe that takes seven bytes at a time loses none', async () => {
  const stdin = 'héllo 🎉 '.repeat(100);
  const run = await runProgram('echo.ts', { stdin, pipeBytes: 7 });
  assert.equal(run.stdout, stdin);
});

for (const gcStress of [false, true]) {
  test(`200 KB of stdin arrive whole${gcStress ? ', under constant garbage collection' : ''}`, async () => {
    const stdin = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31) & 255);
    const run = await runProgram('echo.ts', { stdin, gcStress });
    assert.deepEqual(Buffer.from(run.stdoutBytes), Buffer.from(stdin));
  });

  test(`500 variables are read right, from either source${gcStress ? ', under constant garbage collection' : ''}`, async () => {
    const env = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`V${index}`, `é=${'x'.repeat(index)}`]));
    const args = ['V0', 'V1', 'V250', 'V499', 'V500'];
    const expected = `V0=é=\nV1=é=x\nV250=é=${'x'.repeat(250)}\nV499=é=${'x'.repeat(499)}\nV500 is not set\nfallback\n500\n`;
    assert.equal((await runProgram('environment.ts', { args, env, gcStress })).stdout, expected);
    const blocklessEnv = JSON.stringify(env);
    assert.equal((await runProgram('environment.ts', { args, blocklessEnv, gcStress })).stdout, expected);
  });
}

test('stdin that is empty on descriptor 0 is read from blockless_memory, of any size', async () => {
  const blocklessStdin = 'déjà '.repeat(30_000);
  assert.equal((await runProgram('echo.ts', { blocklessStdin })).stdout, blocklessStdin);
  assert.equal((await runProgram('echo.ts', { stdin: 'first', blocklessStdin })).stdout, 'first');
  assert.equal((await runProgram('echo.ts')).stdout, '');
});

test('stdin is decoded as browsers decode: no byte order mark, U+FFFD for what is not UTF-8', async () => {
  const inputs = [
    [0xef, 0xbb, 0xbf, 0x31],
    [0x61, 0x00, 0x62],
    [0xff, 0xfe, 0x41],
    [0xc0, 0xaf],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x9f, 0x8e],
    [0xf0, 0x9f, 0x8e, 0x89, 0xe2, 0x82],
    [0xf4, 0x90, 0x80, 0x80],
    [0xc3],
    [0xe2, 0x82, 0x41],
  ];
  for (const input of inputs) {
    const stdin = Uint8Array.from(input);
    const [text] = JSON.parse((await runProgram('stdin-text.ts', { stdin })).stdout) as [string, string];
    assert.equal(text, new TextDecoder().decode(stdin), input.join(' '));
  }
});

test('stdin that is not JSON is an error with a position', async () => {
  const [, problem] = JSON.parse((await runProgram('stdin-text.ts', { stdin: '{"a":\n' })).stdout) as [string, string];
  assert.equal(problem, 'expected a value but found the end of the text at line 2, column 1');
});

test('environment: WASI comes first, blockless fills in, broken or empty JSON counts as none', async () => {
  const args = ['A', 'B', 'EMPTY', ''];
  const both = await runProgram('environment.ts', {
    args,
    env: { A: 'wasi', EMPTY: '' },
    blocklessEnv: '{"A": "blockless","B": "b\\n\\u000c\\"","": ""}',
  });
  assert.equal(both.stdout, 'A=wasi\nB=b\n\f"\nEMPTY=\n is not set\nfallback\n3\n');
  const broken = await runProgram('environment.ts', { args: ['A'], blocklessEnv: '{"A": "un"escaped"}' });
  assert.equal(broken.stdout, 'A is not set\nfallback\n0\n');
});

test('arguments come without the program name, in any script', async () => {
  const run = await runProgram('environment.ts', { args: ['é🎉', 'a b', ''] });
  assert.equal(run.stdout, 'é🎉 is not set\na b is not set\n is not set\nfallback\n0\n');
});

test('a required variable that is missing ends the execution with its name and exit code 1', async () => {
  const run = await runProgram('require.ts');
  assert.equal(run.exitCode, 1);
  assert.equal(run.stdout, 'before\n');
  assert.equal(run.stderr, 'the environment variable TOKEN is not set: give the execution a value for it\n');
  assert.equal((await runProgram('require.ts', { env: { TOKEN: 'ETH' } })).stdout, 'before\nETH');
});

test('fail writes its message to stderr and ends with its exit code', async () => {
  for (const [asked, got] of [
    ['1', 1],
    ['3', 3],
    ['125', 125],
    ['0', 1],
    ['126', 1],
    ['-1', 1],
  ] as const) {
    const run = await runProgram('fail.ts', { args: [asked] });
    assert.deepEqual([run.exitCode, run.stdout, run.stderr], [got, 'so far', 'no price for “ETH” 🎉\n'], asked);
  }
});

test('console, trace, log and abort go to stderr; an abort names file and line and ends with 255', async () => {
  for (const target of ['release', 'debug'] as const) {
    const run = await runProgram('hooks.ts', { target });
    assert.equal(run.exitCode, 255);
    assert.equal(run.stdout, 'true 1700000000123');
    assert.equal(
      run.stderr,
      'console 🎉\nwarn: careful\ntrace: numbers 1.5, -2.0\ndebug: d\ninfo: i\nwarn: w\nerror: e\n' +
        'abort: the price is missing in test/sdk/assembly/hooks.ts(12:1)\n',
    );
  }
});

test('random numbers lie in [0, 1) and differ; time is in ms', async () => {
  const run = await runProgram('random-time.ts');
  const { low, high, ...rest } = JSON.parse(run.stdout) as Record<string, number>;
  assert.ok(low !== undefined && high !== undefined && low >= 0 && high < 1 && high - low > 0.5);
  assert.deepEqual(rest, { bytes: 20, none: 0, now: 1_700_000_000_123 });
});
