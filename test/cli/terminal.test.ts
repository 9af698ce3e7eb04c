import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { COMMAND_NAMES } from '../../runtime/cli/program.ts';
import { NO_TERMINAL, startAtTerminal, type TerminalResult } from '../support/pseudo-terminal.ts';
import { guest } from '../support/wat.ts';
import { type Finished, run, start, temporaryFolder } from './command.ts';

interface Case {
  /** Arguments, without and with a terminal; what the first made, the second finds. */
  readonly args: readonly string[];
  readonly atTerminal?: readonly string[];
  readonly code?: number;
  /** What is read in the end, in both. */
  readonly says: RegExp;
  /** It runs until Ctrl-C, typed once this has been said. */
  readonly until?: RegExp;
  /** Only at a terminal: the other is seen elsewhere and is long. */
  readonly terminalOnly?: boolean;
}

const ANY_PORT = ['--listen-api', '127.0.0.1:0'];

/** By command: each has one. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  start: [
    { args: ['start', '--once', ...ANY_PORT], says: /^✓ node 12D3\S+: http[\s\S]*infererValue/m, terminalOnly: true },
  ],
  serve: [{ args: ['serve', ...ANY_PORT], says: /closing after SIGINT$/m, until: /API http/ }],
  exec: [
    { args: ['exec', 'exit-three.wasm'], code: 3, says: /^out\n?err$/ },
    { args: ['exec', 'none.wasm'], code: 1, says: /^error ERR_INVALID_REQUEST: there is no file none\.wasm/ },
  ],
  init: [
    { args: ['init', 'a'], atTerminal: ['init', 'b'], says: /^✓ [ab]: 15 files$[\s\S]*inferbase run$/m },
    { args: ['init', 'taken'], code: 1, says: /nothing is overwritten/ },
  ],
  build: [
    {
      args: ['build', '.'],
      says: /^✓ (?:built|unchanged) told build\/told\.wasm \d+ B\n✓ package bafy\w+ build\/told /,
    },
    { args: ['build', 'none'], code: 1, says: /^error ERR_INVALID_REQUEST: there is no folder \S+none/ },
  ],
  run: [
    {
      args: ['run', ...ANY_PORT, '--head-port', '0', '--worker-port', '0'],
      says: /^✓ worker (?:started|runs already): \S+, topic 1 \(pid \d+\)$[\s\S]*^curl [\s\S]*inferbase terminate\./m,
    },
  ],
  status: [{ args: ['status'], says: /^head {3}up {3}http:\S+\n[\s\S]*^worker up/m }],
  logs: [{ args: ['logs', 'head'], says: /^head {3}\| peer id 12D3/m }],
  terminate: [{ args: ['terminate'], says: /^✓ worker ended \(pid \d+\)$|^nothing runs in \S+$/m }],
  test: [{ args: ['test', '.'], says: /^ {2}✓ ends with three[\s\S]*^1 passed/m }],
  dev: [
    {
      args: ['dev', '.', '--port', '0'],
      says: /Ctrl-C ends$[\s\S]*^ {2}stdout out$[\s\S]*^ {2}exited 3 \(/m,
      until: /^ {2}exited 3 \(.*\)$/m,
    },
  ],
  pin: [{ args: ['pin', 'exit-three.wasm'], says: /^bafk\w+ \d+ B exit-three\.wasm\n/ }],
  unpin: [
    { args: ['unpin', 'a.txt'], atTerminal: ['unpin', 'b.txt'], says: /^bafk\w+ unpinned, local$/m },
    { args: ['unpin', 'c.txt'], code: 1, says: /c\.txt/ },
  ],
  pins: [{ args: ['pins'], says: /CID.* exit-three\.wasm/ }],
  store: [
    {
      args: ['store', 'export', 'CID', '-o', 'one.car'],
      atTerminal: ['store', 'export', 'CID', '-o', 'two.car'],
      says: /CID/,
    },
    { args: ['store', 'import', 'one.car'], says: /CID/ },
    { args: ['store', 'ls'], says: /CID.*pinned exit-three\.wasm/ },
    { args: ['store', 'stat'], says: /^blocks +\d+/m },
    { args: ['store', 'verify'], says: /all good$/m },
    { args: ['store', 'gc'], says: /^removed/m },
    { args: ['store'], code: 2, says: /^Usage: inferbase store/ },
  ],
  keys: [
    { args: ['keys', 'generate', '-o', 'k'], says: /^peer id 12D3KooW\w+$/m },
    { args: ['keys', 'show', 'none'], code: 2, says: /^error ERR_INVALID_SETTING: There is no key file/m },
  ],
  verify: [
    { args: ['verify', 'unsigned.json'], code: 1, says: /^✗ 12D3KooWPeer: it did not sign$/m },
    { args: ['verify', 'a.txt'], code: 2, says: /^error ERR_INVALID_REQUEST: the answer cannot be read: invalid/ },
  ],
  inspect: [{ args: ['inspect', 'exit-three.wasm'], says: /^runs {5}yes$/m }],
};

describe('every command, with and without a terminal', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cid = '';
  before(async () => {
    folder = await temporaryFolder();
    const dir = folder.path;
    await writeFile(join(dir, 'exit-three.wasm'), await guest('exit-three'));
    await writeFile(join(dir, 'inferbase.yaml'), 'function: {name: told, module: exit-three.wasm}');
    const own = 'module: exit-three.wasm\ntests: [{name: ends with three, expect: {exitCode: 3}}]';
    await writeFile(join(dir, 'told.test.yaml'), own);
    for (const name of ['a.txt', 'b.txt']) await writeFile(join(dir, name), name);
    await run(['pin', 'a.txt', 'b.txt'], dir);
    const unsigned = '{"code":"200","results":[{"result":{"stdout":"1"},"peers":["12D3KooWPeer"]}]}';
    await writeFile(join(dir, 'unsigned.json'), unsigned);
    await mkdir(join(dir, 'taken'));
    await writeFile(join(dir, 'taken', 'README.md'), 'mine');
    cid = JSON.parse((await run(['pin', 'exit-three.wasm', '--json'], dir)).stdout).cid;
  });
  after(() => folder[Symbol.asyncDispose]());

  const filledIn = (args: readonly string[]): string[] => args.map((arg) => (arg === 'CID' ? cid : arg));

  async function withoutTerminal({ args, until }: Case): Promise<Finished> {
    if (until === undefined) return await run(filledIn(args), folder.path);
    const running = start(filledIn(args), folder.path);
    await running.until(until);
    running.kill('SIGINT');
    return await running.finished;
  }

  async function withTerminal({ args, atTerminal = args, until }: Case): Promise<TerminalResult> {
    const running = startAtTerminal(filledIn(atTerminal), folder.path, { columns: 240 });
    if (until !== undefined) {
      await running.until(until);
      running.type('\u0003');
    }
    return await running.finished;
  }

  test('has a case here', () => {
    assert.deepEqual(Object.keys(CASES).sort(), COMMAND_NAMES.toSorted());
  });

  for (const [name, cases] of Object.entries(CASES)) {
    for (const [index, item] of cases.entries()) {
      const says = (): RegExp => new RegExp(item.says.source.replaceAll('CID', cid), item.says.flags);

      test(`${name} ${index + 1} without a terminal: plain lines`, { skip: item.terminalOnly === true }, async () => {
        const { code, stdout, stderr } = await withoutTerminal(item);
        const all = stdout + stderr;
        assert.equal(code, item.code ?? 0, all);
        assert.match(all, says());
        assert.ok(!all.includes('\u001b') && !all.includes('\r'), JSON.stringify(all));
      });

      test(`${name} ${index + 1} at a terminal: the same, and no bar left behind`, { skip: NO_TERMINAL }, async () => {
        const { code, screen } = await withTerminal(item);
        assert.equal(code, item.code ?? 0, screen);
        assert.match(screen, says());
        assert.ok(!screen.includes('\u001b') && !/[⠀-⣿▕█░▏]/.test(screen), JSON.stringify(screen));
      });
    }
  }

  test('output without a line end has one at a terminal, and as it is elsewhere', { skip: NO_TERMINAL }, async () => {
    const [item] = CASES.exec ?? [];
    assert.ok(item !== undefined);
    assert.equal((await withoutTerminal(item)).stdout, 'out');
    assert.match((await withTerminal(item)).screen, /^out\nerr$/);
  });

  test('pin prints a curl for what can be asked, with the method it needs', { skip: NO_TERMINAL }, async () => {
    const pkg = join(folder.path, 'packed');
    await mkdir(pkg);
    await writeFile(join(pkg, 'inner.wasm'), await guest('exit-three'));
    const screenOf = async (path: string) => (await withTerminal({ args: ['pin', path], says: /./ })).screen;
    assert.match(await screenOf('exit-three.wasm'), /^bafk[\s\S]*curl [\s\S]*"method": "exit-three\.wasm"/);
    assert.match(await screenOf('packed'), /^bafy[\s\S]*curl [\s\S]*"method": "inner\.wasm"/);
    assert.match(await screenOf('a.txt'), /^bafk\w+ 5 B a\.txt\n$/);
  });
});
