import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { guest } from '../support/wat.ts';
import { run, temporaryFolder } from './command.ts';

describe('CAR files on the command line', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let cid = '';
  let packageCid = '';
  before(async () => {
    folder = await temporaryFolder();
    await mkdir(join(folder.path, 'package'));
    for (const name of ['exit-three', 'echo']) {
      await writeFile(join(folder.path, 'package', `${name}.wasm`), await guest(name));
    }
    await writeFile(join(folder.path, 'echo.wasm'), await guest('echo'));
    const { stdout } = await run(['pin', 'echo.wasm', 'package', '--json'], folder.path);
    [cid, packageCid] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).cid) as [string, string];
    for (const [name, of] of [
      ['echo.car', cid],
      ['package.car', packageCid],
    ] as const) {
      const exported = await run(['store', 'export', of, '-o', name], folder.path);
      assert.deepEqual([exported.code, exported.stderr], [0, '']);
      assert.match(exported.stdout, new RegExp(`^${of} [\\d.]+ (B|KiB) ${name}\n$`));
    }
  });
  after(() => folder[Symbol.asyncDispose]());

  test('a function runs from a CAR alone, by path, in a fresh data folder', async () => {
    const options = { input: 'from a CAR' };
    const echo = await run(['exec', 'echo.car', '--stdin', '-', '--data-dir', 'fresh-1'], folder.path, options);
    assert.deepEqual([echo.code, echo.stdout, echo.stderr], [0, 'from a CAR', '']);
    const args = ['exec', 'package.car', '--method', 'exit-three.wasm', '--data-dir', 'fresh-2'];
    assert.equal((await run(args, folder.path)).code, 3);
  });

  test('inspect shows what the root of a CAR is', async () => {
    const { code, stdout } = await run(['inspect', 'package.car', '--json', '--data-dir', 'fresh-3'], folder.path);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).kind, 'directory');
  });

  test('import and export give the same bytes back, through files and through pipes', async () => {
    const original = await readFile(join(folder.path, 'package.car'));
    const imported = await run(['store', 'import', '-', '--pin', 'kept', '--data-dir', 'other'], folder.path, {
      input: original,
    });
    assert.deepEqual([imported.code, imported.stderr], [0, '']);
    assert.match(imported.stdout, new RegExp(`^${packageCid}\n3 blocks, [\\d.]+ \\S+, pinned as kept\n$`));
    const again = join(folder.path, 'again.car');
    const exported = await run(
      ['store', 'export', packageCid, '-o', 'again.car', '--json', '--data-dir', 'other'],
      folder.path,
    );
    assert.deepEqual(JSON.parse(exported.stdout), { cid: packageCid, file: 'again.car', size: original.length });
    assert.deepEqual(await readFile(again), original);
    const piped = await run(['store', 'import', 'again.car', '--json', '--data-dir', 'other'], folder.path);
    assert.deepEqual(JSON.parse(piped.stdout).roots, [packageCid]);
    const out = await run(['store', 'export', packageCid, '-o', '-', '--data-dir', 'other'], folder.path);
    assert.equal(out.code, 0);
    assert.equal(Buffer.byteLength(out.stdout) > 0, true);
  });

  test('a pinned CAR is pinned by its root', async () => {
    const { code, stdout } = await run(['pin', 'package.car', '--json', '--data-dir', 'pinned'], folder.path);
    assert.equal(code, 0);
    const { cid: root, name } = JSON.parse(stdout);
    assert.deepEqual([root, name], [packageCid, 'package.car']);
    const pins = JSON.parse(await readFile(join(folder.path, 'pinned', 'pins.json'), 'utf8'));
    assert.deepEqual(
      pins.map((pin: { cid: string }) => pin.cid),
      [packageCid],
    );
  });

  test('refused with one sentence: a CAR that is damaged, cut short, incomplete, no file, no CID', async () => {
    const whole = await readFile(join(folder.path, 'package.car'));
    const damaged = Buffer.from(whole);
    damaged[whole.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    await writeFile(join(folder.path, 'damaged.car'), damaged);
    await writeFile(join(folder.path, 'cut.car'), whole.subarray(0, -10));
    // The root names two modules; the last one is left out.
    const last = await readFile(join(folder.path, 'package', 'exit-three.wasm'));
    const entry = 36 + last.length;
    const withoutLast = whole.subarray(0, -(entry + (entry < 0x80 ? 1 : 2)));
    await writeFile(join(folder.path, 'incomplete.car'), withoutLast);
    await mkdir(join(folder.path, 'empty/blocks'), { recursive: true });
    const rows: readonly [args: string[], message: RegExp][] = [
      [['store', 'import', 'damaged.car'], /^error ERR_INTEGRITY: .*its block at byte \d+ is not what \w+ names/],
      [['store', 'import', 'cut.car'], /^error ERR_INVALID_ARCHIVE: .*cut short in the entry at byte \d+/],
      [
        ['store', 'import', 'incomplete.car'],
        /^error ERR_INVALID_ARCHIVE: The CAR is not complete: 1 block below .*\n {2}missing: bafk/,
      ],
      [['exec', 'damaged.car'], /^error ERR_INTEGRITY/],
      [['store', 'import', 'none.car'], /^error ERR_INVALID_REQUEST: none\.car cannot be read \(ENOENT\)/],
      [['store', 'import', 'echo.wasm'], /^error ERR_INVALID_ARCHIVE/],
      [['store', 'export', 'echo.wasm'], /^error ERR_INVALID_CID: echo\.wasm is a file/],
      [
        ['store', 'export', cid, '-o', 'none/x.car'],
        /^error ERR_INVALID_REQUEST: none\/x\.car cannot be written \(ENOENT\)/,
      ],
      [['store', 'export', cid, '--data-dir', 'empty'], /^error ERR_FUNCTION_NOT_FOUND/],
    ];
    for (const [args, message] of rows) {
      const dir = args.includes('--data-dir') || args.includes('export') ? [] : ['--data-dir', 'refused'];
      const { code, stderr } = await run([...args, ...dir], folder.path);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, message);
    }
    assert.deepEqual(
      (await readdir(folder.path)).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  test('store without a command says which there are', async () => {
    const { code, stderr } = await run(['store'], folder.path);
    assert.equal(code, 2);
    assert.match(stderr, /import .*\n.*export /s);
  });
});
