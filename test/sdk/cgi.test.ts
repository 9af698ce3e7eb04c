import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from './run-sdk.ts';
import type { StubInit } from './stub-host.ts';

interface Answer {
  readonly list: readonly string[];
  readonly ok?: boolean;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  readonly message?: string;
  readonly parsed?: boolean;
}

for (const gcStress of [false, true]) {
  const run = async (init: StubInit): Promise<Answer> => {
    const result = await runProgram('cgi.ts', { ...init, gcStress });
    assert.deepEqual([result.exitCode, result.stderr, result.openHandles], [0, '', 0]);
    return JSON.parse(result.stdout) as Answer;
  };

  describe(`cgi${gcStress ? ', out of step with the garbage collector' : ''}`, () => {
    test('frames the request by its length in bytes and reads the answer to its end', async () => {
      const seen: string[] = [];
      const answer = await run({
        args: ['model', 'ü'],
        pipeBytes: 7,
        cgi: (command, input) => {
          seen.push(`${command} ${input}`);
          return { stdout: `{"value": "${'é'.repeat(3000)}"}`, stderr: 'careful' };
        },
      });
      assert.equal(seen.at(-1), '{"command":"model"} 2\r\nü\r\n');
      assert.deepEqual(
        [answer.ok, answer.stdout, answer.stderr, answer.parsed],
        [true, `{"value": "${'é'.repeat(3000)}"}`, 'careful', true],
      );
    });

    test('takes a framed answer and waits for nothing behind it', async () => {
      const answer = await run({
        args: ['model', 'x'],
        pipeBytes: 3,
        cgi: () => ({ stdout: '9\r\n{"a":"é"}\r\n', endErrno: 2 }),
      });
      const body = '{"a":"é"}';
      assert.notEqual(Buffer.byteLength(body), 9);
      // A length that does not lead to a line end is no frame.
      assert.deepEqual([answer.ok, answer.code], [false, 2]);
      const right = await run({
        args: ['model', 'x'],
        pipeBytes: 3,
        cgi: () => ({ stdout: `10\r\n${body}\r\n`, stderr: 'unread', endErrno: 2 }),
      });
      assert.deepEqual([right.ok, right.stdout, right.stderr], [true, body, '']);
    });

    test('gives arguments, and variables in both spellings', async () => {
      const seen: unknown[] = [];
      await run({
        args: ['model', '', 'raw\ninput'],
        cgi: (command, input) => {
          seen.push(JSON.parse(command), input);
          return { stdout: '' };
        },
      });
      const envs = [{ name: 'TOPIC_ID', value: '7', env_name: 'TOPIC_ID', env_val: '7' }];
      assert.deepEqual(seen.slice(-2), [{ command: 'model', args: ['a b', 'ü"'], envs }, 'raw\ninput']);
    });

    test('says why there is no answer, and never aborts', async () => {
      const unknown = await run({ args: ['no such', 'x'], cgi: () => 4 });
      assert.deepEqual([unknown.ok, unknown.stdout, unknown.code], [false, '', 4]);
      assert.match(unknown.message ?? '', /^extension no such: invalid_extension \(4\), .*settings/);
      const large = await run({ args: ['model', 'x', 'x'], cgi: () => ({ stdout: 'y'.repeat(300_000) }) });
      assert.deepEqual([large.ok, large.code, large.stdout?.length], [false, -1, 100_000]);
      const frameOfNothing = await run({ args: ['model', 'x'], cgi: () => ({ stdout: '999999999\r\nabc' }) });
      assert.deepEqual([frameOfNothing.ok, frameOfNothing.stdout], [true, '999999999\r\nabc']);
    });

    test('lists what the node offers', async () => {
      const row = { fileName: 'f', alias: 'a', md5: 'm', description: 'ä' };
      const cgiList = JSON.stringify(Array.from({ length: 200 }, () => row));
      assert.deepEqual((await run({ cgiList, pipeBytes: 100 })).list, Array(200).fill('a/ä/f/m'));
      assert.deepEqual((await run({ cgiList: 'not JSON' })).list, []);
      assert.deepEqual((await run({ cgiList: '[1,{}]' })).list, ['///', '///']);
      assert.deepEqual((await run({})).list, []);
    });
  });
}
