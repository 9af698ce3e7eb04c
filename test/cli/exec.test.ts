import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildFunction } from '../support/build-function.ts';
import { guest } from '../support/wat.ts';
import { run, shell, start, temporaryFolder } from './command.ts';

const GUESTS = ['echo', 'exit-three', 'spin', 'trap-unreachable', 'print-past-cap', 'import-proto', 'show-all'];

describe('exec', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    for (const name of GUESTS) await writeFile(join(folder.path, `${name}.wasm`), await guest(name));
    await mkdir(join(folder.path, 'two'));
    for (const name of ['echo', 'spin']) await writeFile(join(folder.path, 'two', `${name}.wasm`), await guest(name));
  });
  after(() => folder[Symbol.asyncDispose]());

  test('copies standard input to standard output, byte for byte', async () => {
    const input = Uint8Array.from({ length: 100_000 }, (_, i) => 0x20 + (i % 0x5f));
    const { code, stdout, stderr } = await run(['exec', 'echo.wasm', '--stdin', '-'], folder.path, { input });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(stdout, Buffer.from(input).toString());
  });

  test('--trace tells every host call on stderr, and leaves stdout to the guest', async () => {
    const { stdout, stderr } = await run(['exec', 'echo.wasm', '--stdin', '-', '--trace'], folder.path, {
      input: 'hi',
    });
    assert.equal(stdout, 'hi');
    assert.match(stderr, /^ +[0-9.]+ ms +\+[0-9.]+ ms {2}fd_read 0 → 0, \d+ B\n.*fd_write 1 → 0/);
    assert.match(stderr, /[0-9.]+ ms, [0-9.]+ ms cpu, .* memory, fuel \d+\n$/);
  });

  test('reads standard input from a file, and none when none is named', async () => {
    await writeFile(join(folder.path, 'in.txt'), 'from a file');
    assert.equal((await run(['exec', 'echo.wasm', '--stdin', 'in.txt'], folder.path)).stdout, 'from a file');
    assert.equal((await run(['exec', 'echo.wasm'], folder.path, { input: 'not asked for' })).stdout, '');
  });

  test('gives the guest its name, arguments and variables, and nothing of ours', async () => {
    const { stdout } = await run(
      ['exec', 'show-all.wasm', '--env', 'A=1', '--env', 'B=x=y', '--', '--window', '2'],
      folder.path,
      { env: { SECRET_OF_OURS: 'hunter2' } },
    );
    for (const part of ['show-all.wasm', '--window', '2', 'A=1', 'B=x=y']) assert.ok(stdout.includes(part), part);
    assert.doesNotMatch(stdout, /hunter2|PATH=/);
  });

  test('says that piped or redirected input is not passed on, to a function that reads any', async () => {
    await writeFile(join(folder.path, 'in.txt'), 'data');
    const hint = 'inferbase: the function gets no standard input; give it ours with --stdin -\n';
    const rows: readonly [command: string, stderr: string][] = [
      ['echo data | inferbase exec echo.wasm', hint],
      ['inferbase exec echo.wasm < in.txt', hint],
      ['mkfifo idle; sleep 600 > idle 2>&1 & inferbase exec echo.wasm < idle; kill $!', hint],
      ['echo data | inferbase exec echo.wasm --stdin -', ''],
      ['echo data | inferbase exec exit-three.wasm', 'err'],
      ['inferbase exec echo.wasm < /dev/null', ''],
    ];
    for (const [command, stderr] of rows) {
      assert.equal((await shell(command, folder.path)).stderr, stderr, command);
    }
  });

  test('leaves what it does not pass on to the next command', async () => {
    const { stdout } = await shell('echo data | (inferbase exec echo.wasm; cat)', folder.path);
    assert.equal(stdout, 'data\n');
  });

  test('makes no key for a node, and needs no data folder for a file', async () => {
    await using empty = await temporaryFolder();
    const file = join(folder.path, 'exit-three.wasm');
    assert.equal((await run(['exec', file], empty.path)).code, 3);
    assert.deepEqual((await readdir(join(empty.path, '.inferbase'))).includes('keys'), false);
    await using blocked = await temporaryFolder();
    await writeFile(join(blocked.path, '.inferbase'), '');
    assert.equal((await run(['exec', file], blocked.path)).code, 3);
    assert.match((await run(['inspect', file], blocked.path)).stdout, /^runs {5}yes$/m);
    const named = await run(['exec', file, '--data-dir', '.inferbase'], blocked.path);
    assert.deepEqual([named.code, named.stdout], [73, '']);
  });

  test("exits with the guest's exit code", async () => {
    const { code, stderr } = await run(['exec', 'exit-three.wasm'], folder.path);
    assert.deepEqual([code, stderr], [3, 'err']);
  });

  const ended: readonly [name: string, args: string[], code: number, message: RegExp][] = [
    [
      'a trap',
      ['trap-unreachable.wasm'],
      11,
      /^inferbase: the function ended with cause trapped, exit code 11: .*unreachable/m,
    ],
    ['a deadline', ['spin.wasm', '--deadline', '200'], 15, /cause deadline, exit code 15/],
  ];
  for (const [name, args, code, message] of ended) {
    test(`a guest ended by ${name} has bls-runtime's exit code, and the cause is on stderr`, async () => {
      const finished = await run(['exec', ...args], folder.path);
      assert.equal(finished.code, code);
      assert.equal(finished.stdout, '');
      assert.match(finished.stderr, message);
    });
  }

  test('--json prints the outcome', async () => {
    const { code, stdout } = await run(['exec', 'exit-three.wasm', '--json'], folder.path);
    assert.equal(code, 3);
    const { cause, exitCode, stdout: printed, usage } = JSON.parse(stdout);
    assert.deepEqual([cause, exitCode, printed], ['exited', 3, 'out']);
    assert.ok(usage.wallMs >= 0);
  });

  test('output past its limit is cut and said so', async () => {
    const env = { INFERBASE_LIMITS_STDOUT_BYTES: '10' };
    const { stdout, stderr } = await run(['exec', 'print-past-cap.wasm'], folder.path, { env });
    assert.equal(stdout.length, 10);
    assert.match(stderr, /stdout was cut at its limit; raise limits\.stdoutBytes with INFERBASE_LIMITS_STDOUT_BYTES=N/);
  });

  const refused: readonly [name: string, args: string[], message: RegExp][] = [
    ['a module with an import nobody has', ['import-proto.wasm'], /^error ERR_INVALID_MODULE: .*__proto__/],
    ['a file that is not there', ['./none.wasm'], /there is no file \.\/none\.wasm/],
    ['text that is no CID', ['nonsense'], /^error ERR_INVALID_CID: "nonsense" .*no file or folder of that name/],
    [
      'a CID that is not here',
      ['ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'],
      /^error ERR_FUNCTION_NOT_FOUND: .* --gateways URL, .* inferbase pin FILE\.\n {2}data folder: \S+\/\.inferbase\n$/,
    ],
    [
      'input that is too long',
      ['echo.wasm', '--stdin', 'echo.wasm'],
      /--stdin echo\.wasm has more than 5 bytes; .* INFERBASE_LIMITS_STDIN_BYTES=N/,
    ],
    ['a device', ['/dev/null'], /\/dev\/null is neither a file nor a folder/],
    ['a folder of several modules', ['two'], /has several \.wasm files; name one as method/],
    ['a permission that is no URL', ['echo.wasm', '--allow', 'all of it'], /all of it/],
  ];
  for (const [name, args, message] of refused) {
    test(`refused: ${name}`, async () => {
      const env = { INFERBASE_LIMITS_STDIN_BYTES: '5' };
      const { code, stdout, stderr } = await run(['exec', ...args], folder.path, { env });
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.notEqual(code, 0);
    });
  }

  test('Ctrl-C ends a guest that spins and exits with 130', async () => {
    await using empty = await temporaryFolder();
    const spin = join(folder.path, 'spin.wasm');
    const running = start(['exec', spin, '--deadline', '60000', '--data-dir', empty.path], folder.path);
    // The prepared module is written right before it runs.
    const modules = join(empty.path, 'modules');
    while ((await readdir(modules).catch(() => [])).length === 0) await sleep(20);
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.finished;
    assert.deepEqual([code, stdout, stderr], [130, '', '']);
  });

  test('reaches a model server that --upstream names', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('{"token":"ETH","value":"42.5"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await writeFile(join(folder.path, 'coin-prediction.wasm'), await buildFunction('coin-prediction'));
      const upstream = `model=http://127.0.0.1:${port}/v1`;
      const args = ['exec', 'coin-prediction.wasm', '--env', 'ALLORA_ARG_PARAMS=ETH', '--upstream', upstream];
      const { code, stdout, stderr } = await run(args, folder.path);
      assert.deepEqual([code, stderr], [0, '']);
      assert.deepEqual(JSON.parse(stdout), { infererValue: '42.5' });
      assert.deepEqual(seen, ['/v1/inference/ETH']);
    } finally {
      server.close();
    }
  });
});
