import assert from 'node:assert/strict';
import { appendFile, mkdir, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLogLine } from '../../../runtime/cli/local/log-line.ts';
import { createLogReader } from '../../../runtime/cli/local/log-reader.ts';
import { NO_TERMINAL, startAtTerminal } from '../../support/pseudo-terminal.ts';
import { run, start, temporaryFolder } from '../command.ts';

test('a line of a log is read for a person, and any other stays as it is', () => {
  const lines = ['{"level":40,"time":1000,"cid":"bafy","n":2,"msg":"slow"}', '{"level":50,"msg":"x"}'];
  assert.deepEqual(lines.map(readLogLine), [
    { time: 1000, severity: 'warn', text: 'warn slow cid="bafy" n=2' },
    { time: null, severity: 'error', text: 'error x' },
  ]);
  for (const text of ['API http://127.0.0.1:6000', '{"level":40,', '{"level":"x","msg":"y"}', '{"level":1}', '']) {
    assert.deepEqual(readLogLine(text), { time: null, severity: 'plain', text });
  }
});

test('a log is read as it grows, is begun anew or is replaced; what is no whole line waits', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'log.txt');
  const reader = createLogReader(path);
  assert.deepEqual(await reader.read(), []);
  await writeFile(path, 'one\ntw');
  assert.deepEqual(await reader.read(), ['one']);
  await appendFile(path, 'o\nthree €'.slice(0, 9));
  assert.deepEqual(await reader.read(), ['two']);
  await appendFile(path, Buffer.from('€\n').subarray(0, 2));
  assert.deepEqual(await reader.read(), []);
  await appendFile(path, Buffer.from('€\n').subarray(2));
  assert.deepEqual(await reader.read(), ['three €€']);
  await truncate(path);
  await appendFile(path, 'a\n');
  assert.deepEqual(await reader.read(), ['a']);
  await rename(path, `${path}.old`);
  assert.deepEqual(await reader.read(), []);
  await writeFile(path, 'another file\n');
  assert.deepEqual(await reader.read(), ['another file']);
});

test('of a large log the end is read, in whole lines', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'log.txt');
  await writeFile(path, Array.from({ length: 300_000 }, (_, i) => `line ${i}\n`).join(''));
  const lines = await createLogReader(path).read();
  assert.equal(lines.at(-1), 'line 299999');
  assert.ok(lines.length < 200_000 && lines.every((line) => /^line \d+$/.test(line)));
});

describe('logs', () => {
  async function project(): Promise<Awaited<ReturnType<typeof temporaryFolder>>> {
    const folder = await temporaryFolder();
    for (const role of ['head', 'worker']) await mkdir(join(folder.path, 'nodes', role), { recursive: true });
    const line = (time: number, msg: string): string => `${JSON.stringify({ level: 30, time, msg })}\n`;
    await writeFile(join(folder.path, 'nodes/head/log.old.txt'), line(1000, 'earliest'));
    await writeFile(join(folder.path, 'nodes/head/log.txt'), `${line(2000, 'first')}plain\n${line(4000, 'third')}`);
    await writeFile(join(folder.path, 'nodes/worker/log.txt'), line(3000, 'second \u001b[31mred\u202e'));
    return folder;
  }

  test('of all processes come in the order of time, with nothing in them that steers a terminal', async () => {
    await using folder = await project();
    const { code, stdout, stderr } = await run(['logs'], folder.path);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(
      stdout
        .replace(/\d\d:\d\d:\d\d /g, '')
        .trimEnd()
        .split('\n'),
      [
        'head   | info earliest',
        'head   | info first',
        'head   | plain',
        'worker | info second \\u{1b}[31mred\\u{202e}',
        'head   | info third',
      ],
    );
    assert.match((await run(['logs', 'worker'], folder.path)).stdout, /^worker \| \S+ info second [^\n]*\n$/);
    assert.match((await run(['logs', '-n', '1'], folder.path)).stdout, /^head {3}\| \S+ info third\n$/);
    const [first = ''] = (await run(['logs', '--json'], folder.path)).stdout.split('\n');
    assert.deepEqual(JSON.parse(first), { role: 'head', line: '{"level":30,"time":1000,"msg":"earliest"}' });
  });

  test('-f goes on until Ctrl-C', async () => {
    await using folder = await project();
    const logs = start(['logs', '-f', 'head'], folder.path);
    await logs.until(/third/);
    await appendFile(join(folder.path, 'nodes/head/log.txt'), 'and then\n');
    await logs.until(/^head {3}\| and then$/m);
    logs.kill('SIGINT');
    assert.equal((await logs.finished).code, 0);
  });

  test('at a terminal colours are ours alone', { skip: NO_TERMINAL }, async () => {
    await using folder = await project();
    const { code, raw, screen } = await startAtTerminal(['logs'], folder.path).finished;
    assert.equal(code, 0);
    assert.ok(raw.includes('\u001b[2m') && !screen.includes('\u001b'), raw);
  });

  test('refused: a process there is not, a number that is none, a folder without logs', async () => {
    await using folder = await project();
    await using empty = await temporaryFolder();
    const rows: readonly (readonly [args: string[], cwd: string, code: number, message: RegExp])[] = [
      [['logs', 'tail'], folder.path, 2, /tail is none of model, head, worker/],
      [['logs', '-n', '-1'], folder.path, 2, /--lines -1 is no number of lines/],
      [
        ['logs'],
        empty.path,
        1,
        /there are no logs of model, head, worker in \S+, nor in a folder above it; inferbase run/,
      ],
      [['logs', 'model'], folder.path, 1, /there are no logs of model/],
    ];
    for (const [args, cwd, code, message] of rows) {
      const refused = await run(args, cwd);
      assert.deepEqual([refused.code, refused.stdout], [code, ''], refused.stderr);
      assert.match(refused.stderr, message);
    }
  });
});
