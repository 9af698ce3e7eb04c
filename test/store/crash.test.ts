import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { base32upper } from 'multiformats/bases/base32';
import { CID } from 'multiformats/cid';
import { decode } from 'multiformats/hashes/digest';
import { verifyBlock } from '../../runtime/core/cid.ts';
import { decodeRecord } from '../../runtime/store/function-record.ts';
import { createLayout } from '../../runtime/store/layout.ts';
import { decodeEntry } from '../../runtime/wasm/module-cache.ts';
import { blocklessPackage, filesBelow, gateway, importFiles, NEVER, openStore, tempDir, wasm } from './support.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));

interface Ended {
  readonly signal: string | null;
  readonly steps: readonly string[];
}

async function install(
  dataDir: string,
  url: string,
  cid: CID,
  end: { atStep?: number; afterMs?: number },
): Promise<Ended> {
  const args = [CHILD, dataDir, url, cid.toString(), String(end.atStep ?? -1)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const timer = end.afterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), end.afterMs);
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { signal, steps: output.split('\n').filter((line) => line !== '') };
}

/** Every file in the folder is whole, or nothing that anyone would believe. */
async function checkFolder(dataDir: string): Promise<void> {
  for (const path of await filesBelow(dataDir)) {
    const bytes = await readFile(path);
    const name = basename(path);
    if (path.endsWith('.data')) {
      const multihash = decode(base32upper.decode(name.slice(0, -'.data'.length)));
      assert.ok(verifyBlock(CID.createV1(0x55, multihash), bytes), `${path} is half-written`);
    } else if (name === 'pins.json') {
      assert.equal((JSON.parse(bytes.toString()) as unknown[]).length, 1);
    } else if (dirname(path) === join(dataDir, 'modules')) {
      const whole = name.endsWith('.json') ? decodeRecord(bytes, name.slice(0, -5)) : decodeEntry(bytes);
      assert.ok(whole !== undefined, `${path} is half-written`);
    } else {
      assert.fail(`${path} is left over`);
    }
  }
}

/** A node started on the folder afterwards finds it sound, cleans up and works. */
async function checkRestart(t: TestContext, dataDir: string, url: string, cid: CID): Promise<void> {
  const store = await openStore(t, { dataDir, gateways: [url] });
  await checkFolder(dataDir);
  assert.equal((await store.get(cid.toString(), { method: '', signal: NEVER })).name, 'f.wasm');
  await store.pin(cid.toString(), 'again');
  assert.deepEqual(
    (await store.pins()).map(({ name }) => name),
    ['again'],
  );
  await store.close();
  await checkFolder(dataDir);
}

test('killed at any step of an install, a node leaves nothing half-written and starts again', async (t) => {
  const { cid, blocks } = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('crash', 100_000) }]));
  const { url } = await gateway(t, blocks);
  const { steps } = await install(await tempDir(t), url, cid, {});
  const block = ['block-temp-written', 'block-renamed'];
  const rest = ['module', 'record', 'pins'].flatMap((kind) => [`${kind}-temp-written`, `${kind}-renamed`]);
  // Blocks are written beside the work.
  assert.deepEqual(steps.toSorted(), [...block, ...block, ...block, ...rest].sort());
  for (const [atStep, step] of steps.entries()) {
    await t.test(`killed at ${step} (${atStep + 1} of ${steps.length})`, async (t) => {
      const dataDir = await tempDir(t);
      const { signal } = await install(dataDir, url, cid, { atStep });
      assert.equal(signal, 'SIGKILL');
      await checkRestart(t, dataDir, url, cid);
    });
  }
});

test('killed at any moment of an install, a node leaves nothing half-written and starts again', async (t) => {
  const { cid, blocks } = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('random', 3_000_000) }]));
  const { url } = await gateway(t, blocks);
  const started = performance.now();
  await install(await tempDir(t), url, cid, {});
  const whole = performance.now() - started;
  let seed = Date.now() >>> 0;
  t.diagnostic(`seed ${seed}`);
  for (let round = 0; round < 4; round++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const dataDir = await tempDir(t);
    // Nothing is written while Node itself starts.
    await install(dataDir, url, cid, { afterMs: whole * (0.3 + (0.7 * seed) / 2 ** 32) });
    await checkRestart(t, dataDir, url, cid);
  }
});

test('several processes install the same function into one folder at once', async (t) => {
  const { cid, blocks } = await importFiles(blocklessPackage([{ name: 'f.wasm', data: wasm('processes', 2_500_000) }]));
  const { url } = await gateway(t, blocks);
  const dataDir = await tempDir(t);
  const ended = await Promise.all([0, 1, 2].map(() => install(dataDir, url, cid, {})));
  for (const { signal, steps } of ended) {
    assert.equal(signal, null);
    assert.equal(steps.at(-1), 'pins-renamed');
  }
  await checkRestart(t, dataDir, url, cid);
});

test('temporary files of a live process are left alone, those of dead ones and of an earlier life removed', async (t) => {
  const dataDir = await tempDir(t);
  const { tmp } = createLayout(dataDir);
  const first = await openStore(t, { dataDir });
  await first.close();
  const own = process.pid;
  const dead = spawn(process.execPath, ['-e', '0']);
  await once(dead, 'exit');
  const files = {
    live: `${process.ppid}-aa-1.tmp`,
    dead: `${dead.pid}-bb-2.tmp`,
    earlier: `${own}-cc-3.tmp`,
    foreign: 'x.txt',
  };
  for (const name of Object.values(files)) await writeFile(join(tmp, name), 'half');
  const second = await openStore(t, { dataDir });
  const left = (await filesBelow(tmp)).map((path) => basename(path));
  assert.deepEqual(left, [files.live, files.foreign].sort());
  // The same goes for the lock of a process that died while it pinned.
  await symlink(`${dead.pid}-bb`, join(dataDir, 'pins.json.lock'));
  const { cid } = await second.add([{ path: '', bytes: wasm('pin') }]);
  await second.pin(cid, 'pinned');
});
