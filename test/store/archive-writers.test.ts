import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzipStored } from '../../runtime/store/gzip-stored.ts';
import { readTar } from '../../runtime/store/tar.ts';
import { writeTar } from '../../runtime/store/tar-writer.ts';

const FILES = [
  { path: 'model/weights/w.bin', bytes: Buffer.alloc(70_000, 7) },
  { path: 'a.wasm', bytes: Buffer.from('module') },
  { path: 'empty', bytes: new Uint8Array() },
  { path: `${'long-folder/'.repeat(12)}name-ü.json`, bytes: Buffer.from('{}') },
];

test('an archive is read back by our reader and by tar, folders before their files', async () => {
  const tar = writeTar(FILES);
  const read = readTar(tar, { entries: 100 });
  assert.deepEqual([...read.keys()], FILES.map(({ path }) => path).sort());
  for (const { path, bytes } of FILES) assert.deepEqual(Buffer.from(read.get(path) ?? []), Buffer.from(bytes));

  const dir = await mkdtemp(join(tmpdir(), 'inferbase-tar-'));
  try {
    await writeFile(join(dir, 'x.tar.gz'), gzipStored(tar));
    execFileSync('tar', ['xzf', 'x.tar.gz'], { cwd: dir });
    for (const { path, bytes } of FILES) assert.deepEqual(await readFile(join(dir, path)), Buffer.from(bytes));
    const listed = execFileSync('tar', ['tzf', 'x.tar.gz', '--quoting-style=literal'], { cwd: dir, encoding: 'utf8' });
    const lines = listed.trimEnd().split('\n');
    assert.ok(lines.indexOf('model/') < lines.indexOf('model/weights/'));
    assert.ok(lines.indexOf('model/weights/') < lines.indexOf('model/weights/w.bin'));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('the same files make the same archive, in any order and on any machine', () => {
  const archive = gzipStored(writeTar(FILES));
  assert.deepEqual(gzipStored(writeTar(FILES.toReversed())), archive);
  assert.equal(hash('sha256', archive), '395c2ddaa2696f6fc8ce67978a47f23f76eb2bfcfbc39d3dfb55c30010b8a9ff');
});

test('stored gzip is what gunzip reads, at the edges of a block', () => {
  for (const length of [0, 1, 65_534, 65_535, 65_536, 131_070, 131_071]) {
    const bytes = Buffer.alloc(length, 'abcdefg');
    assert.deepEqual(gunzipSync(gzipStored(bytes)), bytes, String(length));
  }
});

test('a path without room in an archive is refused', () => {
  assert.throws(() => writeTar([{ path: 'x'.repeat(101), bytes: new Uint8Array() }]), { code: 'ERR_INVALID_REQUEST' });
});
