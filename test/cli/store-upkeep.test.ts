import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { guest } from '../support/wat.ts';
import { run, start, temporaryFolder } from './command.ts';

describe('store ls, stat, verify and gc', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let echo = '';
  let three = '';
  before(async () => {
    folder = await temporaryFolder();
    for (const name of ['echo', 'exit-three']) await writeFile(join(folder.path, `${name}.wasm`), await guest(name));
    echo = JSON.parse((await run(['pin', 'echo.wasm', '--json'], folder.path)).stdout).cid;
    // Known, not pinned.
    three = JSON.parse(
      (await run(['pin', 'exit-three.wasm', '--json', '--data-dir', 'other'], folder.path)).stdout,
    ).cid;
    await run(['store', 'export', three, '-o', 'three.car', '--data-dir', 'other'], folder.path);
    await run(['exec', 'three.car'], folder.path);
  });
  after(() => folder[Symbol.asyncDispose]());

  test('ls lists what is pinned, then what is in the cache', async () => {
    const { code, stdout, stderr } = await run(['store', 'ls'], folder.path);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^${echo} \\d+ B pinned echo\\.wasm\n${three} \\d+ B cached\n$`));
    const lines = (await run(['store', 'ls', '--json'], folder.path)).stdout.trimEnd().split('\n');
    const [first, second] = lines.map((line) => JSON.parse(line));
    assert.deepEqual([first.cid, first.pin, first.blocks, first.missing], [echo, 'echo.wasm', 1, 0]);
    assert.deepEqual([second.cid, second.pin], [three, null]);
  });

  test('stat tells sizes and the limit', async () => {
    const { stdout } = await run(['store', 'stat', '--store-max-bytes', '2000000'], folder.path);
    assert.match(stdout, /^folder {3}\S+\nsize {5}[\d.]+ (B|KiB) of 1\.9 MiB \([\d.]+ %\)\npins {5}1\nblocks {3}2, /);
    assert.match((await run(['store', 'stat'], folder.path)).stdout, /^size .* of 10\.0 GiB /m);
    const measured = JSON.parse((await run(['store', 'stat', '--json'], folder.path)).stdout);
    assert.deepEqual([measured.pins, measured.files.block.count, measured.files.module.count], [1, 2, 1]);
  });

  test('verify is 0 when all is well, 1 when something is bad, 0 again once it is gone', async () => {
    const good = await run(['store', 'verify'], folder.path);
    assert.deepEqual([good.code, good.stderr], [0, '']);
    assert.match(good.stdout, /^2 blocks, 1 prepared file, [\d.]+ \S+: all good\n$/);
    const blocks = join(folder.path, '.inferbase', 'blocks');
    await writeFile(join(blocks, 'stray.txt'), 'no block');
    const bad = await run(['store', 'verify'], folder.path);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /^bad \S+stray\.txt is nothing that belongs here\n$/);
    assert.equal(JSON.parse((await run(['store', 'verify', '--json'], folder.path)).stdout).bad.length, 1);
    const removed = await run(['store', 'verify', '--remove'], folder.path);
    assert.equal(removed.code, 0);
    assert.match(removed.stderr, /^removed \S+stray\.txt/);
    assert.ok(!(await readdir(blocks)).includes('stray.txt'));
  });

  test('verify --repair fetches again what a pin lacks, from a node that has it', async () => {
    const node = start(['serve', '--listen-api', '127.0.0.1:0'], folder.path);
    const [, url = ''] = await node.until(/API (http\S+)/);
    const data = ['--data-dir', 'damaged'];
    await run(['pin', 'echo.wasm', ...data], folder.path);
    const { files } = JSON.parse((await run(['store', 'stat', '--json', ...data], folder.path)).stdout);
    assert.equal(files.block.count, 1);
    const blocks = join(folder.path, 'damaged', 'blocks');
    const [prefix = ''] = await readdir(blocks);
    const [name = ''] = await readdir(join(blocks, prefix));
    await writeFile(join(blocks, prefix, name), 'evil bytes!');
    const alone = await run(['store', 'verify', '--repair', ...data], folder.path);
    assert.equal(alone.code, 1);
    assert.match(
      alone.stderr,
      new RegExp(`cannot be fetched: .*\npinned ${echo} \\(echo\\.wasm\\) lacks 1 block; fetch`),
    );
    const repaired = await run(['store', 'verify', '--repair', ...data, '--gateways', url], folder.path);
    assert.deepEqual([repaired.code, repaired.stderr], [0, '']);
    assert.equal((await run(['exec', echo, '--stdin', '-', ...data], folder.path, { input: 'back' })).stdout, 'back');
    node.kill('SIGINT');
    assert.equal((await node.finished).code, 0);
  });

  test('gc removes what is not pinned, and says what it left alone', async () => {
    const kept = await run(['store', 'gc'], folder.path);
    assert.match(kept.stdout, /^removed 0 files, 0 B; .* left\nkept \d+ files? used within 120 s; see --grace\n$/);
    const room = await run(['store', 'gc', '--grace', '0', '--keep', '100000000', '--json'], folder.path);
    assert.equal(JSON.parse(room.stdout).removedFiles, 0);
    const { code, stdout } = await run(['store', 'gc', '--grace', '0'], folder.path);
    assert.equal(code, 0);
    assert.match(stdout, /^removed [2-4] files, [\d.]+ \S+; \d+ B left\n$/);
    assert.match((await run(['store', 'ls'], folder.path)).stdout, new RegExp(`^${echo} \\d+ B pinned echo\\.wasm\n$`));
    const wrong = await run(['store', 'gc', '--keep', '1GB'], folder.path);
    assert.deepEqual(
      [wrong.code, wrong.stderr],
      [2, 'error ERR_INVALID_SETTING: --keep is "1GB"; give a whole number\n'],
    );
  });
});
